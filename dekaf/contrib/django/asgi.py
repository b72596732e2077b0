"""Django's ASGI application with the end of the server's lifespan, at which producers are drained.

Django answers no lifespan, and uvicorn ends by the signal it was sent, so that no exit hook runs and what lingers is
lost. Write in asgi.py:

    from dekaf.contrib.django.asgi import get_asgi_application

    application = get_asgi_application()
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, cast, final

from django.core.asgi import get_asgi_application as get_django_application
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started

from dekaf.contrib.django.producers import aclose_producers, reopen_producers

__all__ = ("LifespanApplication", "get_asgi_application", "is_wrapped", "watch_requests", "with_lifespan")

logger = logging.getLogger("dekaf.contrib.django")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApplication = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

# Where wrappers keep what they wrap: Sentry, Channels, WhiteNoise and most middleware.
_INNER: Final = ("app", "application", "inner", "__wrapped__")
_WRAPPERS_AT_MOST: Final = 20

_wrappers: Final[list[LifespanApplication]] = []  # all of them: one, where there is asgi.py


def get_asgi_application() -> LifespanApplication:
    """Return Django's ASGI application, which drains the producers when the server shuts down."""
    return with_lifespan(cast("ASGIApplication", get_django_application()))


def with_lifespan(application: ASGIApplication) -> LifespanApplication:
    """Return an ASGI application that drains the producers when the server shuts down, around another one.

    For an application that is not Django's alone, such as a `ProtocolTypeRouter` of Channels; lifespan events do not
    reach what is inside.
    """
    return LifespanApplication(application)


@final
class LifespanApplication:
    """An ASGI application that answers the lifespan protocol itself and passes on everything else.

    The protocol: https://asgi.readthedocs.io/en/latest/specs/lifespan.html
    """

    def __init__(self, application: ASGIApplication) -> None:
        self.application: Final = application
        _wrappers.append(self)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection, or the lifespan of the server."""
        if scope["type"] != "lifespan":
            await self.application(scope, receive, send)
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                reopen_producers()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await send(await _shut_down())
                return


async def _shut_down() -> Message:
    try:
        await aclose_producers()
    except Exception as error:
        logger.exception("Producers could not be closed at shutdown")
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
    """Warn once, with the first request, if an ASGI server runs the application without its lifespan."""
    request_started.connect(_on_request_started, dispatch_uid="dekaf.contrib.django")


def _on_request_started(sender: type[object], **_: Any) -> None:
    request_started.disconnect(dispatch_uid="dekaf.contrib.django")
    if issubclass(sender, ASGIHandler) and not _wrappers:
        logger.warning(
            "The ASGI application is not dekaf's, so messages that still wait when the server stops may be lost. Write "
            "in asgi.py: from dekaf.contrib.django.asgi import get_asgi_application"
        )
