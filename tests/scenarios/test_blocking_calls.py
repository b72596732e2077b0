"""A thread's producer on the thread of an event loop: what would stall the loop is refused, the rest works there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.errors import BlockingCallError
from dekaf.message import ProducerMessage
from dekaf.producer import Producer
from dekaf.testing import FakeCluster
from tests.scenarios.faces import PATIENCE, eventually, thread_producer

Call = Callable[[Producer[Any, Any]], object]

MESSAGE: ProducerMessage[Any, Any] = ProducerMessage(topic="t", value=b"a")
BLOCKING: dict[str, Call] = {
    "produce": lambda producer: producer.produce(MESSAGE),
    "produce_all": lambda producer: producer.produce_all([MESSAGE]),
    "flush": lambda producer: producer.flush(),
    "check": lambda producer: producer.check(),
    "partitions_for": lambda producer: producer.partitions_for("t"),
}
blocking = pytest.mark.parametrize(("name", "call"), BLOCKING.items(), ids=BLOCKING)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


def on_a_loop(call: Callable[[], object]) -> object:
    async def run() -> object:
        return call()

    return asyncio.run(run())


@blocking
def test_blocking_call_is_refused_and_the_remedies_are_named(cluster: FakeCluster, name: str, call: Call) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        with pytest.raises(BlockingCallError) as caught:
            on_a_loop(lambda: call(producer))

        for remedy in (f"AsyncProducer.{name}()", "as_async()", "asyncio.to_thread()", "allow_blocking_in_loop=True"):
            assert remedy in str(caught.value)
        assert producer.status().buffered_records == 0
        assert cluster.log("t") == []


@blocking
def test_blocking_call_may_be_allowed(cluster: FakeCluster, name: str, call: Call) -> None:
    with thread_producer(cluster.bootstrap_servers, allow_blocking_in_loop=True) as producer:
        on_a_loop(lambda: call(producer))

    assert len(cluster.log("t")) == (1 if name.startswith("produce") else 0)


def test_calls_that_do_not_wait_work(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:

        async def scenario() -> None:
            producer.fire(MESSAGE)
            handle = producer.submit(MESSAGE)
            assert producer.status().buffered_records > 0
            await asyncio.to_thread(handle.result, PATIENCE)

        asyncio.run(scenario())
        eventually(lambda: producer.status().delivered_total == 2)
