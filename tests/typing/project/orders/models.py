"""An order in the database."""

from __future__ import annotations

from django.db import models

from orders.events import OrderEvent, Status


class Order(models.Model):
    """Somebody's order."""

    customer = models.CharField(max_length=100)
    status = models.CharField(max_length=10, default=Status.PLACED)

    def as_event(self) -> OrderEvent:
        return OrderEvent(self.customer, Status(self.status))
