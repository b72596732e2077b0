"""Answer requests whose messages could not be produced: 503 with problem details, instead of 500."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, final

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from dekaf.http_answers import MEDIA_TYPE, Kind, answer_of

__all__ = ("ProduceErrorMiddleware", "problem_response")

logger = logging.getLogger("dekaf.contrib.django")

GetResponse = Callable[[HttpRequest], Any]


def problem_response(request: HttpRequest, error: Any) -> HttpResponseBase:
    """Return the answer for an error of producing, for frameworks that handle errors before middleware sees them.

    Args:
        request: The request; not looked at.
        error: What the view raised.

    Raises:
        Exception: The error, where the right answer is the framework's own, which is 500.

    Example:
        >>> api = NinjaAPI()
        >>> api.add_exception_handler(DekafError, problem_response)
    """
    response = _response(error)
    if response is None:
        raise error
    return response


@final
class ProduceErrorMiddleware:
    """Add it to `MIDDLEWARE`, at the end: handlers of yours in middleware below it, and in the view, go before it.

    A bug in the message stays 500, with its traceback where Django puts it.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response: Final = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Pass the request on; under ASGI, what the next one returns is awaited by whoever called."""
        passed_on: HttpResponseBase | Awaitable[HttpResponseBase] = self._get_response(request)
        return passed_on

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the answer for an error of producing; None for any other."""
        return _response(exception)


def _response(error: Exception) -> HttpResponseBase | None:
    answer = answer_of(error)
    if answer is None:
        return None
    if answer.kind is Kind.REFUSED:
        logger.error("Kafka refuses this application: %s", error, extra={"dekaf_error": type(error).__name__})
    return JsonResponse(answer.body, status=answer.status, headers=answer.headers, content_type=MEDIA_TYPE)
