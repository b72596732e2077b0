"""An unexpected exception on the I/O thread while other threads wait: each of them hears of it, or goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from dekaf.errors import DeliveryAbortedError, ProduceError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.scenarios.faces import PATIENCE, MakeFace, ThreadFace, break_engine, eventually


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


def test_flush_during_the_failure_does_not_wait_for_ever(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers)
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    handle = face.produce("t", b"a", partition=0)
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)
    flushed = threading.Event()

    def flush() -> None:
        face.flush()
        flushed.set()

    thread = threading.Thread(target=flush)
    thread.start()
    break_engine(face.producer)

    assert flushed.wait(PATIENCE)
    thread.join(PATIENCE)
    assert isinstance(handle.exception(PATIENCE), DeliveryAbortedError)


def test_those_who_wait_for_room_go_on_with_the_fresh_engine(cluster: FakeCluster) -> None:
    face = ThreadFace(cluster.bootstrap_servers, buffer_memory=3_800, max_request_size=3_000)
    producer = face.producer
    with face:
        producer.produce("t", None, b"first", partition=0)
        cluster.on(ApiKey.PRODUCE).never_answer()
        stuck = [face.produce("t", b"." * 1_000, partition=0) for _ in range(2)]
        results: list[int] = []

        def wait() -> None:
            results.append(producer.produce("t", None, b"-" * 2_000, partition=0).offset)

        waiting = [threading.Thread(target=wait) for _ in range(2)]
        for thread in waiting:
            thread.start()
        eventually(lambda: producer.status().waiting_for_space == 2)

        break_engine(face.producer)
        for thread in waiting:
            thread.join(PATIENCE)

        assert len(results) == 2
        assert all(isinstance(handle.exception(PATIENCE), DeliveryAbortedError) for handle in stuck)
        eventually(lambda: producer.status().buffered_bytes == 0)


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_calls_that_block_raise_and_the_next_is_delivered(cluster: FakeCluster, timeout: float | None) -> None:
    face = ThreadFace(cluster.bootstrap_servers)
    face.producer.produce("t", None, b"first", timeout=PATIENCE)
    held = cluster.on(ApiKey.PRODUCE).hold()
    errors: list[ProduceError] = []

    def call() -> None:
        try:
            face.producer.produce("t", None, b"pending", timeout=timeout)
        except ProduceError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: face.status().buffered_records == len(threads))
    break_engine(face.producer)
    for thread in threads:
        thread.join(PATIENCE)
    held.cancel()
    held.release()

    assert [type(error) for error in errors] == [DeliveryAbortedError] * len(threads)
    face.producer.produce("t", None, b"next", timeout=PATIENCE)
    face.close()
