"""A service that knows no framework."""

from __future__ import annotations

from dekaf.abc import AsyncKafkaProducer, KafkaProducer
from orders.events import ORDERS, OrderEvent


class OrderService:
    """For threads."""

    def __init__(self, producer: KafkaProducer[str, OrderEvent]) -> None:
        self._producer = producer

    def place(self, order_id: str, event: OrderEvent) -> int:
        return self._producer.produce(ORDERS, order_id, event, timeout=5).offset


class AsyncOrderService:
    """For coroutines."""

    def __init__(self, producer: AsyncKafkaProducer[str, OrderEvent]) -> None:
        self._producer = producer

    async def place(self, order_id: str, event: OrderEvent) -> int:
        return (await self._producer.produce(ORDERS, order_id, event)).offset
