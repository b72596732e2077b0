"""Django's ASGI application with the end of the server's lifespan, at which producers are drained.

Django answers no lifespan, and uvicorn ends by the signal it was sent, so that no exit hook runs and what lingers is
lost. Write in asgi.py:

    from dekaf.contrib.django.asgi import get_asgi_application

    application = get_asgi_application()
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, cast, final

from django.core.asgi import get_asgi_application as get_django_application
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started

from dekaf.contrib.django.lifespan import ASGIApplication, Lifespan, Message, Receive, Send
from dekaf.contrib.django.producers import aclose_producers, reopen_producers, tell_at_next_lookup
from dekaf.contrib.django.uwsgi_stop import why_lost_under_uwsgi
from dekaf.lifespans import SERVED, STATE_KEY, lifespan_served, why_lost_at_stop

__all__ = ("LifespanApplication", "get_asgi_application", "is_wrapped", "watch_requests", "with_lifespan")

logger = logging.getLogger("dekaf.contrib.django")

# Where wrappers keep what they wrap: Sentry, Channels, WhiteNoise and most middleware.
_INNER: Final = ("app", "application", "inner", "__wrapped__")
_WRAPPERS_AT_MOST: Final = 20

_wrappers: Final[list[LifespanApplication]] = []  # all of them: one, where there is asgi.py

_REMEDY_PLAIN: Final = (
    "Write in asgi.py: from dekaf.contrib.django.asgi import get_asgi_application. Or call dekaf.drain_on_sigterm() "
    "there."
)
_REMEDY_MOUNTED: Final = (
    "Django is inside another application, whose lifespan has to be dekaf's: write "
    "FastAPI(lifespan=dekaf_lifespan(settings)), or app = dekaf.contrib.django.asgi.with_lifespan(app) around the "
    "outermost one."
)
_REMEDY_NOT_RUN: Final = (
    "If dekaf's get_asgi_application() is inside another application, such as a ProtocolTypeRouter, write "
    "application = dekaf.contrib.django.asgi.with_lifespan(application) around the outermost one. If the server is "
    'told to run no lifespan (uvicorn --lifespan off; CONFIG_KWARGS = {"lifespan": "off"} of a gunicorn worker), have '
    "it run one, or call dekaf.drain_on_sigterm() in asgi.py."
)


def get_asgi_application() -> LifespanApplication:
    """Return Django's ASGI application, which drains the producers when the server shuts down."""
    return with_lifespan(cast("ASGIApplication", get_django_application()))


def with_lifespan(application: ASGIApplication) -> LifespanApplication:
    """Return an ASGI application that drains the producers when the server shuts down, around another one.

    For an application that is not Django's alone, such as a `ProtocolTypeRouter` of Channels, or a FastAPI application
    in which Django is mounted. Write it around the outermost one. One inside that serves lifespans goes on to do so.
    """
    return LifespanApplication(application)


@final
class LifespanApplication:
    """An ASGI application that drains the producers at the end of the lifespan, and passes on everything else.

    The protocol: https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """

    def __init__(self, application: ASGIApplication) -> None:
        self.application: Final = application
        _wrappers.append(self)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan of the server."""
        if scope["type"] != "lifespan":
            if _watch.is_on:
                _watch.look_at(scope)
            await self.application(scope, receive, send)
            return
        reopen_producers()
        if (state := scope.get("state")) is not None:
            state[STATE_KEY] = SERVED
        async with lifespan_served():
            await Lifespan(receive, send, _shut_down).run(self.application, scope)


async def _shut_down() -> Message:
    try:
        await aclose_producers()
    except Exception as error:
        logger.exception("Producers could not be closed at shutdown", extra={"dekaf_error": type(error).__name__})
        return {"type": "lifespan.shutdown.failed", "message": str(error)}
    return {"type": "lifespan.shutdown.complete"}


def is_wrapped(application: object) -> bool:
    """Return whether there is a `LifespanApplication` in an application or in what it wraps, as far as that shows."""
    inner: object | None = application
    for _ in range(_WRAPPERS_AT_MOST):
        if inner is None or isinstance(inner, LifespanApplication):
            break
        inner = next((found for name in _INNER if (found := getattr(inner, name, None)) is not None), None)
    return isinstance(inner, LifespanApplication)


def watch_requests() -> None:
    """Look at the first request, whether what waits is drained when its server stops; the first look-up says if not."""
    _watch.is_on = True
    request_started.connect(_on_request_started, dispatch_uid="dekaf.contrib.django")


@final
class _Watch:
    """For the first request that an ASGI server brings."""

    def __init__(self) -> None:
        self.is_on = False

    def look_at(self, scope: Mapping[str, Any]) -> None:
        """Have the next look-up of a producer say what would be lost; look at no more requests."""
        self.is_on = False
        request_started.disconnect(dispatch_uid="dekaf.contrib.django")
        fault = why_lost_at_stop(scope, _remedy(scope))
        if fault is not None:
            tell_at_next_lookup(fault)


_watch: Final = _Watch()


def _remedy(scope: Mapping[str, Any]) -> str:
    if "app" in scope:  # Starlette's
        return _REMEDY_MOUNTED
    return _REMEDY_NOT_RUN if _wrappers else _REMEDY_PLAIN


def _on_request_started(sender: type[object], scope: Mapping[str, Any] | None = None, **_: Any) -> None:
    if _watch.is_on and scope is not None and issubclass(sender, ASGIHandler):
        _watch.look_at(scope)
        return
    request_started.disconnect(dispatch_uid="dekaf.contrib.django")  # WSGI servers end in the ordinary way, but one
    fault = None if scope is not None else why_lost_under_uwsgi()
    if fault is not None:
        tell_at_next_lookup(fault)
