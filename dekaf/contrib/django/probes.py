"""The views that answer the probes of an orchestrator, and the middleware that does so ahead of everything else.

What they answer is in ``settings.DEKAF_PROBES``, whose entries are the arguments of ``dekaf.probes.Probes``.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, Final, final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from dekaf.contrib.django.producers import get_registry
from dekaf.errors import ConfigurationError
from dekaf.nearest_name import nearest_name
from dekaf.probes import ProbeAnswer, Probes

__all__ = ("PROBES_SETTING", "ProbesMiddleware", "livez", "probes_of_settings", "readyz", "startupz")

PROBES_SETTING: Final = "DEKAF_PROBES"

GetResponse = Callable[[HttpRequest], Any]


@cache
def probes_of_settings() -> Probes:
    """Return what answers the probes of this process.

    Raises:
        ConfigurationError: Something is wrong in the setting.
    """
    given: object = getattr(settings, PROBES_SETTING, {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"{PROBES_SETTING} must be a mapping such as {{'topics': ['orders']}}, not {given!r}.")
    known = tuple(inspect.signature(Probes).parameters)
    for name in given:
        if name not in known:
            near = nearest_name(str(name), known)
            hint = f"Did you mean {near!r}?" if near else f"It may have {', '.join(known)}."
            raise ConfigurationError(f"{PROBES_SETTING} has no {name!r}. {hint}")
    return Probes(**given)


def _forget_probes(*, setting: str, **_: Any) -> None:
    if setting == PROBES_SETTING:
        probes_of_settings.cache_clear()


setting_changed.connect(_forget_probes)


async def livez(_request: HttpRequest) -> JsonResponse:
    """Answer a liveness probe."""
    return _response(probes_of_settings().live(get_registry()))


async def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer a readiness probe."""
    return _response(await probes_of_settings().aready(get_registry()))


async def startupz(_request: HttpRequest) -> JsonResponse:
    """Answer a start-up probe."""
    return _response(await probes_of_settings().astarted(get_registry()))


for _view in (livez, readyz, startupz):  # what django.contrib.auth's login_not_required does, as of Django 5.1
    _view.login_required = False  # type: ignore[attr-defined]


@final
class ProbesMiddleware:
    """Answers `/livez`, `/readyz` and `/startupz` itself. Put it first in `MIDDLEWARE`.

    There no other middleware sees a probe: none that refuses the pod's address as a host, redirects to HTTPS or wants a
    login. The paths have to be free; URLs for them are not needed.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response: Final = get_response
        self._is_async: Final = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer a probe, or pass the request on."""
        if request.path_info in _VIEWS:
            view, answer = _VIEWS[request.path_info]
            return view(request) if self._is_async else _response(answer())
        passed_on: HttpResponseBase | Awaitable[HttpResponseBase] = self._get_response(request)
        return passed_on


def _live() -> ProbeAnswer:
    return probes_of_settings().live(get_registry())


def _ready() -> ProbeAnswer:
    return probes_of_settings().ready(get_registry())


def _started() -> ProbeAnswer:
    return probes_of_settings().started(get_registry())


_VIEWS: Final[dict[str, tuple[Callable[[HttpRequest], Awaitable[JsonResponse]], Callable[[], ProbeAnswer]]]] = {
    "/livez": (livez, _live),
    "/readyz": (readyz, _ready),
    "/startupz": (startupz, _started),
}


def _response(answer: ProbeAnswer) -> JsonResponse:
    return JsonResponse(answer.body, status=answer.status, headers={"Cache-Control": "no-store"})
