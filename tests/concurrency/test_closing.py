"""Flushing and closing while other threads produce, flush and close."""

from __future__ import annotations

import concurrent.futures
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dekaf.errors import DeliveryAbortedError, ProduceError, ProducerClosedError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from dekaf.types import ProducerState
from tests.scenarios.faces import (
    PATIENCE,
    MakeFace,
    eventually,
    thread_producer,
)
from tests.scenarios.invariants import Ledger
from tests.scenarios.places import closed_port


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


def test_many_may_close_at_once(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    deliveries = [producer.submit("t", None, b"%d" % number) for number in range(100)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(lambda _: producer.close(), range(8)))

    assert all(report.undelivered == 0 for report in reports)
    assert all(delivery.result(0).has_offset for delivery in deliveries)
    assert producer.status().state is ProducerState.CLOSED


@pytest.mark.parametrize("seed", range(8))
def test_close_while_others_produce_answers_all_that_was_accepted(cluster: FakeCluster, seed: int) -> None:
    producer = thread_producer(
        cluster.bootstrap_servers,
        batch_size=100 + 100 * seed,
        # Some seeds have space for everything that is under way, in others the threads wait for space.
        buffer_memory=5_000 * (seed + 1),
    )
    handles: list[list[Any]] = [[] for _ in range(4)]

    def produce(mine: list[Any]) -> None:
        while True:
            try:
                mine.append(producer.submit("t", None, b"%d" % len(mine)))
            except ProducerClosedError:
                return

    threads = [threading.Thread(target=produce, args=(mine,)) for mine in handles]
    for thread in threads:
        thread.start()
    eventually(lambda: len(cluster.log("t")) > 50 * seed)
    report = producer.close(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()

    accepted = [handle for mine in handles for handle in mine]
    assert report.undelivered == 0
    assert all(handle.done() for handle in accepted)
    assert len(cluster.log("t")) == len(accepted)
    assert producer.status().buffered_bytes == 0


def test_many_closes_at_once_give_the_report_of_the_one_close() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with closed_port() as servers:
            for _ in range(15):
                producer = thread_producer(servers, max_block_ms=60_000)
                for _ in range(5):
                    producer.fire("t", None, b"a")
                with concurrent.futures.ThreadPoolExecutor(6) as pool:
                    reports = [closing.result() for closing in [pool.submit(producer.close, 0.01) for _ in range(6)]]

                assert {(one.delivered, one.failed, one.undelivered) for one in reports} == {(0, 0, 5)}
    finally:
        sys.setswitchinterval(interval)


def test_flush_from_many_threads_while_others_produce(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, batch_size=300, buffer_memory=20_000) as producer:
        stop = threading.Event()
        unsettled: list[int] = []

        def produce() -> None:
            while not stop.is_set():
                producer.fire("t", None, b"noise")

        def flush() -> None:
            for _ in range(15):
                mine = [producer.submit("t", None, b"mine") for _ in range(5)]
                producer.flush(PATIENCE)
                unsettled.append(sum(1 for handle in mine if not handle.done()))

        producing = [threading.Thread(target=produce) for _ in range(2)]
        flushing = [threading.Thread(target=flush) for _ in range(4)]
        for thread in (*producing, *flushing):
            thread.start()
        for thread in flushing:
            thread.join(PATIENCE)
        stop.set()
        for thread in producing:
            thread.join(PATIENCE)

        assert unsettled == [0] * 60


def test_flush_and_close_race_leaves_no_flush_waiting(cluster: FakeCluster) -> None:
    for _ in range(20):
        producer = thread_producer(cluster.bootstrap_servers)
        producer.submit("t", None, b"a")
        flushes = [threading.Thread(target=producer.flush) for _ in range(3)]
        for thread in flushes:
            thread.start()
        producer.close()
        for thread in flushes:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def test_records_of_concurrent_producers_keep_each_ones_order(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=250)
    ledger = Ledger(face, "t")
    noise = [threading.Thread(target=_make_noise, args=(face,)) for _ in range(3)]
    for thread in noise:
        thread.start()
    ledger.produce(200)
    for thread in noise:
        thread.join(PATIENCE)
    outcomes = ledger.outcomes()
    face.close()

    offsets = [outcome.metadata.offset for outcome in outcomes if outcome.metadata is not None]
    assert len(offsets) == 200
    assert offsets == sorted(offsets)


def _make_noise(face: Any) -> None:
    for handle in [face.produce("t", b"noise", partition=0) for _ in range(100)]:
        handle.result(PATIENCE)


def test_close_answers_the_calls_that_block(cluster: FakeCluster) -> None:
    producer = thread_producer(cluster.bootstrap_servers)
    producer.produce("t", None, b"first")
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    errors: list[ProduceError] = []

    def call() -> None:
        try:
            producer.produce("t", None, b"pending")
        except ProduceError as error:
            errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    eventually(lambda: producer.status().buffered_records == len(threads))
    report = producer.close(0.2)
    for thread in threads:
        thread.join(PATIENCE)

    assert len(errors) == report.undelivered == len(threads)
    assert all(isinstance(error, DeliveryAbortedError) and error.may_be_persisted for error in errors)
