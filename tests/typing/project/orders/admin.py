"""The admin: saving sends signals; an action that updates many rows has to tell them itself."""

from __future__ import annotations

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.events import OrderEvent, Status
from orders.models import Order
from orders.topics import orders


@admin.action(description="Mark as paid")
def mark_as_paid(modeladmin: OrderAdmin, request: HttpRequest, queryset: QuerySet[Order]) -> None:
    events = [(str(order.pk), OrderEvent(order.customer, Status.PAID)) for order in queryset]
    with transaction.atomic():
        queryset.update(status=Status.PAID)
        transaction.on_commit(lambda: _announce(events), robust=True)


def _announce(events: list[tuple[str, OrderEvent]]) -> None:
    for key, event in events:
        orders().fire(key, event)


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin[Order]):
    """Orders."""

    list_display = ("customer", "status")
    actions = (mark_as_paid,)
