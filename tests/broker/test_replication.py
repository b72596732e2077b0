"""Three brokers, of which one or another is missing, and topics that are replaced under the producer's hands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from dekaf import DeliveryTimeoutError, NotEnoughReplicasError, Producer
from dekaf.producer import ProducerOptions
from tests.broker.traffic import Traffic
from tests.conftest import ReadBack, cluster_of_release
from tests.kafka import DEFAULT_VERSION, KafkaCluster

CALLERS = ("thread-0", "thread-1", "loop-0", "loop-1")


@pytest.fixture(scope="module")
def trio() -> Iterator[KafkaCluster]:
    """Three brokers; topics have three replicas, of which two must be in sync."""
    # A broker that is killed is given up after 3 s.
    properties = {"broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500"}
    with cluster_of_release(DEFAULT_VERSION, brokers=3, properties=properties) as cluster:
        yield cluster


@pytest.fixture
def replicated(trio: KafkaCluster) -> str:
    """Create a topic that every broker leads a part of, and return its name."""
    trio.restore()
    name = f"replicated-{uuid.uuid4().hex[:12]}"
    trio.create_topic(name, partitions=6)
    return name


def wait_until(condition: Callable[[], object], timeout: float = 60) -> None:
    """Wait for what nothing announces."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


# Leaders.


def test_leaders_that_die_and_leaders_that_leave_cost_no_message_no_order_and_no_repetition(
    trio: KafkaCluster, replicated: str
) -> None:
    """One broker is killed and comes back, another is told to stop: all the while both faces produce."""
    traffic = Traffic(trio.bootstrap_servers, replicated)

    def trouble() -> None:
        killed = trio.leader_of(replicated, 0)
        wait_for_deliveries(traffic, 100)
        trio.kill(killed)
        wait_until(lambda: trio.leader_of(replicated, 0) not in {killed, -1})
        wait_for_deliveries(traffic, 100)
        trio.restart(killed)
        leaving = trio.leader_of(replicated, 0)
        trio.stop(leaving)
        wait_for_deliveries(traffic, 100)
        trio.restart(leaving)
        wait_for_deliveries(traffic, 100)

    traffic.run(trouble)

    traffic.check(trio.bootstrap_servers)


def wait_for_deliveries(traffic: Traffic, more: int) -> None:
    """Wait until each caller has heard of so many more deliveries."""
    before = {caller: delivered(traffic, caller) for caller in CALLERS}
    wait_until(lambda: all(delivered(traffic, caller) >= before[caller] + more for caller in CALLERS))


def delivered(traffic: Traffic, caller: str) -> int:
    told = traffic.told.get(caller)
    return 0 if told is None else len(told.metadata)


# Replicas.


def test_without_enough_replicas_messages_wait_and_arrive_when_there_are(trio: KafkaCluster, replicated: str) -> None:
    strict = f"{replicated}-strict"
    trio.create_topic(strict, partitions=1, config={"min.insync.replicas": "3"})
    with (
        Producer(bootstrap_servers=trio.bootstrap_servers, delivery_timeout_ms=60_000, value=str) as producer,
        single_attempt(trio) as impatient,
    ):
        producer.produce(strict, None, "before")
        impatient.produce(strict, None, "before")
        missing = (trio.leader_of(strict, 0) + 1) % 3
        trio.stop(missing)
        handles = [producer.submit(strict, None, str(number)) for number in range(50)]
        with pytest.raises(DeliveryTimeoutError) as refused:
            impatient.produce(strict, None, "too few")
        assert producer.produce(replicated, None, "two of three are enough here", timeout=20).has_offset
        assert not any(handle.done() for handle in handles)
        trio.restart(missing)
        offsets = [handle.result(60).offset for handle in handles]

    assert offsets == list(range(2, 52))
    assert isinstance(refused.value.__cause__, NotEnoughReplicasError)
    assert "min.insync.replicas" in str(refused.value)
    assert refused.value.is_retriable
    assert not refused.value.may_be_persisted  # the leader refuses such a message before it writes it


def single_attempt(cluster: KafkaCluster) -> Producer[str, str]:
    """Return a producer that tries once: were another attempt under way at the end, nobody could know what it wrote.

    It does without a producer id, for which brokers that have just started make clients ask twice.
    """
    return Producer(
        bootstrap_servers=cluster.bootstrap_servers,
        value=str,
        enable_idempotence=False,
        request_timeout_ms=4_000,
        delivery_timeout_ms=5_000,
        retry_backoff_ms=60_000,
        retry_backoff_max_ms=60_000,
    )


# Topics.


def test_a_topic_that_is_deleted_and_created_again_is_written_to_again(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    """Kafka deletes what was in the topic. From the first message on that the new one has, none is missing."""
    options: ProducerOptions = {"allow_auto_create_topics": False}
    traffic = Traffic(kafka_cluster.bootstrap_servers, topic, options)

    def trouble() -> None:
        wait_for_deliveries(traffic, 100)
        kafka_cluster.delete_topic(topic)
        kafka_cluster.create_topic(topic, partitions=4)
        wait_for_deliveries(traffic, 500)

    traffic.run(trouble)

    records = read_back(topic, 1)
    for caller, told in traffic.told.items():
        mine = [record for record in records if record.key == caller.encode()]
        first = int(mine[0].value or b"")
        assert [int(record.value or b"") for record in mine] == list(range(first, traffic.counts[caller]))
        assert told.errors == {}
        assert [(record.partition, record.offset) for record in mine] == [
            (told.metadata[number].partition, told.metadata[number].offset)
            for number in range(first, traffic.counts[caller])
        ]
