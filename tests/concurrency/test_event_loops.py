"""Several event loops, which come and go while one producer lives."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import InvalidRecordError
from dekaf.producer import Producer
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from dekaf.types import RecordMetadata
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    thread_producer,
)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.fixture
def producer(cluster: FakeCluster) -> Iterator[Producer[Any, Any]]:
    with thread_producer(cluster.bootstrap_servers) as producer:
        yield producer


def test_loop_that_is_gone_harms_nobody(
    cluster: FakeCluster, producer: Producer[Any, Any], loop_thread: LoopThread
) -> None:
    coroutines = producer.as_async()
    held = cluster.on(ApiKey.PRODUCE, partition=0).hold()
    cluster.on(ApiKey.PRODUCE, partition=0).fail_always(ErrorCode.INVALID_RECORD)
    gone = LoopThread()
    told: list[object] = []
    for _ in range(2):
        gone.call(lambda: coroutines.fire("t", None, b"a", partition=0, on_delivery=lambda *heard: told.append(heard)))
    cluster.wait_until(lambda: held.waiting)
    survivor = loop_thread.start(coroutines.produce("t", None, b"c", partition=0))
    gone.kill()
    held.release()
    producer.flush(PATIENCE)

    assert isinstance(survivor.exception(PATIENCE), InvalidRecordError)
    assert told == []
    # More than one batch was for the loop that is gone: each of its failures has to be told somewhere.
    assert producer.status().unobserved_failures_total == 2


def test_many_loops_come_and_go_at_once(cluster: FakeCluster, producer: Producer[Any, Any]) -> None:
    coroutines = producer.as_async()
    start = threading.Barrier(8)
    results: list[RecordMetadata] = []

    def live() -> None:
        start.wait(PATIENCE)
        results.extend([asyncio.run(one()) for _ in range(10)])

    async def one() -> RecordMetadata:
        return await coroutines.produce("t", None, b"a")

    threads = [threading.Thread(target=live) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert len(results) == 80
    assert len({(result.partition, result.offset) for result in results}) == 80
