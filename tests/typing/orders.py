"""What the sample programs are about: a model, an event, and a service that is given its producer."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from dekaf.abc import AsyncKafkaProducer, KafkaProducer, KafkaTopicProducer
from dekaf.types import RecordMetadata


class Order(BaseModel):
    """A value."""

    number: int


class RushOrder(Order):
    """A value that may go wherever an Order may."""


@dataclass
class Event:
    """Another value, which may not."""

    name: str


class OrderService:
    """A service that awaits."""

    def __init__(self, producer: AsyncKafkaProducer[str, Order]) -> None:
        self._producer = producer

    async def place(self, order: Order) -> RecordMetadata:
        """Write the order."""
        return await self._producer.produce("orders", str(order.number), order)


class BlockingOrderService:
    """A service that blocks."""

    def __init__(self, producer: KafkaProducer[str, Order]) -> None:
        self._producer = producer

    def place(self, order: Order) -> RecordMetadata:
        """Write the order."""
        return self._producer.produce("orders", str(order.number), order)


def announce(orders: KafkaTopicProducer[str, Order]) -> None:
    """Fire into one topic."""
    orders.fire("1", Order(number=1))


def use(value: object) -> None:
    """Look at a value."""
