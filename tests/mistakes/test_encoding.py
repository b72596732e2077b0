"""What went wrong with bytes on the wire: compression, versions, names, topic ids, offsets."""

from __future__ import annotations

import re

import pytest

from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster, ReceivedApiVersions, UnknownVersionAnswer
from dekaf.types import RecordMetadata
from tests.scenarios.faces import MakeFace, eventually
from tests.scenarios.invariants import Ledger, succeed_in_order

SHRINKS = bytes(200)  # what would not get smaller is sent as it is
CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


@pytest.mark.mistake("kafka-python #718")
@pytest.mark.parametrize("codec", CODECS)
def test_batch_is_not_compressed_again_when_it_is_sent_again(make_face: MakeFace, codec: str) -> None:
    """kafka-python #718: a retry compressed what was compressed already, and consumers read garbage."""
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.NOT_ENOUGH_REPLICAS, times=2)
        cluster.on(ApiKey.PRODUCE, nth=3).close_after_append()
        face = make_face(cluster.bootstrap_servers, compression_type=codec)
        ledger = Ledger(face, "t")
        ledger.produce(1, key=SHRINKS)

        succeed_in_order(cluster, "t", ledger.outcomes())
        attempts = cluster.attempts("t", 0)
        assert len(attempts) == 4
        assert len({attempt.batch for attempt in attempts}) == 1
        assert {attempt.header.codec for attempt in attempts if attempt.header} == {CODECS[codec]}


@pytest.mark.mistake("librdkafka #4956", "KAFKA-18659", "kroxylicious #2851")
@pytest.mark.parametrize("lowest", [0, 3, 7])
@pytest.mark.parametrize("codec", CODECS)
def test_batch_is_compressed_whatever_the_oldest_version_of_the_broker_is(
    make_face: MakeFace, codec: str, lowest: int
) -> None:
    """librdkafka #4956: compression was silently off where Produce 0 was not advertised, which Kafka 4.0 removed."""
    with FakeCluster(topics={"t": 1}, versions={ApiKey.PRODUCE: (lowest, 13)}) as cluster:
        face = make_face(cluster.bootstrap_servers, compression_type=codec)
        ledger = Ledger(face, "t")
        ledger.produce(3, key=SHRINKS)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert {attempt.header.codec for attempt in cluster.attempts() if attempt.header} == {CODECS[codec]}


@pytest.mark.mistake("platformatic/kafka #343", "redpanda #296")
@pytest.mark.parametrize("answer", UnknownVersionAnswer)
@pytest.mark.parametrize("newest", [0, 2, 3])
def test_broker_that_does_not_know_our_greeting_is_greeted_in_its_own_way(
    make_face: MakeFace, answer: UnknownVersionAnswer, newest: int
) -> None:
    """redpanda #296, platformatic #343: error 35 is answered in version 0, whatever version was asked in.

    Some services reset the connection instead: then the oldest version is tried.
    """
    with FakeCluster(
        nodes=2, topics={"t": 2}, versions={ApiKey.API_VERSIONS: (0, newest)}, unknown_version=answer
    ) as cluster:
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        ledger.produce(2)
        ledger.produce(2, partition=1)

        succeed_in_order(cluster, "t", ledger.outcomes())
        understood = {one.version for one in cluster.requests(ReceivedApiVersions) if one.version <= newest}
        assert understood == ({newest} if answer is UnknownVersionAnswer.WITH_ENTRY else {0})


@pytest.mark.mistake("franz-go #1298", "redpanda console #390", "franz-go #1382")
def test_every_connection_says_which_software_it_is_in_words_that_brokers_accept(make_face: MakeFace) -> None:
    """franz-go #1298: only the first connection did. #1382: a character too many, and brokers refuse everything."""
    with FakeCluster(nodes=3, topics={"t": 3}) as cluster:
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        for _ in range(2):
            for partition in range(3):
                ledger.produce(1, partition=partition)
            ledger.outcomes()
            for broker in cluster.brokers:
                broker.close_connections()

        assert len(cluster.connections) >= 6
        for connection in cluster.connections:
            assert connection.software_name == "dekaf-python"
            assert re.fullmatch(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?", connection.software_version)


@pytest.mark.mistake("KAFKA-19397")
def test_answer_about_a_topic_that_was_created_anew_meanwhile_finds_its_batch(make_face: MakeFace) -> None:
    """KAFKA-19397: the id in the answer was looked up in metadata that had moved on, and nobody was told anything."""
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, metadata_max_age_ms=20)
        face.produce("t", b"before").result(10)
        held = cluster.on(ApiKey.PRODUCE).hold(times=1)
        handle = face.produce("t", b"a")
        cluster.wait_until(lambda: held.waiting)

        old = cluster.topic_id("t")
        cluster.create_topic("t", 1)
        asked = len(cluster.requests())
        # A second topic makes the client ask, and so learn the new id while the old one's answer is due.
        cluster.create_topic("other", 1)
        other = face.produce("other", b"b")
        cluster.wait_until(lambda: len(cluster.requests()) > asked)
        held.release()

        assert handle.result(10).offset == 1
        assert other.result(10).offset == 0
        assert cluster.topic_id("t") != old
        assert face.produce("t", b"after").result(10).offset == 0


@pytest.mark.mistake("Apache Kafka's Java client")
@pytest.mark.parametrize("topic", ["t", "nobody-asked"])
def test_answer_about_other_partitions_than_asked_for_hangs_nothing(make_face: MakeFace, topic: str) -> None:
    """Java's sender throws IllegalStateException about a partition it did not ask for, or finds one missing."""
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.on(ApiKey.PRODUCE).add_partition(topic, 5)
        cluster.on(ApiKey.PRODUCE).omit_partition()
        face = make_face(cluster.bootstrap_servers)
        ledger = Ledger(face, "t")
        ledger.produce(3)

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert face.status().engine_restarts == 0


@pytest.mark.mistake("franz-go: offsets of a batch without a base offset")
def test_records_of_a_batch_without_an_offset_have_none(make_face: MakeFace) -> None:
    """A repeated batch is answered with base offset -1: adding a record's index to it makes up offsets 0, 1, 2."""
    told: list[RecordMetadata | None] = []
    with FakeCluster(topics={"t": 1}) as cluster:
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.DUPLICATE_SEQUENCE_NUMBER, after_append=True, times=ALWAYS)
        face = make_face(cluster.bootstrap_servers, linger_ms=10_000)
        for number in range(4):
            face.fire("t", b"%d" % number, partition=0, on_delivery=lambda metadata, _: told.append(metadata))
        face.flush(10)

        eventually(lambda: len(told) == 4)
        assert len(cluster.attempts("t", 0)) == 1
        assert [metadata and (metadata.offset, metadata.has_offset) for metadata in told] == [(-1, False)] * 4
