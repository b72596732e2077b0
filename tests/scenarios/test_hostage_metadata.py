"""Metadata cannot be held hostage: by a broker that throttles, leaves another one out, or ends in the middle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from time import monotonic

import pytest

from dekaf import Producer
from dekaf.testing import ALWAYS, ApiKey, FakeCluster, ReceivedInitProducerId, ReceivedMetadata, ReceivedProduce
from tests.scenarios.faces import MakeFace

PATIENCE = 20.0  # seconds
PATIENCE_MS = 15_000


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"a": 1, "b": 1}) as cluster:
        cluster.move_leader("a", 0, 1)
        cluster.move_leader("b", 0, 2)
        yield cluster


def test_throttled_connection_does_not_keep_others_from_being_made(cluster: FakeCluster) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers.split(",")[0]) as producer:
        producer.produce("a", None, b"1")
        cluster.on(ApiKey.PRODUCE).throttle(60_000)
        producer.produce("a", None, b"2")

        assert producer.produce("b", None, b"3", timeout=PATIENCE).offset == 0
        assert len(producer.check(PATIENCE).brokers) == 2


def test_check_asks_another_broker_when_a_connection_is_lost(cluster: FakeCluster) -> None:
    with Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
        producer.produce("a", None, b"1")
        cluster.on(ApiKey.METADATA).close_before_append()

        assert len(producer.check(PATIENCE).brokers) == 2


def test_wait_of_a_batch_ends_when_its_new_leader_is_known(cluster: FakeCluster) -> None:
    cluster.hint_leaders(enabled=False)
    with Producer(
        bootstrap_servers=cluster.bootstrap_servers, retry_backoff_ms=10_000, retry_backoff_max_ms=10_000
    ) as producer:
        producer.produce("a", None, b"1")
        producer.produce("b", None, b"1")
        cluster.move_leader("a", 0, 2)
        started = monotonic()

        producer.produce("a", None, b"2", timeout=PATIENCE)

    assert monotonic() - started < 8.0


# A broker that hangs: it takes questions, and answers none.


@pytest.fixture
def three() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=3, topics={"a": 3, "b": 3}) as cluster:
        cluster.move_leader("a", 0, 1)
        cluster.move_leader("b", 0, 2)
        yield cluster


def first_of(cluster: FakeCluster) -> str:
    """Return the address of broker 1."""
    return cluster.bootstrap_servers.split(",")[0]


def test_broker_that_does_not_answer_does_not_keep_a_new_topic_waiting(three: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(first_of(three), max_block_ms=2_000, request_timeout_ms=PATIENCE_MS)
    face.produce("a", b"1", partition=0).result(PATIENCE)
    hung = three.on(ApiKey.METADATA, node=1).never_answer()
    started = monotonic()

    assert face.produce("b", b"1", partition=0).result(PATIENCE).offset == 0

    assert hung.hits == 1
    assert monotonic() - started < 1.9


def test_bootstrap_server_that_does_not_answer_does_not_keep_the_first_message_waiting(
    three: FakeCluster, make_face: MakeFace
) -> None:
    hung = three.on(ApiKey.METADATA).never_answer()
    face = make_face(three.bootstrap_servers, max_block_ms=2_000, request_timeout_ms=PATIENCE_MS)

    assert face.produce("a", b"1").result(PATIENCE).offset == 0

    assert hung.hits == 1


def test_broker_that_gives_no_producer_id_does_not_keep_messages_waiting(
    three: FakeCluster, make_face: MakeFace
) -> None:
    hung = three.on(ApiKey.INIT_PRODUCER_ID, node=1).never_answer()
    face = make_face(first_of(three), max_block_ms=2_000, request_timeout_ms=PATIENCE_MS)
    started = monotonic()

    assert face.produce("b", b"1", partition=0).result(PATIENCE).offset == 0

    assert hung.hits == 1
    assert monotonic() - started < 5.0


def test_second_producer_id_that_comes_late_is_never_used(three: FakeCluster, make_face: MakeFace) -> None:
    held = three.on(ApiKey.INIT_PRODUCER_ID, node=1).hold(times=1)
    face = make_face(first_of(three), max_block_ms=2_000)
    face.produce("b", b"1", partition=0).result(PATIENCE)

    held.release()
    for number in range(20):
        face.produce("b", b"%d" % number, partition=0).result(PATIENCE)

    used = {attempt.header.producer_id for attempt in three.attempts("b") if attempt.header is not None}
    assert len(three.requests(ReceivedInitProducerId)) == 2
    assert len(used) == 1


def test_late_answer_to_a_question_that_another_broker_answered_changes_nothing(
    three: FakeCluster, make_face: MakeFace
) -> None:
    face = make_face(first_of(three), max_block_ms=2_000)
    face.produce("a", b"1", partition=0).result(PATIENCE)
    held = three.on(ApiKey.METADATA, node=1).hold(times=1)
    handle = face.produce("b", b"1", partition=0)
    three.wait_until(lambda: held.waiting)
    handle.result(PATIENCE)
    asked = len(three.requests(ReceivedMetadata))

    held.release()
    face.produce("b", b"2", partition=0).result(PATIENCE)

    assert face.status().connected_brokers >= 1
    assert len(three.requests(ReceivedMetadata)) == asked


def test_many_producers_beside_a_broker_that_hangs_ask_for_little(three: FakeCluster) -> None:
    """Each question is asked twice at the most: they must not become a storm on the brokers that work."""
    three.on(ApiKey.METADATA, node=2).never_answer(times=None)
    producers = [Producer(bootstrap_servers=three.bootstrap_servers, max_block_ms=2_000) for _ in range(15)]
    with ThreadPoolExecutor(len(producers)) as pool:
        list(pool.map(lambda producer: producer.produce("a", None, b"1"), producers))
        before = len(three.requests(ReceivedMetadata))
        list(pool.map(lambda producer: producer.produce("b", None, b"1"), producers))
        asked = len(three.requests(ReceivedMetadata)) - before
        list(pool.map(lambda producer: producer.close(), producers))

    assert asked <= 2 * len(producers)


# Throttling holds for the broker, on whatever connection it was told.


@pytest.mark.parametrize("api", [ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID])
def test_throttling_told_with_metadata_or_a_producer_id_is_kept_to_on_every_connection(
    make_face: MakeFace, api: ApiKey
) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.on(api).throttle(600)
        face = make_face(cluster.bootstrap_servers)
        face.produce("t", b"1").result(PATIENCE)

        requests = cluster.requests()
        throttled = next(one.received_at for one in requests if one.api_key == api)
        (written,) = cluster.requests(ReceivedProduce)
        assert written.received_at - throttled >= 0.59


def test_fifty_workers_beside_a_broker_that_hangs_ask_no_more_than_once_and_a_hedge(three: FakeCluster) -> None:
    max_age, seconds, workers = 0.5, 3.0, 50
    with ExitStack() as stack, ThreadPoolExecutor(workers) as pool:
        producers = [
            stack.enter_context(
                Producer(bootstrap_servers=three.bootstrap_servers, metadata_max_age_ms=int(max_age * 1000))
            )
            for _ in range(workers)
        ]
        list(pool.map(lambda producer: producer.produce("b", None, b"1", timeout=PATIENCE), producers))
        hung = three.on(ApiKey.METADATA, node=1).never_answer(times=ALWAYS)
        asked, connected = len(three.requests(ReceivedMetadata)), len(three.connections)
        ends = monotonic() + seconds
        while monotonic() < ends:
            for producer in producers:
                producer.fire("b", None, b"2")
            time.sleep(0.02)
        in_that_time = seconds + (monotonic() - ends)
        questions = len(three.requests(ReceivedMetadata)) - asked
        dialled = len(three.connections) - connected

    assert hung.hits > 0
    # Each refresh is a question, and one hedge where it met the broker that hangs.
    assert questions <= 1.5 * workers * (in_that_time / max_age + 1)
    assert dialled == 0
    assert three.violations == []
