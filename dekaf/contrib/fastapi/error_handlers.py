"""Answer requests whose messages could not be produced: 503 with problem details, instead of 500."""

from __future__ import annotations

import logging
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketState

from dekaf.errors import DekafError
from dekaf.http_answers import MEDIA_TYPE, RETRY_AFTER, HttpAnswer, Kind, answer_of

__all__ = ("install_error_handlers",)

logger = logging.getLogger("dekaf.contrib.fastapi")

TRY_AGAIN_LATER: Final = 1013  # RFC 6455, and the registry of its close codes


def install_error_handlers(app: FastAPI, *, retry_after: int = RETRY_AFTER) -> None:
    """Have an application answer 503 where Kafka is away, and say whether a retry is safe.

    Handlers of yours for any of dekaf's errors go before these, whether they are added earlier or later. WebSockets are
    closed with 1013. A bug in the message, and a missing lifespan, stay 500, with their traceback in the log.

    Args:
        app: The application; mounted ones have handlers of their own.
        retry_after: The seconds that ``Retry-After`` says, where it is said.
    """

    async def answered(connection: HTTPConnection, error: Exception) -> Response | None:
        answer = answer_of(error, retry_after=retry_after)
        if answer is None:
            raise error
        if answer.kind is Kind.REFUSED:
            logger.error("Kafka refuses this application: %s", error, extra={"dekaf_error": type(error).__name__})
        if isinstance(connection, WebSocket):
            if WebSocketState.DISCONNECTED in {connection.client_state, connection.application_state}:
                logger.error(
                    "A message was not produced, and its WebSocket is closed already",
                    exc_info=error,
                    extra={"dekaf_error": type(error).__name__},
                )
                return None  # raised again, it would get here again, with a connection that knows nothing of that
            await connection.close(TRY_AGAIN_LATER, reason=answer.body["detail"])
            return None
        return _response(answer)

    handlers: dict[Any, Any] = app.exception_handlers
    handlers.setdefault(DekafError, answered)


def _response(answer: HttpAnswer) -> Response:
    return JSONResponse(answer.body, status_code=answer.status, headers=answer.headers, media_type=MEDIA_TYPE)
