"""Signals: forms, the admin and the shell announce orders in one place."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import receiver

from orders.models import Order
from orders.topics import orders


@receiver(post_save, sender=Order)
def announce(sender: type[Order], instance: Order, raw: bool, using: str, **kwargs: Any) -> None:
    if raw:
        return
    event = instance.as_event()
    transaction.on_commit(lambda: orders().fire(str(instance.pk), event), using=using, robust=True)
