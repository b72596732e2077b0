"""The shop's views. Producers are asked for where they are used: a look-up, so that tests can put doubles in place."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from pydantic import ValidationError

from dekaf import ProduceError, RecordMetadata
from dekaf.contrib.django import get_async_producer, get_producer
from example_project.shop.events import PRICES_CENTS, Item, Order
from example_project.shop.service import BlockingOrderService, OrderService


def show_item(request: HttpRequest, name: str) -> HttpResponse:
    """A sync view: it runs in a thread, also under an ASGI server."""
    if name not in PRICES_CENTS:
        return JsonResponse({"detail": "We do not serve that."}, status=404)
    item = Item(name)
    BlockingOrderService(get_producer()).item_viewed(item, request.GET.get("customer", "somebody"))
    return JsonResponse({"item": item, "price_cents": PRICES_CENTS[item]})


async def place_order(request: HttpRequest) -> HttpResponse:
    """An async view: while it waits for Kafka, its thread serves others."""
    try:
        order = Order.model_validate_json(request.body)
        written = await OrderService(get_async_producer()).place_order(order)
    except (ValidationError, ProduceError) as error:
        return not_placed(error)
    return placed(order, written)


def place_order_sync(request: HttpRequest) -> HttpResponse:
    """The same as a sync view: the thread waits. Under an event loop's thread, `produce` would refuse to block it."""
    try:
        order = Order.model_validate_json(request.body)
        written = BlockingOrderService(get_producer()).place_order(order)
    except (ValidationError, ProduceError) as error:
        return not_placed(error)
    return placed(order, written)


async def accept_order(request: HttpRequest) -> HttpResponse:
    """Answer without waiting for Kafka at all."""
    try:
        order = Order.model_validate_json(request.body)
        OrderService(get_async_producer()).accept_order(order)
    except (ValidationError, ProduceError) as error:
        return not_placed(error)
    return JsonResponse({"order_id": order.order_id}, status=202)


def placed(order: Order, written: RecordMetadata) -> HttpResponse:
    answer = {
        "order_id": order.order_id,
        "topic": written.topic,
        "partition": written.partition,
        "offset": written.offset,
    }
    return JsonResponse(answer, status=201)


def not_placed(error: ValidationError | ProduceError) -> HttpResponse:
    if isinstance(error, ValidationError):
        return HttpResponse(error.json(include_url=False), status=422, content_type="application/json")
    # `may_be_placed`: an acknowledgement got lost, so ordering again might get two coffees.
    answer = {"detail": "The order was not confirmed.", "may_be_placed": error.may_be_persisted}
    return JsonResponse(answer, status=503)
