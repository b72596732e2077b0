"""Asynchronous views."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.http import HttpRequest, JsonResponse

from dekaf import ProduceError, RecordMetadata
from dekaf.contrib.django import get_async_producer
from orders.events import ORDERS, OrderEvent, Status
from orders.topics import async_orders

failures: list[ProduceError] = []


def _on_delivery(metadata: RecordMetadata | None, error: ProduceError | None) -> None:
    if error is not None:
        failures.append(error)


async def _events(customer: str) -> AsyncIterator[tuple[str, OrderEvent]]:
    for status in Status:
        yield customer, OrderEvent(customer, status)


async def place_order(request: HttpRequest, customer: str) -> JsonResponse:
    producer = get_async_producer("default", str, OrderEvent)
    producer.fire("views", customer, OrderEvent(customer), on_delivery=_on_delivery)
    metadata = await producer.produce(ORDERS, customer, OrderEvent(customer), headers={"source": "async"})
    return JsonResponse(metadata.as_dict())


async def place_many(request: HttpRequest, customer: str) -> JsonResponse:
    written = await async_orders().produce_all(_events(customer))
    future = await async_orders().submit(customer, OrderEvent(customer, Status.PAID))
    return JsonResponse({"offsets": [at.offset for at in written], "last": (await future).offset})
