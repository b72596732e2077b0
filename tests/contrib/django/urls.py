"""Views that produce, of each kind."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views import View

from dekaf.contrib.django import get_async_producer, get_producer


def place(_request: HttpRequest) -> JsonResponse:
    metadata = get_producer().produce("orders", "42", "paid")
    get_producer("audit").fire("audit", "42", {"order": "42"})
    return JsonResponse({"offset": metadata.offset})


async def place_in_coroutine(_request: HttpRequest) -> JsonResponse:
    metadata = await get_async_producer().produce("orders", "42", "paid")
    get_async_producer("audit").fire("audit", "42", {"order": "42"})
    return JsonResponse({"offset": metadata.offset})


class Place(View):  # type: ignore[misc] # Django is not typed
    def get(self, request: HttpRequest) -> JsonResponse:
        return place(request)


urlpatterns = [path("sync", place), path("async", place_in_coroutine), path("class", Place.as_view())]
