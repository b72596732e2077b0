"""What is produced is in Kafka, once and in order, whichever way in was taken."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from dekaf import (
    Acks,
    AsyncProducer,
    DekafError,
    Headers,
    InvalidTopicError,
    Kafka,
    ProduceError,
    Producer,
    ProducerConfig,
    ProducerMessage,
    RecordMetadata,
    UnknownTopicOrPartitionError,
)
from dekaf.types import OnDelivery
from tests.conftest import ReadBack
from tests.kafka import KafkaCluster

THREADS = 8
LOOPS = 4
PER_CALLER = 20_000 // (THREADS + LOOPS) + 1


def test_a_message_with_everything_arrives_as_it_was_given(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    moment = datetime(2026, 5, 4, 3, 2, 1, 500_000, tzinfo=UTC)
    builder = Kafka.create_producer(str, str).with_bootstrap_servers(kafka_cluster.bootstrap_servers)

    with builder.build() as producer:
        metadata = producer.produce(
            ProducerMessage(
                topic=topic,
                key="key",
                value="value",
                headers=Headers.create().add("trace-id", "4bf92f35").add("empty", b"").add("null", None),
                partition=2,
                timestamp=moment,
            )
        )

    (record,) = read_back(topic, 1)
    assert (record.partition, record.offset) == (metadata.partition, metadata.offset) == (2, 0)
    assert (record.key, record.value) == (b"key", b"value")
    assert list(record.headers) == [("trace-id", b"4bf92f35"), ("empty", b""), ("null", None)]
    assert record.timestamp_ms == metadata.timestamp_ms == int(moment.timestamp() * 1000)
    assert metadata.timestamp == moment


def test_nulls_and_empty_bytes_stay_apart(kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, key=bytes, value=bytes) as producer:
        for key, value in ((None, None), (b"", b""), (None, b""), (b"", None)):
            producer.produce(topic, key, value, partition=0)

    assert [(one.key, one.value) for one in read_back(topic, 4)] == [
        (None, None),
        (b"", b""),
        (None, b""),
        (b"", None),
    ]


@pytest.mark.parametrize("acks", list(Acks))
@pytest.mark.parametrize("codec", ["none", "gzip", "lz4", "zstd", "snappy"])
def test_every_codec_and_acks_delivers(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack, acks: Acks, codec: str
) -> None:
    values = [json.dumps({"order": number, "note": "x" * (number % 50)}) for number in range(3000)]
    config = ProducerConfig.from_mapping(
        {"bootstrap_servers": kafka_cluster.bootstrap_servers, "acks": acks, "compression_type": codec}
    )

    with Producer.from_config(config, str, str) as producer:
        results = producer.produce_all(
            ProducerMessage.create(topic, str(number % 7), value) for number, value in enumerate(values)
        )

    assert len(results) == len(values)
    assert all(result.has_offset == (acks is not Acks.NONE) for result in results)
    records = read_back(topic, len(values))
    assert sorted(record.value or b"" for record in records) == sorted(value.encode() for value in values)
    assert "isvalid: false" not in kafka_cluster.dump_log(topic, records[0].partition)


def test_without_acknowledgements_all_that_was_delivered_is_in_the_log_after_a_close(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, acks=Acks.NONE) as producer:
        producer.produce(topic, None, b"first")
        for _ in range(30_000):
            producer.fire(topic, None, b"x" * 1000)

    assert producer.status().delivered_total == 30_001
    assert len(read_back(topic, 30_001)) == 30_001


class Traffic:
    """Callers that await, submit and fire through one producer, and what they were told."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        self.producer = Producer(bootstrap_servers=bootstrap_servers, key=str, value=str)
        self.both = AsyncProducer(key=str, value=str, _core=self.producer._core)
        self.topic = topic
        self.reported: dict[tuple[int, int], str] = {}
        self.failures: list[BaseException | None] = []

    def note(self, value: str, metadata: RecordMetadata) -> None:
        self.reported[metadata.partition, metadata.offset] = value

    def telling(self, value: str) -> OnDelivery:
        def told(metadata: RecordMetadata | None, error: ProduceError | None) -> None:
            if metadata is None:
                self.failures.append(error)
            else:
                self.note(value, metadata)

        return told

    def in_thread(self, caller: str) -> None:
        handles = []
        for number in range(PER_CALLER):
            value = f"{caller}:{number}"
            if number % 100 == 99:
                self.note(value, self.producer.produce(self.topic, caller, value))
            elif number % 2:
                handles.append((value, self.producer.submit(self.topic, caller, value)))
            else:
                self.producer.fire(self.topic, caller, value, on_delivery=self.telling(value))
        for value, handle in handles:
            self.note(value, handle.result(30))

    async def in_loop(self, caller: str) -> None:
        for number in range(PER_CALLER):
            value = f"{caller}:{number}"
            if number % 2:
                self.note(value, await self.both.produce(self.topic, caller, value))
            else:
                self.both.fire(self.topic, caller, value, on_delivery=self.telling(value))
        await self.both.flush()
        await asyncio.sleep(0)  # callbacks of this loop run on its next round

    def run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            self.failures.append(error)
            raise


