"""Lifespans of ASGI servers in this process: what is drained at their end, and whether one runs around a request.

Servers such as uvicorn end by the signal they were sent, and no exit hook runs then: only the end of the lifespan
drains. A `dekaf_lifespan`, or the `with_lifespan` of Django's adapter, says in the lifespan's state that it is there;
servers hand that state to every request, also below a mounted application.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, final

from dekaf.sigterm import SigtermDrain, sigterm_drain

__all__ = ("SERVED", "STATE_KEY", "drain_with_lifespans", "lifespan_served", "why_lost_at_stop")

logger = logging.getLogger("dekaf.lifespans")

Drain = Callable[[], Awaitable[object]]

STATE_KEY: Final = "dekaf"  # in the state of a lifespan: the registry that ends with it, or that one is drained


@final
class Served:
    """What is in a lifespan's state where no registry belongs to it alone."""


SERVED: Final = Served()


@final
class _Lifespans:
    """Those that run in this process, and what is drained at the end of the last one."""

    def __init__(self) -> None:
        self.running = 0
        self.drains: Final[list[Drain]] = []


_lifespans: Final = _Lifespans()


def drain_with_lifespans(drain: Drain) -> None:
    """Have the producers of the process drained at the end of whichever lifespan is served.

    Args:
        drain: What delivers, and leaves the producers fit for use: another lifespan may begin in this process.
    """
    _lifespans.drains.append(drain)


@asynccontextmanager
async def lifespan_served() -> AsyncIterator[None]:
    """Drain the producers of the process at the end, unless another lifespan still runs."""
    _lifespans.running += 1
    try:
        yield
    finally:
        _lifespans.running -= 1
        if not _lifespans.running:
            await _drain_all()


async def _drain_all() -> None:
    for drain in _lifespans.drains:
        try:
            await drain()
        except Exception as error:
            known = {"dekaf_error": type(error).__name__}
            logger.exception("Producers could not be drained at the end of the lifespan", extra=known)


def why_lost_at_stop(scope: Mapping[str, Any], remedy: str) -> str | None:
    """Return why messages that wait would be lost when the server of a request stops, and what to do about it.

    Args:
        scope: Of the request: https://asgi.readthedocs.io/en/latest/specs/lifespan.html#lifespan-state.
        remedy: What to do where no lifespan is served.

    Returns:
        None if nothing is lost: the lifespan is served; or the server, which has no state for lifespans, ends in the
        ordinary way, such as daphne; or `drain_on_sigterm` is in force; or it is a test.
    """
    state = scope.get("state")
    if state is None or STATE_KEY in state or _is_of_a_test(scope):
        return None
    drain = sigterm_drain()
    if drain is SigtermDrain.IN_FORCE:
        return None
    if drain is SigtermDrain.REPLACED:
        return (
            "drain_on_sigterm() was called, but the server has put a handler of its own in the place of dekaf's, so "
            "messages that still wait when it stops are lost. In an application that is preloaded, call it in "
            "gunicorn's post_worker_init."
        )
    return (
        "No lifespan of dekaf runs around the requests of this server, so messages that still wait when it stops are "
        f"lost. {remedy}"
    )


def _is_of_a_test(scope: Mapping[str, Any]) -> bool:
    """Return whether Starlette's TestClient asks: it has a state without a lifespan, too."""
    return "http.response.debug" in (scope.get("extensions") or {})
