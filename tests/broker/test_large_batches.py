"""Batches that a topic does not take as a whole."""

from __future__ import annotations

import uuid

import pytest

from dekaf import Producer, ProducerMessage, RecordTooLargeError
from tests.conftest import ReadBack
from tests.kafka import KafkaCluster


@pytest.fixture
def narrow_topic(kafka_cluster: KafkaCluster) -> str:
    """Create a topic with one partition that takes batches of 10,000 bytes at the most."""
    name = f"narrow-{uuid.uuid4().hex[:12]}"
    kafka_cluster.create_topic(name, partitions=1, config={"max.message.bytes": "10000"})
    return name


@pytest.mark.parametrize("codec", ["none", "gzip", "lz4", "zstd", "snappy"])
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_batch_larger_than_the_topic_takes_is_split_and_keeps_its_order(
    kafka_cluster: KafkaCluster, narrow_topic: str, read_back: ReadBack, codec: str, idempotent: bool
) -> None:
    # Incompressible, so that the codecs cannot help; headers and nulls have to survive the splitting as well.
    values = [uuid.uuid4().bytes * 12 for _ in range(400)]
    with Producer(
        bootstrap_servers=kafka_cluster.bootstrap_servers,
        compression_type=codec,  # type: ignore[arg-type]  # parametrised
        enable_idempotence=idempotent,
        max_in_flight_requests_per_connection=5 if idempotent else 1,  # without idempotence, more may change the order
    ) as producer:
        results = producer.produce_all(
            ProducerMessage(topic=narrow_topic, key=None, value=value, headers={"n": str(number)})
            for number, value in enumerate(values)
        )
        producer.produce(narrow_topic, "after", None)

    assert [result.offset for result in results] == list(range(400))
    records = read_back(narrow_topic, 401)
    assert [record.value for record in records] == [*values, None]
    assert [record.headers for record in records[:400]] == [(("n", str(n).encode()),) for n in range(400)]
    assert [record.timestamp_ms for record in records[:400]] == [result.timestamp_ms for result in results]


def test_a_single_record_larger_than_the_topic_takes_fails_and_the_next_one_arrives(
    kafka_cluster: KafkaCluster, narrow_topic: str, read_back: ReadBack
) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers) as producer:
        with pytest.raises(RecordTooLargeError, match=r"max\.message\.bytes") as caught:
            producer.produce(narrow_topic, None, b"x" * 20_000)
        assert not caught.value.may_be_persisted
        assert producer.produce(narrow_topic, None, b"fits").offset == 0

    assert [record.value for record in read_back(narrow_topic, 1)] == [b"fits"]


def test_a_record_larger_than_max_request_size_is_refused_before_it_is_buffered(kafka_cluster: KafkaCluster) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, max_request_size=2000) as producer:
        for _ in range(2):  # once for a topic that is new, once for one that is known
            with pytest.raises(RecordTooLargeError, match="max_request_size=2000"):
                producer.produce("large-records", None, b"x" * 2000)
            producer.produce("large-records", None, b"x" * 1000)
        assert producer.status().buffered_bytes == 0
