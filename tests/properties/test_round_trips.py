"""What is given comes out of a cluster as it was given, whichever face it went in through."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer
from dekaf.testing import FakeCluster
from dekaf.types import Headers, RecordMetadata, TopicPartition, timestamp_to_ms
from tests.properties.records import FIELDS, HEADERS
from tests.scenarios.faces import loop_producer, thread_producer

NAMES = st.text(st.characters(codec="utf-8"), max_size=10)
VALUES = st.none() | st.binary(max_size=20) | st.text(st.characters(codec="utf-8"), max_size=20)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.timezones())
PAST_MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2023, 11, 1), timezones=st.timezones())
TIMESTAMPS = st.none() | st.integers(0, 2**63 - 1) | MOMENTS
TOPICS = st.from_regex(r"[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,20}", fullmatch=True)

MESSAGES = st.builds(
    ProducerMessage[bytes, bytes],
    topic=st.just("t"),
    key=FIELDS,
    value=FIELDS,
    headers=HEADERS,
    partition=st.integers(0, 2),
    timestamp=st.integers(0, 1_700_000_000_000) | PAST_MOMENTS,
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_headers_are_what_they_were_made_of(pairs: list[tuple[str, str | bytes | None]]) -> None:
    headers = Headers.of(pairs)
    added = Headers.create()
    for name, value in pairs:
        added = added.add(name, value)

    assert headers == added
    assert list(headers) == [(name, value.encode() if isinstance(value, str) else value) for name, value in pairs]
    for name, _ in pairs:
        assert headers.get_all(name) == tuple(value for known, value in headers if known == name)
        assert headers.get(name) == headers.get_all(name)[-1]
    assert pickle.loads(pickle.dumps(headers)) == headers


@given(st.integers(0, 2**63 - 1))
def test_milliseconds_are_timestamps_as_they_are(milliseconds: int) -> None:
    assert timestamp_to_ms(milliseconds) == milliseconds


@given(MOMENTS)
def test_moment_is_rounded_down_to_the_millisecond_wherever_it_is_told(moment: datetime) -> None:
    milliseconds = timestamp_to_ms(moment)

    assert timestamp_to_ms(moment.astimezone(UTC)) == milliseconds
    told = RecordMetadata("t", 0, 0, milliseconds).timestamp
    assert timedelta(0) <= moment - told < timedelta(milliseconds=1)


@given(TOPICS, FIELDS, FIELDS, HEADERS, st.none() | st.integers(0, 2**31 - 1), TIMESTAMPS)
def test_message_keeps_its_parts_and_survives_copies(
    topic: str,
    key: bytes | None,
    value: bytes | None,
    headers: tuple[tuple[str, bytes | None], ...],
    partition: int | None,
    timestamp: int | datetime | None,
) -> None:
    message = ProducerMessage(
        topic=topic, key=key, value=value, headers=headers, partition=partition, timestamp=timestamp
    )

    assert (message.topic, message.key, message.value, message.partition) == (topic, key, value, partition)
    assert message.headers.pairs == headers
    assert message == ProducerMessage.create(
        topic, key, value, headers=headers, partition=partition, timestamp=timestamp
    )
    for again in (pickle.loads(pickle.dumps(message)), copy.copy(message), copy.deepcopy(message)):
        assert again == message
        assert hash(again) == hash(message)


@given(st.text(), st.integers(0, 2**31 - 1), st.integers(-1, 2**63 - 1), st.integers(0, 2**62))
def test_metadata_survives_copies(topic: str, partition: int, offset: int, timestamp: int) -> None:
    metadata = RecordMetadata(topic, partition, offset, timestamp)

    for again in (pickle.loads(pickle.dumps(metadata)), copy.deepcopy(metadata)):
        assert again == metadata
        assert again.has_offset is (offset >= 0)
    assert pickle.loads(pickle.dumps(TopicPartition(topic, partition))) == TopicPartition(topic, partition)


# Through a whole producer.


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 3}) as cluster:
        yield cluster


@pytest.fixture(scope="module", params=["none", "gzip", "snappy", "lz4", "zstd"])
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"compression_type": request.param, "batch_size": 2_000}


@pytest.fixture(scope="module")
def for_threads(cluster: FakeCluster, options: dict[str, Any]) -> Iterator[Producer[Any, Any]]:
    with thread_producer(cluster.bootstrap_servers, **options) as producer:
        yield producer


@pytest.fixture(scope="module")
def for_coroutines(cluster: FakeCluster, options: dict[str, Any]) -> Iterator[AsyncProducer[Any, Any]]:
    producer = loop_producer(cluster.bootstrap_servers, **options)
    yield producer
    asyncio.run(producer.close())


few = settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])


@few
@given(messages=st.lists(MESSAGES, min_size=1, max_size=12))
def test_messages_of_threads_arrive_as_they_were_given(
    cluster: FakeCluster, for_threads: Producer[Any, Any], messages: list[ProducerMessage[bytes, bytes]]
) -> None:
    arrived(cluster, messages, for_threads.produce_all(messages))


@few
@given(messages=st.lists(MESSAGES, min_size=1, max_size=12))
def test_messages_of_coroutines_arrive_as_they_were_given(
    cluster: FakeCluster, for_coroutines: AsyncProducer[Any, Any], messages: list[ProducerMessage[bytes, bytes]]
) -> None:
    arrived(cluster, messages, asyncio.run(for_coroutines.produce_all(messages)))


def arrived(cluster: FakeCluster, messages: list[ProducerMessage[bytes, bytes]], results: list[RecordMetadata]) -> None:
    """Assert that each message lies where its metadata says, as it was given, and told its time."""
    logs = {partition: cluster.log("t", partition) for partition in range(3)}
    for message, metadata in zip(messages, results, strict=True):
        record = logs[metadata.partition][metadata.offset]
        assert metadata.partition == message.partition
        assert (record.key, record.value, record.headers) == (message.key, message.value, message.headers.pairs)
        assert message.timestamp is not None
        assert record.timestamp_ms == metadata.timestamp_ms == timestamp_to_ms(message.timestamp)
    assert cluster.violations == []
