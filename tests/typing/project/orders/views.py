"""Synchronous views: what is placed is announced after the commit, or by a service."""

from __future__ import annotations

from dependency_injector.wiring import Provide, inject
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.views import View

from dekaf import ProduceAllError, ProducerMessage
from dekaf.contrib.django import get_producer, get_registry
from dekaf.health import producer_health
from orders.events import ORDERS, AuditEvent, OrderEvent
from orders.models import Order
from orders.services import OrderService
from orders.tasks import audit_order
from orders.topics import audit, orders


@transaction.atomic
def place_order(request: HttpRequest, customer: str) -> JsonResponse:
    order = Order.objects.create(customer=customer)
    transaction.on_commit(lambda: audit().fire(customer, AuditEvent(customer, "placed")), robust=True)
    transaction.on_commit(lambda: audit_order.delay(order.pk))
    return JsonResponse({"id": order.pk}, status=202)


class PlaceMany(View):
    """Views that are classes get services by injection."""

    @inject
    def post(self, request: HttpRequest, customer: str, service: OrderService = Provide["orders"]) -> JsonResponse:
        offset = service.place("1", OrderEvent(customer))
        try:
            written = orders().produce_all((str(number), OrderEvent(customer)) for number in range(2, 4))
        except ProduceAllError as error:
            return JsonResponse({"failed": len(error.exceptions)}, status=503)
        handle = get_producer("default", str, OrderEvent).submit(
            ProducerMessage(topic=ORDERS, key="4", value=OrderEvent(customer), headers={"last": "yes"})
        )
        last = handle.result(timeout=5)
        return JsonResponse({"first": offset, "written": [at.as_dict() for at in written], "last": last.as_dict()})


def tell_tenant(request: HttpRequest, customer: str) -> JsonResponse:
    metadata = get_producer("tenants", str, OrderEvent).produce(ORDERS, customer, OrderEvent(customer))
    return JsonResponse({"topic": metadata.topic})


def is_ready(request: HttpRequest) -> JsonResponse:
    reports = {alias: producer_health(get_producer(alias)) for alias in get_registry().aliases}
    body = {alias: report.as_dict() for alias, report in reports.items()}
    return JsonResponse(body, status=200 if all(report.is_ready for report in reports.values()) else 503)
