"""The doubles of dekaf.testing go wherever the protocols are asked for: every type checker must accept this file."""

from __future__ import annotations

from typing import assert_type

from dekaf.testing import RecordingAsyncProducer, RecordingProducer
from dekaf.types import RecordMetadata
from tests.typing.orders import BlockingOrderService, Order, OrderService, announce
from tests.typing.right_calls import await_one_topic, await_produce, produce, produce_all, submit


def threads(double: RecordingProducer[str, Order]) -> None:
    """The double of the thread producer."""
    BlockingOrderService(double)
    produce(double)
    produce_all(double, flag=True)
    submit(double)
    announce(double.for_topic("orders"))
    assert_type(double.produce("orders", "1", Order(number=1)), RecordMetadata)


async def coroutines(double: RecordingAsyncProducer[str, Order]) -> None:
    """The double of the coroutine producer."""
    OrderService(double)
    await await_produce(double, flag=True)
    await await_one_topic(double.for_topic("orders"))
    assert_type(await double.produce("orders", "1", Order(number=1)), RecordMetadata)
