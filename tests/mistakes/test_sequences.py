"""What went wrong with sequence numbers, retries and duplicates."""

from __future__ import annotations

import itertools
import random

import pytest

from dekaf.errors import DeliveryTimeoutError, RecordTooLargeError, SerializationError
from dekaf.testing import (
    ALWAYS,
    ApiKey,
    ErrorCode,
    FakeCluster,
    ProduceAttempt,
    ReceivedInitProducerId,
    ReceivedProduce,
    TopicSettings,
)
from tests.scenarios.faces import SMALL_BATCHES, MakeFace, eventually, thread_producer
from tests.scenarios.invariants import Ledger, keep_promises, succeed_in_order


def numbers_of(attempt: ProduceAttempt) -> tuple[int, int, int]:
    assert attempt.header is not None
    return attempt.header.producer_id, attempt.header.producer_epoch, attempt.header.base_sequence


@pytest.mark.mistake("kafkajs #598")
def test_sequences_count_records_and_skip_none_that_could_not_be_written() -> None:
    """kafkajs #598: batches were counted, not records, and a failed encoding left a gap."""
    chance = random.Random(598)
    with FakeCluster(topics={"t": 1}) as cluster, thread_producer(cluster.bootstrap_servers, value=str) as producer:
        refused = 0
        for _ in range(30):
            for number in range(chance.randint(1, 7)):
                if chance.random() < 0.3:
                    with pytest.raises(SerializationError):
                        producer.fire("t", None, number)
                    refused += 1
                else:
                    producer.fire("t", None, f"{number}")
            producer.flush(10)

        sequences = [record.sequence for record in cluster.log("t")]
        assert refused > 10
        assert sequences == list(range(len(sequences)))
        assert cluster.violations == []


@pytest.mark.mistake("librdkafka #4736", "librdkafka #4750")
def test_batch_keeps_its_records_and_numbers_however_often_it_is_sent(make_face: MakeFace) -> None:
    """librdkafka #4736: on a retry the records were packed anew, and the broker did not recognise the batch."""
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, **SMALL_BATCHES)
        ledger = Ledger(face, "t")
        ledger.produce(3)
        ledger.outcomes()
        for nth in (1, 2, 4):
            cluster.on(ApiKey.PRODUCE, nth=nth).close_after_append()
        for _ in range(6):
            ledger.produce(5)

        succeed_in_order(cluster, "t", ledger.outcomes())
        attempts = cluster.attempts("t", 0)
        by_numbers = {
            numbers: {attempt.batch for attempt in group}
            for numbers, group in itertools.groupby(sorted(attempts, key=numbers_of), key=numbers_of)
        }
        assert len(by_numbers) < len(attempts)
        assert {len(contents) for contents in by_numbers.values()} == {1}
        assert sum(attempt.result.is_duplicate for attempt in attempts if attempt.result) >= 1


@pytest.mark.mistake("librdkafka #4953")
def test_batches_behind_one_without_an_answer_are_no_gap(make_face: MakeFace) -> None:
    """librdkafka #4953: every OUT_OF_ORDER_SEQUENCE_NUMBER was taken for a gap; the new epoch wrote duplicates."""
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, batch_size=1, linger_ms=0)
        ledger = Ledger(face, "t")
        ledger.produce(1)
        ledger.outcomes()
        held = cluster.on(ApiKey.PRODUCE).hold(times=1, before_append=True)
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.REQUEST_TIMED_OUT, after_append=True)
        cluster.on(ApiKey.PRODUCE).fail(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, times=4)
        ledger.produce(5)
        cluster.wait_for_requests(ReceivedProduce, 6)  # all are under way
        held.release()

        succeed_in_order(cluster, "t", ledger.outcomes())
        assert len(cluster.requests(ReceivedInitProducerId)) == 1
        assert {record.producer_epoch for record in cluster.log("t")} == {0}


@pytest.mark.mistake("KAFKA-15591", "KAFKA-14312", "KAFKA-19880")
def test_first_batches_of_a_partition_are_not_reordered(make_face: MakeFace) -> None:
    """KAFKA-14312: to a broker without state any first sequence is right: a second batch may be the first."""
    with FakeCluster(topics={"t": 2}) as cluster:
        face = make_face(cluster.bootstrap_servers, batch_size=1, linger_ms=0)
        ledger = Ledger(face, "t")
        ledger.produce(1, partition=1)
        ledger.outcomes()
        held = cluster.on(ApiKey.PRODUCE, partition=0).hold(times=1)
        cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        ledger.produce(4)
        cluster.wait_until(lambda: held.waiting)
        held.release()

        succeed_in_order(cluster, "t", ledger.outcomes())
        first, second, *_ = cluster.attempts("t", 0)
        assert numbers_of(first) == numbers_of(second)


@pytest.mark.mistake("librdkafka #4438", "franz-go #930", "franz-go #1217", "franz-go #1235")
@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not stored"])
def test_batches_behind_one_whose_fate_is_unknown_are_neither_lost_nor_doubled(
    make_face: MakeFace, is_stored: bool
) -> None:
    """franz-go #1217: the batch after one that was given up, and may be written, took its sequence, or left a gap."""
    with FakeCluster(topics={"t": 1}) as cluster:
        face = make_face(cluster.bootstrap_servers, linger_ms=0, request_timeout_ms=600, delivery_timeout_ms=600)
        ledger = Ledger(face, "t")
        ledger.produce(3)
        ledger.outcomes()
        cluster.on(ApiKey.PRODUCE).never_answer(append=is_stored)
        ledger.produce(1)
        given_up = ledger.outcomes()[-1]
        eventually(lambda: face.status().buffered_bytes == 0)
        ledger.produce(4)
        outcomes = ledger.outcomes()

        assert isinstance(given_up.error, DeliveryTimeoutError)
        assert given_up.error.may_be_persisted
        assert [outcome.error for outcome in outcomes[-4:]] == [None] * 4
        keep_promises(cluster, "t", outcomes)


