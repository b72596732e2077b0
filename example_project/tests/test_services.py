"""The services by themselves: no web framework, no Kafka, a double in the producer's place."""

from __future__ import annotations

import pytest

from dekaf import AsyncProducer, DeliveryTimeoutError, Producer, SerializationError
from dekaf.testing import KafkaFixture
from example_project.shop.events import EVENT_SERIALIZER, ORDERS_TOPIC, VIEWS_TOPIC, Item, Order
from example_project.shop.service import BlockingOrderService, OrderService

ORDER = Order(order_id="42", customer="ada", item=Item.FLAT_WHITE, quantity=2)


@pytest.mark.asyncio
async def test_a_placed_order_is_announced_under_the_customers_key(kafka: KafkaFixture) -> None:
    service = OrderService(kafka.async_producer(str, EVENT_SERIALIZER))

    written = await service.place_order(ORDER)

    assert written.topic == ORDERS_TOPIC
    kafka.assert_produced(
        ORDERS_TOPIC,
        key="ada",
        value={"order_id": "42", "customer": "ada", "item": "flat-white", "quantity": 2, "total_cents": 840},
        count=1,
    )


@pytest.mark.asyncio
async def test_a_failure_is_the_callers_to_handle(kafka: KafkaFixture) -> None:
    service = OrderService(kafka.async_producer(str, EVENT_SERIALIZER))
    kafka.fail_next(ORDERS_TOPIC, DeliveryTimeoutError)

    with pytest.raises(DeliveryTimeoutError) as raised:
        await service.place_order(ORDER)

    assert raised.value.may_be_persisted
    kafka.assert_nothing_produced()


@pytest.mark.asyncio
async def test_an_accepted_order_says_the_same_as_a_placed_one(kafka: KafkaFixture) -> None:
    service = OrderService(kafka.async_producer(str, EVENT_SERIALIZER))

    service.accept_order(ORDER)
    await service.place_order(ORDER)

    accepted, placed = kafka.messages(ORDERS_TOPIC)
    assert (accepted.key, accepted.value) == (placed.key, placed.value)


@pytest.mark.asyncio
async def test_a_view_goes_to_a_topic_of_its_own(kafka: KafkaFixture) -> None:
    OrderService(kafka.async_producer(str, EVENT_SERIALIZER)).item_viewed(Item.DECAF, "grace")

    kafka.assert_produced(VIEWS_TOPIC, key="grace", value={"item": "decaf", "customer": "grace"})
    kafka.assert_nothing_produced(ORDERS_TOPIC)


def test_the_blocking_service_needs_no_fixture_either() -> None:
    """A producer with memory also works by itself; it keeps the bytes that would have gone to Kafka."""
    with Producer(backend="memory", key=str, value=EVENT_SERIALIZER) as producer:
        written = BlockingOrderService(producer).place_order(ORDER)

    [message] = producer.produced.messages
    assert (message.topic, message.partition, message.offset) == (written.topic, written.partition, written.offset)
    assert message.key == b"ada"


@pytest.mark.asyncio
async def test_only_the_shops_events_are_produced() -> None:
    """A type checker says so first: produce() below wants a ShopEvent."""
    async with AsyncProducer(backend="memory", key=str, value=EVENT_SERIALIZER) as producer:
        with pytest.raises(SerializationError):
            await producer.produce(ORDERS_TOPIC, "ada", ORDER)  # type: ignore[call-overload] # an Order is what comes in
