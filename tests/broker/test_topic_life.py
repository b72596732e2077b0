"""Topics of a real cluster that are deleted, created again with fewer partitions, and left alone for a while."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from dekaf import ProduceError, Producer, UnknownTopicOrPartitionError
from tests.conftest import cluster_of_release
from tests.kafka import DEFAULT_VERSION, KafkaCluster, read_back
from tests.kafka.admin import create_topics, delete_topic, recreate_topic, topic_names

# No topic ids at all, the first with ids in Metadata, the last with none in Produce requests, and the present one.
RELEASES = ["2.1.1", "2.8.2", "3.9.1", DEFAULT_VERSION]


@pytest.fixture(scope="module", params=RELEASES)
def cluster(request: pytest.FixtureRequest) -> Iterator[KafkaCluster]:
    """One broker of each release in turn."""
    if request.param == DEFAULT_VERSION:
        yield request.getfixturevalue("kafka_cluster")
        return
    with cluster_of_release(request.param) as cluster:
        yield cluster


def new_topic(cluster: KafkaCluster, partitions: int) -> str:
    name = f"life-{uuid.uuid4().hex[:12]}"
    create_topics(cluster.bootstrap_servers, [name], partitions=partitions, replication_factor=1)
    return name


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)


def test_topic_created_again_with_fewer_partitions_is_written_to_without_a_restart(cluster: KafkaCluster) -> None:
    topic = new_topic(cluster, 8)
    with Producer(bootstrap_servers=cluster.bootstrap_servers, key=str, value=str, metadata_max_age_ms=200) as producer:
        before = [producer.submit(topic, f"k{number}", "before").result(30).partition for number in range(20)]
        assert max(before) > 1

        recreate_topic(cluster.bootstrap_servers, topic, partitions=2)
        eventually(lambda: len(producer.partitions_for(topic)) == 2)
        after = [producer.submit(topic, f"k{number}", "after") for number in range(40)]

        assert {handle.result(30).partition for handle in after} == {0, 1}
    assert {record.value for record in read_back(cluster.bootstrap_servers, topic, 40)} == {b"after"}


def test_topic_created_again_under_load_loses_and_doubles_nothing_after_that(cluster: KafkaCluster) -> None:
    topic = new_topic(cluster, 2)
    delivered: list[str] = []
    failures: list[ProduceError] = []
    is_over = threading.Event()

    with Producer(
        bootstrap_servers=cluster.bootstrap_servers, value=str, metadata_max_age_ms=200, delivery_timeout_ms=30_000
    ) as producer:

        def load(name: int) -> None:
            number = 0
            while not is_over.is_set():
                value = f"{name}-{number}"
                try:
                    producer.produce(topic, None, value, partition=name % 2)
                    delivered.append(value)
                except ProduceError as error:
                    failures.append(error)
                number += 1

        threads = [threading.Thread(target=load, args=[name]) for name in range(4)]
        for thread in threads:
            thread.start()
        eventually(lambda: len(delivered) > 50)
        recreate_topic(cluster.bootstrap_servers, topic, partitions=2)
        settled = len(delivered)
        eventually(lambda: len(delivered) > settled + 200)
        # What is delivered from here on is certainly in the topic there is now.
        marks = list(delivered)
        eventually(lambda: len(delivered) > len(marks) + 100)
        is_over.set()
        for thread in threads:
            thread.join()

    later = {value.encode() for value in delivered[len(marks) :]}
    values = [record.value for record in read_back(cluster.bootstrap_servers, topic, len(later))]
    assert later <= set(values)
    assert len(values) == len(set(values))
    assert all(error.may_be_persisted for error in failures), failures


def test_deleted_topic_stays_deleted(kafka_cluster: KafkaCluster) -> None:
    """Neither a refresh, nor a look at it, nor a check brings it back, although brokers would create it on demand."""
    servers = kafka_cluster.bootstrap_servers
    kept, gone = new_topic(kafka_cluster, 1), new_topic(kafka_cluster, 3)
    with Producer(bootstrap_servers=servers, value=bytes, metadata_max_age_ms=100, max_block_ms=1_000) as producer:
        for topic in (kept, gone):
            producer.produce(topic, value=b"a")
        delete_topic(servers, gone)
        for _ in range(20):
            producer.produce(kept, value=b"a")
            producer.check()
            time.sleep(0.1)  # a refresh each
        with (
            Producer(bootstrap_servers=servers, max_block_ms=1_000) as other,
            pytest.raises(UnknownTopicOrPartitionError),
        ):
            other.partitions_for(gone)

        assert kept in topic_names(servers)
        assert gone not in topic_names(servers)


def test_record_after_the_topic_was_forgotten_is_written_too(cluster: KafkaCluster) -> None:
    """Numbered from zero again, the broker would answer it as a duplicate of the first."""
    topic = new_topic(cluster, 1)
    with Producer(bootstrap_servers=cluster.bootstrap_servers, value=bytes, metadata_max_idle_ms=100) as producer:
        first = producer.produce(topic, value=b"first")
        eventually(lambda: producer.status().topics == ())
        second = producer.produce(topic, value=b"second")

    assert (first.offset, second.offset) == (0, 1)
    values = [record.value for record in read_back(cluster.bootstrap_servers, topic, 2)]
    assert values == [b"first", b"second"]


def test_brokers_that_agree_on_fewer_partitions_are_believed_where_there_are_no_topic_ids() -> None:
    one_replica = {"min.insync.replicas": "1"}
    with cluster_of_release("2.1.1", brokers=3, heap_mb=256, properties=one_replica) as cluster:
        topic = new_topic(cluster, 6)
        with Producer(
            bootstrap_servers=cluster.bootstrap_servers, key=str, value=str, metadata_max_age_ms=200
        ) as producer:
            for handle in [producer.submit(topic, f"k{number}", "before") for number in range(60)]:
                handle.result(30)
            recreate_topic(cluster.bootstrap_servers, topic, partitions=2)
            eventually(lambda: len(producer.partitions_for(topic)) == 2)
            after = [producer.submit(topic, f"k{number}", "after") for number in range(60)]

            assert {handle.result(30).partition for handle in after} == {0, 1}
        assert len(read_back(cluster.bootstrap_servers, topic, 60)) == 60
