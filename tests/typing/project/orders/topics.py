"""The topics this application writes to, each with its types."""

from __future__ import annotations

from dekaf import AsyncTopicProducer, TopicProducer
from dekaf.contrib.django import get_async_producer, get_producer
from orders.events import AUDIT, ORDERS, AuditEvent, OrderEvent


def orders() -> TopicProducer[str, OrderEvent]:
    return get_producer("default", str, OrderEvent).for_topic(ORDERS)


def async_orders() -> AsyncTopicProducer[str, OrderEvent]:
    return get_async_producer("default", str, OrderEvent).for_topic(ORDERS)


def audit() -> TopicProducer[str, AuditEvent]:
    return get_producer("audit", str, AuditEvent).for_topic(AUDIT)
