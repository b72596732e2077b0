"""Producers that are dropped without a close: what was accepted is delivered, and a warning tells."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

from dekaf.producer import Producer
from dekaf.testing import ApiKey, FakeCluster
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    eventually,
    loop_producer,
    thread_producer,
    threads_of_producers,
)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.mark.parametrize("has_callback", [True, False])
def test_producer_dropped_without_close_delivers_and_warns(cluster: FakeCluster, has_callback: bool) -> None:
    producers = [thread_producer(cluster.bootstrap_servers)]
    held = cluster.on(ApiKey.PRODUCE).hold(times=1)
    told = threading.Event()
    producers[0].fire("t", None, b"a", on_delivery=(lambda _, __: told.set()) if has_callback else None)
    cluster.wait_until(lambda: held.waiting)
    with pytest.warns(ResourceWarning, match="without close"):  # noqa: PT031 # at once, or when collected
        producers.clear()
        gc.collect()
    held.release()

    assert len(cluster.wait_for_records("t", 1)) == 1
    if has_callback:
        assert told.wait(PATIENCE)
    eventually(lambda: not threads_of_producers())


def test_coroutine_producer_dropped_without_close_delivers_and_warns(cluster: FakeCluster) -> None:
    loop_thread = LoopThread()
    producers = [loop_producer(cluster.bootstrap_servers)]
    loop_thread.run(producers[0].produce("t", None, b"a", partition=0))
    producers[0].fire("t", None, b"b", partition=0)
    loop_thread.stop()
    with pytest.warns(ResourceWarning, match="without close"):  # noqa: PT031 # at once, or when collected
        producers.clear()
        gc.collect()

    assert len(cluster.wait_for_records("t", 2)) == 2
    eventually(lambda: not threads_of_producers())


def test_construction_that_fails_leaves_no_noise() -> None:
    class Once:
        is_made = False

        def __init__(self) -> None:
            if Once.is_made:  # by the check of the options
                raise RuntimeError("can be made once")
            Once.is_made = True

        def partition(self, topic: str, key: bytes | None, partition_count: int, /) -> int | None:
            return None

    with pytest.raises(ValueError, match="can be made once"):
        Producer(bootstrap_servers="x:1", partitioner=Once)
    gc.collect()
