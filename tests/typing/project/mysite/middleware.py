"""A context for all messages of a request: the tenant's prefix, and the request's id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from dekaf.contrib.django import produce_context

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


def _context_of(request: HttpRequest) -> AbstractContextManager[None]:
    headers = {"request-id": request.headers.get("X-Request-ID")}
    tenant = request.headers.get("X-Tenant")
    return produce_context(topic_prefix=f"{tenant}." if tenant else None, headers=headers)


@sync_and_async_middleware
def tenant(get_response: Sync | Async) -> Sync | Async:
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponseBase:
            with _context_of(request):
                response = get_response(request)
                return response if isinstance(response, HttpResponseBase) else await response

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponseBase:
        with _context_of(request):
            response = get_response(request)
            assert isinstance(response, HttpResponseBase)
            return response

    return middleware
