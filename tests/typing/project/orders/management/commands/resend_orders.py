"""Announce all orders anew; SIGTERM ends it in the ordinary way."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from dekaf.contrib.django import get_producer
from dekaf.contrib.django.command import DrainingCommand
from orders.models import Order
from orders.topics import orders


class Command(DrainingCommand):
    help = "Announce all orders anew."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--status", default=None)

    def handle(self, *args: Any, status: str | None = None, **options: Any) -> None:
        chosen = Order.objects.all() if status is None else Order.objects.filter(status=status)
        for order in chosen.iterator():
            orders().fire(str(order.pk), order.as_event())
        report = get_producer().flush(10)
        self.stdout.write(f"{report.delivered} delivered, {report.failed} failed")
