"""What the shop tells the world: events, the topics they go to, and how they become messages."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from pydantic import BaseModel, Field

from dekaf import JsonSerializer, ProducerMessage

ORDERS_TOPIC: Final = os.environ.get("SHOP_ORDERS_TOPIC", "shop-orders")
VIEWS_TOPIC: Final = os.environ.get("SHOP_VIEWS_TOPIC", "shop-views")


class Item(StrEnum):
    ESPRESSO = "espresso"
    FLAT_WHITE = "flat-white"
    DECAF = "decaf"


PRICES_CENTS: Final = {Item.ESPRESSO: 260, Item.FLAT_WHITE: 420, Item.DECAF: 300}


class Order(BaseModel):
    """What a customer sends."""

    order_id: str
    customer: str
    item: Item
    quantity: Annotated[int, Field(gt=0)]


class OrderPlaced(Order):
    """What everybody else hears about it."""

    total_cents: int


class ItemViewed(BaseModel):
    """Somebody looked at an item; nice to know, and no loss if it never arrives."""

    item: Item
    customer: str


ShopEvent: TypeAlias = OrderPlaced | ItemViewed

# JSON, for these two types only: anything else is a SerializationError where it is produced, not in a consumer.
EVENT_SERIALIZER: Final = JsonSerializer[OrderPlaced | ItemViewed]()


def order_placed(order: Order) -> ProducerMessage[str, OrderPlaced]:
    event = OrderPlaced(**order.model_dump(), total_cents=PRICES_CENTS[order.item] * order.quantity)
    # One key, one partition: whoever reads the topic sees a customer's orders in the order they were placed.
    return ProducerMessage.create(ORDERS_TOPIC, order.customer, event)


def item_viewed(item: Item, customer: str) -> ProducerMessage[str, ItemViewed]:
    return ProducerMessage.create(VIEWS_TOPIC, customer, ItemViewed(item=item, customer=customer))
