"""What a producer measures is what the cluster holds: through faults, outages and forks."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dekaf.errors import BufferExhaustedError
from dekaf.metrics import MOST_TOPICS, OTHER_TOPICS
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster
from tests.scenarios.faces import MakeFace, eventually, thread_producer


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2, "u": 1}) as cluster:
        yield cluster


def test_counters_equal_what_the_cluster_holds_after_faults(cluster: FakeCluster, make_face: MakeFace) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=300)
    cluster.on(ApiKey.PRODUCE, partition=0, nth=2).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    cluster.on(ApiKey.PRODUCE, partition=1, nth=3).close_after_append()
    cluster.on(ApiKey.PRODUCE, topic="u").fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)

    for number in range(400):
        face.fire("t", b"%04d" % number, partition=number % 2)
    face.fire("u", b"refused")
    face.flush()
    for _ in range(5):
        face.fire("u", b"taken")
    face.flush()
    metrics = face.producer.metrics()

    topics = {one.topic: one for one in metrics.topics}
    assert topics["t"].records_delivered_total == len(cluster.log("t")) == 400
    assert topics["u"].records_delivered_total == len(cluster.log("u")) == 5
    assert topics["u"].records_failed_total == {"TOPIC_AUTHORIZATION_FAILED": 1}
    assert metrics.records_undelivered_unnoticed_total == 1
    assert metrics.batches_retried_total == face.status().retries_total > 0
    assert metrics.send_latency_seconds.count == 406
    assert metrics.batch_records.sum == 406
    assert topics["t"].sent_bytes_total >= metrics.batch_size_bytes.sum - topics["u"].sent_bytes_total
    assert {one.broker for one in metrics.brokers} <= {0, 1, 2}
    assert sum(one.request_latency_seconds.count for one in metrics.brokers) > 0
    assert metrics.connects_total >= 2
    assert metrics.cluster_id == cluster.cluster_id
    assert (metrics.buffer_records, metrics.buffer_oldest_age_seconds) == (0, 0.0)


def test_what_waits_is_told_with_its_age(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, linger_ms=60_000, delivery_timeout_ms=120_000) as producer:
        producer.produce("t", value=b"known", partition=0)
        producer.fire("t", value=b"waits", partition=0)
        eventually(lambda: producer.metrics().buffer_oldest_age_seconds > 0.01)

        metrics = producer.metrics()

        assert metrics.buffer_records == 1
        assert 0 < metrics.buffer_used_bytes < metrics.buffer_limit_bytes


def test_what_is_parked_has_an_age_too(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.METADATA).never_answer(times=ALWAYS)
    with thread_producer(cluster.bootstrap_servers, close_timeout_ms=0) as producer:
        producer.fire("t", value=b"waits")

        eventually(lambda: producer.metrics().buffer_oldest_age_seconds > 0.01)


def test_refusals_for_want_of_space_are_counted(cluster: FakeCluster) -> None:
    options = {"linger_ms": 60_000, "delivery_timeout_ms": 120_000, "buffer_memory": 2_000, "max_request_size": 1_000}
    with thread_producer(cluster.bootstrap_servers, buffer_full="raise", batch_size=5_000, **options) as producer:
        producer.produce("t", value=b"known", partition=0)
        refused = 0
        for _ in range(10):
            try:
                producer.fire("t", value=b"x" * 500, partition=0)
            except BufferExhaustedError:
                refused += 1

        assert producer.metrics().buffer_exhausted_total == refused > 0


def test_outage_is_told_though_nothing_is_buffered(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, unavailable_after_ms=50) as producer:
        producer.produce("t", value=b"a")
        assert producer.metrics().unavailable_seconds == 0
        for broker in cluster.brokers:
            cluster.stop_broker(broker.node_id, elect=False)
        eventually(lambda: producer.metrics().unavailable_seconds > 0.05)
        assert producer.metrics().buffer_records == 0

        for broker in cluster.brokers:
            cluster.start_broker(broker.node_id)

        eventually(lambda: producer.metrics().unavailable_seconds == 0)


def test_throttling_is_measured(cluster: FakeCluster) -> None:
    cluster.on(ApiKey.PRODUCE).throttle(200)
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", value=b"a")

        assert sum(one.throttle_seconds_total for one in producer.metrics().brokers) == pytest.approx(0.2)


def test_topics_without_end_are_counted_under_one_name() -> None:
    names = [f"t{number}" for number in range(MOST_TOPICS + 5)]
    with FakeCluster(topics=dict.fromkeys(names, 1)) as cluster, thread_producer(cluster.bootstrap_servers) as producer:
        for name in names:
            producer.fire(name, value=b"a")
        producer.flush()
        topics = {one.topic: one.records_delivered_total for one in producer.metrics().topics}

    assert len(topics) == MOST_TOPICS + 1
    assert topics[OTHER_TOPICS] == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_child_begins_at_zero(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers) as producer:
        producer.produce("t", value=b"parent's")
        pid = os.fork()
        if pid == 0:
            metrics = producer.metrics()
            is_new = metrics.records_delivered_total == 0 and metrics.connects_total == 0 and metrics.topics == ()
            os._exit(0 if is_new and metrics.pid == os.getpid() else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert producer.metrics().records_delivered_total == 1
