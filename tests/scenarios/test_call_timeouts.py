"""The timeouts of calls: whatever a caller gives, it is a wait, or refused before anything happens."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.errors import (
    BrokerConnectionError,
    DeliveryTimeoutError,
    InvalidTopicError,
    UnknownTopicOrPartitionError,
)
from dekaf.message import ProducerMessage
from dekaf.producer import Producer
from dekaf.testing import ApiKey, FakeCluster
from dekaf.types import FlushTimeoutError
from tests.scenarios.faces import LoopThread, loop_producer, thread_producer

Call = Callable[[Any, Any], object]

CALLS: dict[str, Call] = {
    "produce": lambda producer, timeout: producer.produce("t", None, b"a", timeout=timeout),
    "produce_all": lambda producer, timeout: producer.produce_all(
        [ProducerMessage.create("t", None, b"a")], timeout=timeout
    ),
    "flush": lambda producer, timeout: producer.flush(timeout),
    "check": lambda producer, timeout: producer.check(timeout),
    "close": lambda producer, timeout: producer.close(timeout),
}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 1}) as cluster:
        yield cluster


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("timeout", [math.inf, 1e20, 10**30, 30])
def test_any_number_of_seconds_can_be_waited(
    cluster: FakeCluster, loop_thread: LoopThread, call: Call, timeout: float
) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        call(producer, timeout)
    producer_of_loop = loop_producer(cluster.bootstrap_servers)
    loop_thread.run(call(producer_of_loop, timeout))  # type: ignore[arg-type]  # a coroutine of the face for loops
    loop_thread.run(producer_of_loop.close())


# Where the timeout is the only argument, the compiler's own words have to do.
NO_TIMEOUT = "timeout must be seconds|float or None object expected"


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize(("timeout", "kind"), [(math.nan, ValueError), ("5", TypeError), (True, TypeError)])
def test_what_is_no_timeout_is_refused_before_anything_happens(
    cluster: FakeCluster, loop_thread: LoopThread, call: Call, timeout: object, kind: type[Exception]
) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        with pytest.raises(kind, match=NO_TIMEOUT):
            call(producer, timeout)
        producer_of_loop = loop_producer(cluster.bootstrap_servers)
        with pytest.raises(kind, match=NO_TIMEOUT):
            loop_thread.run(call(producer_of_loop, timeout))  # type: ignore[arg-type]  # as above
        loop_thread.run(producer_of_loop.close())
        assert producer.produce("t", None, b"the first", timeout=10).offset == 0


@pytest.mark.parametrize("timeout", [0, -1, -math.inf])
def test_no_time_is_no_wait(cluster: FakeCluster, timeout: float) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", None, b"a")
        held = cluster.on(ApiKey.PRODUCE).hold()
        with pytest.raises(DeliveryTimeoutError, match=f"timeout of {timeout:g} s"):
            producer.produce("t", None, b"b", timeout=timeout)
        with pytest.raises(DeliveryTimeoutError, match=f"timeout of {timeout:g} s"):
            producer.submit("t", None, b"c").result(timeout)
        with pytest.raises(FlushTimeoutError):
            producer.flush(timeout)
        held.release()
        producer.flush()
    assert len(cluster.log("t")) == 3


def test_handle_is_waited_for_as_long_as_one_likes(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        assert producer.submit("t", None, b"a").result(math.inf).offset == 0
        with pytest.raises(ValueError, match="NaN"):
            producer.submit("t", None, b"a").result(math.nan)


def test_flush_without_anything_to_wait_for_needs_no_time(cluster: FakeCluster, loop_thread: LoopThread) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", None, b"a")

        for _ in range(20):
            assert producer.flush(0).undelivered == 0
            assert loop_thread.run(producer.as_async().flush(0)).undelivered == 0


def test_partitions_that_nobody_tells_are_an_error_with_the_reason() -> None:
    with thread_producer("127.0.0.1:1", max_block_ms=300) as producer:  # nobody listens there
        with pytest.raises(UnknownTopicOrPartitionError, match=r"max_block_ms=300: Cannot connect") as caught:
            producer.partitions_for("t")
        assert isinstance(caught.value.__cause__, BrokerConnectionError)


@pytest.mark.parametrize("topic", ["", "a b", "\ud800", "x" * 40_000, "."])
def test_partitions_of_what_cannot_be_a_topic_are_refused(
    cluster: FakeCluster, loop_thread: LoopThread, topic: str
) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        stays: Producer[Any, Any] = producer
        with pytest.raises(InvalidTopicError):
            stays.partitions_for(topic)
        with pytest.raises(InvalidTopicError):
            loop_thread.run(loop_producer(cluster.bootstrap_servers).partitions_for(topic))
        wrong: Any = None
        with pytest.raises(TypeError):
            stays.partitions_for(wrong)
        assert stays.produce("t", None, b"a").offset == 0
        assert stays.status().engine_restarts == 0
