"""Producers of registries in tests: nothing reaches a Kafka that nobody meant.

The fake cluster plays the real one: the guard is made to forget that it is of this process.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer
from dekaf.real_kafka import GUARD, RealKafkaInTestError
from dekaf.registry import ProducerRegistry, clear_memories
from dekaf.testing import FakeCluster, KafkaFixture, allow_real_kafka
from dekaf.types import ProducerState

MESSAGE = ProducerMessage.create("t", "k", "v")

pytestmark = pytest.mark.usefixtures("guard")


@pytest.fixture
def kafka() -> Iterator[FakeCluster]:
    """A Kafka that the guard takes for a real one."""
    with FakeCluster(topics={"t": 1}) as cluster:
        GUARD.remove_local(cluster._addresses)
        yield cluster


@pytest.fixture
def registry(kafka: FakeCluster) -> Iterator[ProducerRegistry]:
    with ProducerRegistry({"bootstrap_servers": kafka.bootstrap_servers}) as registry:
        yield registry


BLOCKING: list[Callable[[Producer[Any, Any]], object]] = [
    lambda producer: producer.produce("t", "k", "v"),
    lambda producer: producer.fire("t", "k", "v"),
    lambda producer: producer.submit("t", "k", "v"),
    lambda producer: producer.produce_all([MESSAGE]),
    lambda producer: producer.produce_all([MESSAGE], return_exceptions=True),
    lambda producer: producer.check(),
    lambda producer: producer.partitions_for("t"),
    lambda producer: producer.start(),
    lambda producer: producer.for_topic("t").fire("k", "v"),
    lambda producer: producer.typed(str, str).produce(MESSAGE),
]
AWAITED: list[Callable[[AsyncProducer[Any, Any]], Any]] = [
    lambda producer: producer.produce("t", "k", "v"),
    lambda producer: producer.submit("t", "k", "v"),
    lambda producer: producer.produce_all([MESSAGE]),
    lambda producer: producer.check(),
    lambda producer: producer.partitions_for("t"),
    lambda producer: producer.start(),
]


def test_every_call_that_would_reach_kafka_raises(registry: ProducerRegistry, kafka: FakeCluster) -> None:
    for call in BLOCKING:
        with pytest.raises(RealKafkaInTestError, match="the producer 'default' of DEKAF, at 127"):
            call(registry.producer())

    async def scenario() -> None:
        for ask in AWAITED:
            with pytest.raises(RealKafkaInTestError):
                await ask(registry.async_producer())
        with pytest.raises(RealKafkaInTestError):
            registry.async_producer().fire("t", "k", "v")

    asyncio.run(scenario())
    assert kafka.connections == []


def test_what_reaches_nothing_passes(registry: ProducerRegistry, kafka: FakeCluster) -> None:
    producer = registry.producer("default", str, str)

    assert producer.status().state is ProducerState.IDLE
    assert producer.flush(1.0).ok
    assert registry.close().ok
    assert kafka.connections == []


@pytest.mark.parametrize("start", ["eager", "background"])
def test_eager_starts_wait_until_it_is_allowed(kafka: FakeCluster, start: str) -> None:
    options = {"bootstrap_servers": kafka.bootstrap_servers, "start": start}
    with ProducerRegistry(options) as registry:
        producer = registry.producer()
        assert kafka.connections == []

        with allow_real_kafka():
            producer.produce("t", "k", "v")

    assert len(kafka.log("t")) == 1


def test_what_was_started_while_it_was_allowed_ends_with_the_permission(
    registry: ProducerRegistry, kafka: FakeCluster
) -> None:
    producer = registry.producer()
    with allow_real_kafka():
        producer.produce("t", "k", "first")
        producer.fire("t", "k", "delivered before it ends")

    with pytest.raises(RealKafkaInTestError):
        producer.fire("t", "k", "never")
    with allow_real_kafka():
        producer.produce("t", "k", "another engine")

    values = [record.value for record in kafka.log("t")]
    assert values == [b"first", b"delivered before it ends", b"another engine"]


def test_what_was_started_before_the_guard_came_on_ends(registry: ProducerRegistry, kafka: FakeCluster) -> None:
    GUARD.switch_off()
    producer = registry.producer()
    producer.produce("t", "k", "in ready()")

    GUARD.switch_on()

    with pytest.raises(RealKafkaInTestError):
        producer.produce("t", "k", "in a test")
    assert len(kafka.log("t")) == 1


def test_permission_on_a_loop_ends_there_as_well(registry: ProducerRegistry, kafka: FakeCluster) -> None:
    async def scenario() -> None:
        producer = registry.async_producer()
        with allow_real_kafka():
            await producer.produce("t", "k", "v")
            producer.fire("t", "k", "w")
        with pytest.raises(RealKafkaInTestError):
            await producer.produce("t", "k", "x")

    asyncio.run(scenario())
    assert [record.value for record in kafka.log("t")] == [b"v", b"w"]


def test_memory_nothing_and_fake_clusters_are_no_real_kafka() -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        _, _, port = cluster.bootstrap_servers.rpartition(":")
        aliases = {
            "default": {"bootstrap_servers": f"localhost:{port}"},
            "kept": {"backend": "memory"},
            "dropped": {"backend": "disabled"},
        }
        with ProducerRegistry(aliases) as registry:
            for alias in aliases:
                registry.producer(alias).produce("t", "k", "v")

        assert len(cluster.log("t")) == 1


def test_doubles_need_no_permission(registry: ProducerRegistry) -> None:
    with KafkaFixture() as kafka:
        registry.producer().fire("t", "k", "v")

    assert len(kafka.messages("t")) == 1


def test_producer_that_was_kept_from_before_the_fixture_says_so(registry: ProducerRegistry) -> None:
    kept = registry.producer()

    with KafkaFixture(), pytest.raises(RealKafkaInTestError, match=r"looked up before a double .*ask for it where you"):
        kept.fire("t", "k", "v")


def test_registry_that_is_dropped_delivers_at_once(kafka: FakeCluster) -> None:
    registries = [ProducerRegistry({"bootstrap_servers": kafka.bootstrap_servers})]
    with allow_real_kafka():
        registries[0].producer().fire("t", "k", "v")
        gc.disable()
        try:
            with pytest.warns(ResourceWarning, match="without close"):
                registries.clear()
        finally:
            gc.enable()

    kafka.wait_for_records("t", 1)


def test_producers_made_by_hand_are_left_alone(kafka: FakeCluster) -> None:
    with Producer(bootstrap_servers=kafka.bootstrap_servers) as producer:
        producer.produce("t", "k", "v")

    assert len(kafka.log("t")) == 1


def test_closed_producer_says_that_it_is_closed(registry: ProducerRegistry) -> None:
    producer = registry.producer()
    registry.close()

    with pytest.raises(RuntimeError, match="The producer is closed"):
        producer.fire("t", "k", "v")


def test_memories_of_registries_are_cleared_together() -> None:
    with ProducerRegistry({"backend": "memory"}) as registry, Producer(backend="memory") as mine:
        registry.producer().fire("t", "k", "v")
        mine.fire("t", "k", "v")

        clear_memories()

        assert len(registry.producer().produced) == 0
        assert len(mine.produced) == 1
