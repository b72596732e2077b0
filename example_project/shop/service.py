"""The shop's services: they ask for a producer, and do not care who made it or what web framework calls them."""

from __future__ import annotations

from dekaf import RecordMetadata
from dekaf.abc import AsyncKafkaProducer, KafkaProducer
from example_project.shop.events import Item, Order, ShopEvent, item_viewed, order_placed


class OrderService:
    """For coroutines: FastAPI, and Django's async views."""

    def __init__(self, producer: AsyncKafkaProducer[str, ShopEvent]) -> None:
        self._producer = producer

    async def place_order(self, order: Order) -> RecordMetadata:
        """Return once the brokers have the order: the customer may be told it will be made."""
        return await self._producer.produce(order_placed(order))

    def accept_order(self, order: Order) -> None:
        """Hand the order over and return at once: nobody waits for its offset. A failure is logged and counted."""
        self._producer.fire(order_placed(order))

    def item_viewed(self, item: Item, customer: str) -> None:
        """Tell that an item was looked at. `fire` costs a request next to nothing, so statistics belong here."""
        self._producer.fire(item_viewed(item, customer))


class BlockingOrderService:
    """The same for plain functions: Django's sync views, management commands, Celery tasks."""

    def __init__(self, producer: KafkaProducer[str, ShopEvent]) -> None:
        self._producer = producer

    def place_order(self, order: Order) -> RecordMetadata:
        """Return once the brokers have the order."""
        return self._producer.produce(order_placed(order))

    def item_viewed(self, item: Item, customer: str) -> None:
        """Tell that an item was looked at."""
        self._producer.fire(item_viewed(item, customer))
