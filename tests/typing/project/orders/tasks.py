"""Tasks of Celery: with acks_late, a task that has returned has delivered."""

from __future__ import annotations

from celery import shared_task

from dekaf import ClusterUnavailableError
from dekaf.contrib.django import get_producer
from orders.events import AuditEvent
from orders.topics import audit


@shared_task(acks_late=True, autoretry_for=(ClusterUnavailableError,), retry_backoff=True)
def audit_order(order_id: int) -> int:
    return audit().produce(str(order_id), AuditEvent("celery", f"order {order_id}")).offset


@shared_task(acks_late=True)
def audit_many(order_ids: list[int]) -> int:
    for order_id in order_ids:
        audit().fire(str(order_id), AuditEvent("celery", f"order {order_id}"))
    return get_producer("audit").flush(10).delivered
