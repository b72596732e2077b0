"""A listener's hooks: which thread they run on, what they hear, and that they can break nothing."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf.abc import ProducerListener
from dekaf.errors import (
    BlockingCallError,
    DeliveryAbortedError,
    InvalidRecordError,
    ProduceError,
    RecordTooLargeError,
    UnknownTopicOrPartitionError,
)
from dekaf.message import ProducerMessage
from dekaf.producer import Producer
from dekaf.producer._core.tracing import PROCESS
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster, TopicSettings
from dekaf.types import Headers, RecordMetadata, SerializationContext
from tests.scenarios.faces import (
    PATIENCE,
    LoopThread,
    MakeFace,
    loop_producer,
    thread_producer,
    threads_of_producers,
)


class Ear(ProducerListener):
    """Notes everything, and on which thread it heard it."""

    def __init__(self) -> None:
        self.announced: list[tuple[str, Headers]] = []
        self.acknowledged: list[RecordMetadata] = []
        self.failed: list[tuple[str, int | None, ProduceError]] = []
        self.sent: list[tuple[str, int, int, int]] = []
        self.threads: dict[str, set[str]] = {"on_send": set(), "outcomes": set()}

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        self.threads["on_send"].add(threading.current_thread().name.partition(" ")[0])
        self.announced.append((topic, headers))
        return None

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        self.threads["outcomes"].add(threading.current_thread().name.partition(" ")[0])
        self.acknowledged.append(metadata)

    def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
        self.threads["outcomes"].add(threading.current_thread().name.partition(" ")[0])
        self.failed.append((topic, partition, error))

    def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
        self.threads["outcomes"].add(threading.current_thread().name.partition(" ")[0])
        self.sent.append((topic, partition, record_count, size_bytes))


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


@pytest.fixture
def ear() -> Ear:
    return Ear()


def nobody(_: RecordMetadata | None, __: ProduceError | None) -> None:
    """Hear of an outcome, and do nothing."""


# Outcomes.


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_each_record_is_told_of_once_and_in_order(
    cluster: FakeCluster, make_face: MakeFace, ear: Ear, codec: str
) -> None:
    face = make_face(cluster.bootstrap_servers, batch_size=200, listener=ear, compression_type=codec)
    for nth in (2, 4):
        cluster.on(ApiKey.PRODUCE, partition=0, nth=nth).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    cluster.on(ApiKey.PRODUCE, partition=1, nth=3).close_after_append()

    for number in range(400):
        face.fire("t", b"%04d" % number, partition=number % 2, on_delivery=nobody)
    handles = [face.produce("t", b"awaited", partition=number % 2) for number in range(10)]
    metadatas = [handle.result(PATIENCE) for handle in handles]
    face.close()

    assert ear.failed == []
    for partition in (0, 1):
        told = [metadata.offset for metadata in ear.acknowledged if metadata.partition == partition]
        assert told == list(range(205))
    assert all(metadata in ear.acknowledged for metadata in metadatas)
    assert len(ear.announced) == 410
    assert ear.threads["outcomes"] == {"dekaf-callbacks"}


def test_metadata_has_each_records_own_timestamp(cluster: FakeCluster, ear: Ear) -> None:
    with thread_producer(cluster.bootstrap_servers, listener=ear, linger_ms=10_000) as producer:
        for timestamp in (1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001):
            producer.fire("t", value=b"a", partition=1, timestamp=timestamp)

    assert [metadata.timestamp_ms for metadata in ear.acknowledged] == [
        1_700_000_000_000,
        1_600_000_000_000,
        1_700_000_000_001,
    ]


def test_records_of_a_batch_that_is_split_are_told_of_once(cluster: FakeCluster, ear: Ear) -> None:
    cluster.on(ApiKey.PRODUCE, partition=1).fail_once(ErrorCode.MESSAGE_TOO_LARGE)
    with thread_producer(cluster.bootstrap_servers, listener=ear, linger_ms=10_000) as producer:
        for number in range(10):
            producer.fire("t", value=b"a", partition=1, timestamp=1_700_000_000_000 + number)

    assert ear.sent[0][2] == 10
    assert len(ear.sent) > 2
    assert sum(count for _, _, count, _ in ear.sent[1:]) == 10
    assert [metadata.offset for metadata in ear.acknowledged] == list(range(10))
    assert [metadata.timestamp_ms - 1_700_000_000_000 for metadata in ear.acknowledged] == list(range(10))


def test_timestamp_of_the_broker_wins(ear: Ear) -> None:
    with (
        FakeCluster() as cluster,
        thread_producer(cluster.bootstrap_servers, listener=ear) as producer,
    ):
        cluster.create_topic("t", 1, TopicSettings(log_append_time=True))
        expected = producer.produce("t", value=b"a", timestamp=1_600_000_000_000)

    assert ear.acknowledged == [expected]
    assert expected.timestamp_ms > 1_600_000_000_000


def test_records_that_the_broker_rejects_are_told_of_one_by_one(
    cluster: FakeCluster, make_face: MakeFace, ear: Ear
) -> None:
    cluster.on(ApiKey.PRODUCE, topic="t").fail(ErrorCode.INVALID_RECORD, times=ALWAYS)
    face = make_face(cluster.bootstrap_servers, listener=ear, linger_ms=10_000)

    for _ in range(3):
        face.fire("t", b"a", partition=1, on_delivery=nobody)
    face.close()

    assert [(topic, partition, type(error)) for topic, partition, error in ear.failed] == [
        ("t", 1, InvalidRecordError)
    ] * 3
    assert ear.acknowledged == []


def test_records_that_were_parked_in_vain_are_told_of(make_face: MakeFace, ear: Ear) -> None:
    with FakeCluster() as cluster:
        face = make_face(cluster.bootstrap_servers, listener=ear, max_block_ms=600)
        handle = face.produce("missing", b"a")
        face.fire("missing", b"b", on_delivery=nobody)
        assert isinstance(handle.exception(PATIENCE), UnknownTopicOrPartitionError)
        face.close()

    assert [(topic, partition) for topic, partition, _ in ear.failed] == [("missing", None), ("missing", None)]
    assert {type(error) for *_, error in ear.failed} == {UnknownTopicOrPartitionError}


def test_what_a_close_gives_up_is_told_of_by_the_time_it_returns(
    cluster: FakeCluster, make_face: MakeFace, ear: Ear
) -> None:
    cluster.on(ApiKey.PRODUCE).never_answer(times=ALWAYS)
    face = make_face(cluster.bootstrap_servers, listener=ear)
    face.produce("t", b"a", partition=0)
    cluster.wait_until(lambda: len(cluster.attempts("t")) == 1)

    face.close(0.05)

    ((topic, partition, error),) = ear.failed
    assert (topic, partition, type(error), error.may_be_persisted) == ("t", 0, DeliveryAbortedError, True)


def test_without_acknowledgements_records_count_as_acknowledged(cluster: FakeCluster, ear: Ear) -> None:
    with thread_producer(cluster.bootstrap_servers, listener=ear, acks="none") as producer:
        producer.fire("t", value=b"a", partition=0)
        producer.flush(PATIENCE)

    ((metadata, sent),) = zip(ear.acknowledged, ear.sent, strict=True)
    assert (metadata.partition, metadata.offset) == (0, -1)
    assert sent[:3] == ("t", 0, 1)


# Batches.


def test_batches_are_told_of_each_time_a_connection_takes_them(cluster: FakeCluster, ear: Ear) -> None:
    cluster.on(ApiKey.PRODUCE, partition=1).fail_once(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    with thread_producer(cluster.bootstrap_servers, listener=ear, linger_ms=10_000) as producer:
        for _ in range(5):
            producer.fire("t", value=b"a" * 100, partition=1)

    assert [told[:3] for told in ear.sent] == [("t", 1, 5)] * 2
    assert ear.sent[0] == ear.sent[1]
    assert 61 + 5 * 100 < ear.sent[0][3] < 61 + 5 * 120


# Before a record is accepted.


class Tracing(ProducerListener):
    """Adds a header, as tracing does."""

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        return headers.add("trace-id", f"{topic}-{len(headers)}")


class SeesHeaders:
    """A serializer that writes what it sees of the headers."""

    def serialize(self, value: object, context: SerializationContext) -> bytes:
        return repr([*context.headers]).encode()


def test_headers_that_on_send_returns_are_sent_and_seen_by_serializers(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, listener=Tracing(), value=SeesHeaders()) as producer:
        producer.produce("t", None, "a", partition=0)
        producer.produce("t", None, "b", partition=0, headers={"source": "shop"})
        producer.produce(ProducerMessage.create("t", None, "c", partition=0, headers={"source": "shop"}))

    first, *others = cluster.log("t", 0)
    assert list(first.headers) == [("trace-id", b"t-0")]
    assert first.value == b"[('trace-id', b't-0')]"
    for record in others:
        assert list(record.headers) == [("source", b"shop"), ("trace-id", b"t-1")]


def test_on_send_runs_on_the_thread_of_the_call(cluster: FakeCluster, ear: Ear) -> None:
    loop_thread = LoopThread()
    producer = loop_producer(cluster.bootstrap_servers, listener=ear)

    loop_thread.run(producer.produce("t", None, b"a", partition=0))
    loop_thread.run(producer.close())
    loop_thread.stop()

    assert ear.threads == {"on_send": {"test-loop"}, "outcomes": {"dekaf-callbacks"}}


def test_record_that_is_refused_at_the_call_has_no_outcome(cluster: FakeCluster, ear: Ear) -> None:
    with thread_producer(cluster.bootstrap_servers, listener=ear) as producer:
        with pytest.raises(RecordTooLargeError):
            producer.fire("t", value=b"a" * 2_000_000)
        producer.flush(PATIENCE)

    assert len(ear.announced) == 1
    assert ear.failed == ear.acknowledged == []


# Hooks that break.


class Broken(ProducerListener):
    """Raises everywhere."""

    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind
        self.calls: Counter[str] = Counter()

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        self.calls["on_send"] += 1
        raise ValueError("on purpose")

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        self.calls["on_acknowledged"] += 1
        raise self.kind("on purpose")

    def on_error(self, topic: str, partition: int | None, error: ProduceError) -> None:
        self.calls["on_error"] += 1
        raise self.kind("on purpose")

    def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
        self.calls["on_batch_sent"] += 1
        raise self.kind("on purpose")


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt])
def test_what_hooks_raise_is_contained_and_logged_sparingly(
    cluster: FakeCluster, make_face: MakeFace, kind: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    listener = Broken(kind)
    face = make_face(cluster.bootstrap_servers, listener=listener, linger_ms=10_000)
    with caplog.at_level(logging.ERROR, "dekaf.producer"):
        for _ in range(10):
            face.fire("t", b"secret", partition=0, on_delivery=nobody)
        face.flush(PATIENCE)
        cluster.on(ApiKey.PRODUCE, partition=1).fail(ErrorCode.INVALID_RECORD, times=ALWAYS)
        failing = face.produce("t", b"secret", partition=1)
        assert isinstance(failing.exception(PATIENCE), InvalidRecordError)
        face.close()

    assert listener.calls["on_send"] == 11
    assert listener.calls["on_acknowledged"] == 10
    assert listener.calls["on_error"] == 1
    told = [record.getMessage() for record in caplog.records if "listener raised" in record.getMessage()]
    lines = [line.partition(" (client_id ")[0] for line in told]
    rest = listener.calls.total() - 1  # told when the producer ends
    assert lines == [
        "The producer's listener raised 1 time(s) for topic t: ValueError('on purpose')",
        f"The producer's listener raised {rest} time(s) for topic t: {kind.__name__}('on purpose')",
    ]
    assert "secret" not in caplog.text
    assert [record.value for record in cluster.log("t", 0)] == [b"secret"] * 10


def test_what_on_send_returns_has_to_be_headers(cluster: FakeCluster, caplog: pytest.LogCaptureFixture) -> None:
    class Wrong(ProducerListener):
        def on_send(self, topic: str, headers: Headers) -> Headers | None:
            return {"trace-id": "1"}  # type: ignore[return-value]  # wrong on purpose

    with (
        caplog.at_level(logging.ERROR, "dekaf.producer"),
        thread_producer(cluster.bootstrap_servers, listener=Wrong()) as producer,
    ):
        producer.produce("t", value=b"a", partition=0, headers={"kept": "1"})

    assert "on_send must return Headers or None, not dict" in caplog.text
    assert list(cluster.log("t", 0)[0].headers) == [("kept", b"1")]


# Hooks that produce.


class Auditing(ProducerListener):
    """Fires a message about each message, from every hook."""

    def __init__(self) -> None:
        self.producer: Producer[Any, Any] | None = None
        self.refused: list[str] = []
        self.buffered: list[int] = []

    def on_send(self, topic: str, headers: Headers) -> Headers | None:
        self._audit(topic, b"send")
        return None

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        self._audit(metadata.topic, b"acknowledged")

    def on_batch_sent(self, topic: str, partition: int, record_count: int, size_bytes: int) -> None:
        self._audit(topic, b"batch")

    def _audit(self, topic: str, what: bytes) -> None:
        producer = self.producer
        assert producer is not None
        if topic == "audit":
            return
        producer.fire("audit", value=what)
        producer.submit("audit", value=what)
        self.buffered.append(producer.status().buffered_records)
        if what == b"acknowledged":
            for call in (lambda: producer.produce("audit", value=what), producer.flush, producer.close):
                self._expect_refusal(call)

    def _expect_refusal(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BlockingCallError as error:
            self.refused.append(str(error))


def test_hooks_may_fire_submit_and_look() -> None:
    listener = Auditing()
    with (
        FakeCluster(topics={"t": 1, "audit": 1}) as cluster,
        thread_producer(cluster.bootstrap_servers, listener=listener) as producer,
    ):
        listener.producer = producer

        producer.produce("t", value=b"a")

        audited = Counter(record.value for record in cluster.wait_for_records("audit", 6))
    assert audited == {b"send": 2, b"batch": 2, b"acknowledged": 2}
    assert len(listener.buffered) == 3
    assert len(listener.refused) == 3
    assert all("listener's hook" in text for text in listener.refused)


# Absent.


def test_listener_that_overrides_nothing_costs_nothing(cluster: FakeCluster) -> None:
    with thread_producer(cluster.bootstrap_servers, listener=ProducerListener()) as producer:
        producer.produce("t", value=b"a")
        core = producer._core

        assert core.tracing is PROCESS
        assert core.life.listener.batch_done is None
        assert core.life.listener.batch_sent is None
        assert not core.life.listener.keeps_timestamps
        assert "dekaf-callbacks" not in threads_of_producers()


def test_hook_set_on_the_object_counts(cluster: FakeCluster) -> None:
    heard: list[RecordMetadata] = []
    listener = ProducerListener()
    listener.on_acknowledged = heard.append  # type: ignore[method-assign, assignment]  # as a test's double may
    with thread_producer(cluster.bootstrap_servers, listener=listener) as producer:
        expected = producer.produce("t", value=b"a")

    assert heard == [expected]