@pytest.mark.mistake("KAFKA-19012", "KAFKA-17862")
def test_bytes_on_their_way_are_not_those_of_later_records(make_face: MakeFace) -> None:
    """KAFKA-19012: a buffer went back to the pool while its request still was in the socket's queue."""
    with FakeCluster(topics={"t": 1, "other": 1}, receive_buffer_bytes=4096) as cluster:
        face = make_face(
            cluster.bootstrap_servers,
            batch_size=300_000,
            linger_ms=0,
            request_timeout_ms=600,
            delivery_timeout_ms=600,
        )
        face.produce("t", b"warm").result(10)
        face.produce("other", b"warm").result(10)
        cluster.broker(1).pause_reading()
        sent = [face.produce("t", b"%d" % number * 100_000) for number in range(9)]
        for handle in sent:
            assert isinstance(handle.exception(10), DeliveryTimeoutError)
        later = [face.produce("other", b"%d" % number * 50_000) for number in range(20)]
        cluster.broker(1).resume_reading()
        for handle in later:
            handle.exception(10)

        for attempt in cluster.attempts():
            assert attempt.header is not None
            assert attempt.batch is not None
            assert attempt.header.matches_checksum(attempt.batch)
        wanted = {b"warm", *(b"%d" % number * 100_000 for number in range(9))}
        assert {record.value for record in cluster.log("t")} <= wanted
        assert cluster.violations == []


@pytest.mark.mistake("KAFKA-8350", "KAFKA-8202", "KAFKA-8325", "KAFKA-19479", "wolff #64", "rskafka #124")
@pytest.mark.parametrize("codec", ["none", "lz4"])
def test_batch_slightly_above_the_limit_is_split_once_and_flush_waits_for_its_parts(
    make_face: MakeFace, codec: str
) -> None:
    """KAFKA-8350: it was split into itself, for ever. KAFKA-19479: flush returned before its parts were there."""
    chance = random.Random(8350)
    with FakeCluster() as cluster:
        cluster.create_topic("t", 1, TopicSettings(max_message_bytes=10 * 1024))
        face = make_face(cluster.bootstrap_servers, compression_type=codec, linger_ms=10_000)
        values = [chance.randbytes(870) for _ in range(12)]
        for value in values:
            face.fire("t", value, partition=0, on_delivery=lambda _, __: None)
        report = face.flush(10)

        assert (report.delivered, report.failed, report.undelivered) == (12, 0, 0)
        assert [record.value for record in cluster.log("t")] == values
        assert len(cluster.attempts("t", 0)) <= 5  # the batch, and its parts, none of which had to be split again
        assert cluster.violations == []


@pytest.mark.mistake("KAFKA-8350")
def test_record_above_the_limit_fails_alone(make_face: MakeFace) -> None:
    """A batch that cannot be split any further must fail, and its neighbours must not."""
    with FakeCluster() as cluster:
        cluster.create_topic("t", 1, TopicSettings(max_message_bytes=10 * 1024))
        face = make_face(cluster.bootstrap_servers, linger_ms=100)
        sizes = [100, 200, 11 * 1024, 300, 400]
        handles = [face.produce("t", b"x" * size) for size in sizes]
        errors = [handle.exception(10) for handle in handles]

        assert [type(error) for error in errors] == [type(None), type(None), RecordTooLargeError, *[type(None)] * 2]
        assert [len(record.value or b"") for record in cluster.log("t")] == [100, 200, 300, 400]
        assert len(cluster.attempts("t", 0)) <= 8


@pytest.mark.mistake("sarama #2469", "sarama #3557")
def test_back_off_grows_for_the_partition_in_trouble_and_for_no_other(make_face: MakeFace) -> None:
    """sarama #2469: retries came without a pause. #3557: the pause of one partition held up all others."""
    with FakeCluster(topics={"t": 2}) as cluster:
        refusal = cluster.on(ApiKey.PRODUCE, partition=0).fail(ErrorCode.NOT_LEADER_OR_FOLLOWER, times=ALWAYS)
        face = make_face(cluster.bootstrap_servers, retry_backoff_ms=30, retry_backoff_max_ms=1_000)
        troubled = Ledger(face, "t")
        troubled.produce(1)
        while refusal.hits < 5:
            face.produce("t", b"fine", partition=1).result(10)
        refusal.cancel()

        assert troubled.outcomes()[0].error is None
        times = [attempt.received_at for attempt in cluster.attempts("t", 0)]
        pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
        for attempt, pause in enumerate(pauses[:4]):
            assert pause >= 0.8 * 0.030 * 2**attempt
        others = [attempt.received_at for attempt in cluster.attempts("t", 1)]
        # Held up by each pause, there would be one of them in each.
        assert sum(times[0] < moment < times[-1] for moment in others) > len(times)
