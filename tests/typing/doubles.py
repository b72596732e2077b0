"""What dekaf.testing gives goes wherever the protocols are asked for: every type checker must accept this file."""

from __future__ import annotations

from typing import assert_type

from dekaf.metrics import ProducerMetrics
from dekaf.testing import KafkaFixture
from dekaf.types import RecordMetadata
from tests.typing.orders import BlockingOrderService, Order, OrderService, announce
from tests.typing.right_calls import await_one_topic, await_produce, produce, produce_all, submit


def threads(kafka: KafkaFixture) -> None:
    """The double of the thread producer."""
    double = kafka.producer(str, Order)
    BlockingOrderService(double)
    produce(double)
    produce_all(double, flag=True)
    submit(double)
    announce(double.for_topic("orders"))
    assert_type(double.produce("orders", "1", Order(number=1)), RecordMetadata)
    assert_type(double.metrics(), ProducerMetrics)


async def coroutines(kafka: KafkaFixture) -> None:
    """The double of the coroutine producer."""
    double = kafka.async_producer(str, Order)
    OrderService(double)
    await await_produce(double, flag=True)
    await await_one_topic(double.for_topic("orders"))
    assert_type(await double.produce("orders", "1", Order(number=1)), RecordMetadata)
    assert_type(double.metrics(), ProducerMetrics)