def test_threads_and_loops_share_one_producer_without_loss_repetition_or_disorder(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    """20,000 messages, awaited, submitted and fired, from 8 threads and 4 event loops at once."""
    traffic = Traffic(kafka_cluster.bootstrap_servers, topic)
    jobs: list[Callable[[], object]] = [
        functools.partial(traffic.in_thread, f"thread-{index}") for index in range(THREADS)
    ]
    jobs += [lambda index=index: asyncio.run(traffic.in_loop(f"loop-{index}")) for index in range(LOOPS)]  # type: ignore[misc]  # mypy cannot infer a lambda's default
    workers = [threading.Thread(target=traffic.run, args=(job,)) for job in jobs]

    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    report = traffic.producer.close()

    assert not traffic.failures
    assert report.ok
    records = read_back(topic, PER_CALLER * len(jobs))
    by_caller: dict[str, list[int]] = defaultdict(list)
    for record in records:
        caller, _, number = (record.value or b"").decode().partition(":")
        by_caller[caller].append(int(number))
    assert len(by_caller) == len(jobs)
    assert all(numbers == list(range(PER_CALLER)) for numbers in by_caller.values())
    assert traffic.reported == {(one.partition, one.offset): (one.value or b"").decode() for one in records}


@pytest.mark.asyncio
async def test_produce_all_takes_an_async_iterator(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    async def messages() -> AsyncIterator[ProducerMessage[str, str]]:
        for number in range(25_000):
            yield ProducerMessage.create(topic, "k", str(number))

    async with AsyncProducer(bootstrap_servers=kafka_cluster.bootstrap_servers, key=str, value=str) as producer:
        results = await producer.produce_all(messages())

    assert [result.offset for result in results] == list(range(25_000))
    records = await asyncio.to_thread(read_back, topic, 25_000)
    assert [record.value for record in records] == [str(number).encode() for number in range(25_000)]


def test_keys_land_where_the_java_client_puts_them(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack
) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, key=str, value=str) as producer:
        placed = {key: producer.produce(topic, key, "v").partition for key in ("kafka", "1234", "user-42", "a")}

    # murmur2 & 0x7fffffff: 1348980580, 533297940, 1459644460, 584102524
    assert placed == {"kafka": 0, "1234": 0, "user-42": 0, "a": 0}
    assert {record.key: record.partition for record in read_back(topic, 4)} == {
        key.encode(): partition for key, partition in placed.items()
    }


def test_an_unknown_topic_is_created_on_demand_and_keeps_the_order(
    kafka_cluster: KafkaCluster, read_back: ReadBack
) -> None:
    name = f"created-on-demand-{uuid.uuid4().hex[:12]}"
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, key=str, value=str) as producer:
        for number in range(100):
            producer.fire(name, "k", str(number))
        assert producer.produce(name, "k", "last").offset == 100

    assert [record.value for record in read_back(name, 101)][-2:] == [b"99", b"last"]


def test_a_topic_that_may_not_be_created_fails_by_name_and_in_time(kafka_cluster: KafkaCluster) -> None:
    with Producer(
        bootstrap_servers=kafka_cluster.bootstrap_servers, max_block_ms=700, allow_auto_create_topics=False
    ) as producer:
        with pytest.raises(UnknownTopicOrPartitionError, match=r"nowhere.*max_block_ms=700"):
            producer.produce("nowhere", None, "v")
        with pytest.raises(InvalidTopicError, match="not a topic name"):
            producer.produce("no/where", None, "v")


def test_a_partition_out_of_range_is_refused(kafka_cluster: KafkaCluster, topic: str) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers) as producer:
        for _ in range(2):  # once parked, once with the partitions known
            with pytest.raises(UnknownTopicOrPartitionError, match="partitions 0 to 3"):
                producer.produce(topic, None, "v", partition=4)


def test_the_cluster_describes_itself(kafka_cluster: KafkaCluster, topic: str) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers) as producer:
        description = producer.check(5)
        partitions = producer.partitions_for(topic)

    assert [broker.node_id for broker in description.brokers] == [description.controller_id]
    assert [(one.partition, one.leader) for one in partitions] == [(n, description.controller_id) for n in range(4)]


def test_views_share_one_engine(kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack) -> None:
    with Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, key=str, value=str) as producer:
        orders = producer.typed(str, dict).for_topic(topic)
        orders.produce("k", {"id": 1})
        assert producer.as_async().status().delivered_total == 1
        producer.typed(bytes, bytes).close()
        assert producer.produce(topic, "k", "still open").offset == 1

    assert [record.value for record in read_back(topic, 2)] == [b'{"id":1}', b"still open"]


def test_a_view_outlives_the_face_it_came_from(kafka_cluster: KafkaCluster, topic: str) -> None:
    view = Producer(bootstrap_servers=kafka_cluster.bootstrap_servers, key=str, value=str).for_topic(topic)

    assert view.produce("k", "v").topic == topic
    owner = view._producer
    assert isinstance(owner, Producer)
    owner.close()
    with pytest.raises(DekafError):
        view.produce("k", "v")
