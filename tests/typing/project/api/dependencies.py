"""Producers as parameters of endpoints."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends

from api.models import Order
from dekaf import AsyncProducer, AsyncTopicProducer, Producer, TopicProducer
from dekaf.contrib.fastapi import get_producer, producer_for, sync_producer_for, sync_topic_for, topic_for

AnyProducer = Annotated[AsyncProducer[Any, Any], Depends(get_producer)]
OrderProducer = Annotated[AsyncProducer[str, Order], Depends(producer_for("default", str, Order))]
AuditProducer = Annotated[Producer[str, str], Depends(sync_producer_for("audit", str, str))]
Orders = Annotated[AsyncTopicProducer[str, Order], Depends(topic_for("orders", str, Order))]
Audit = Annotated[TopicProducer[str, str], Depends(sync_topic_for("audit-log", str, str, alias="audit"))]
