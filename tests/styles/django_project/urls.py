"""Views that produce in each way that Django's tests treat differently."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path

from dekaf.contrib.django import get_async_producer, get_producer


def place(request: HttpRequest, order_id: str) -> JsonResponse:
    """Produce and wait."""
    metadata = get_producer().produce("orders", order_id, {"id": order_id, "status": "placed"})
    return JsonResponse({"offset": metadata.offset})


async def place_awaiting(request: HttpRequest, order_id: str) -> JsonResponse:
    """Produce in a coroutine."""
    metadata = await get_async_producer().produce("orders", order_id, {"id": order_id, "status": "placed"})
    return JsonResponse({"offset": metadata.offset})


def register(request: HttpRequest, name: str) -> JsonResponse:
    """Produce once the row is committed."""
    with transaction.atomic():
        user = User.objects.create(username=name)
        transaction.on_commit(lambda: get_producer("audit").fire("users", str(user.pk), user.username))
    return JsonResponse({})


urlpatterns = [
    path("orders/<order_id>", place),
    path("awaiting/<order_id>", place_awaiting),
    path("users/<name>", register),
]
