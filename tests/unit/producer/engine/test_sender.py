"""What leaves with which request, under which numbers, and what becomes of it: without a thread or a socket."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from dekaf._cluster.metadata import NO_METADATA, Broker, Partition, Topic
from dekaf._network.requests import PendingRequest, SenderConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.init_producer_id import InitProducerIdResponse
from dekaf._protocol.produce import (
    BrokerEndpoint,
    LeaderHint,
    PartitionProduceResponse,
    ProduceResponse,
    TopicProduceResponse,
)
from dekaf._record.compression import Codec, codec_for
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import (
    BrokerConnectionError,
    DeliveryAbortedError,
    DeliveryTimeoutError,
    OutOfOrderSequenceError,
    ProduceError,
)
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._engine.batch_selector import SelectionRules
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.sender import InFlightProduce, Sender, SenderSettings
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.undelivered import Undelivered
from dekaf.producer._engine.waiting_calls import WaitingCalls
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from dekaf.types import OnDelivery
from tests.unit.producer.rooms import (
    CALLBACKS,
    CallbackNotes,
    Heard,
    NoConnections,
    accumulator_of,
    append,
    cluster_of,
    constant_backoff,
    open_topic,
)

NOW = 1_000.0
DELIVERY_TIMEOUT = 30.0  # seconds
LOST = BrokerConnectionError("The broker is gone.")
NO_VERSION = BrokerConnectionError("The broker does not offer PRODUCE.")
NO_IDENTITY = ProduceError("no producer id")
TOPIC_ID = b"i" * 16


class Connection(SenderConnection):
    """Takes down what is sent."""

    def __init__(self) -> None:
        self.sent: list[InFlightProduce] = []
        self.unanswered: list[InFlightProduce] = []
        self.takes = True
        self.limits: list[int] = []
        self.throttled: list[int] = []
        self.error: BrokerConnectionError | None = None

    def takes_requests(self, _now: float) -> bool:
        return self.takes

    def version(self, _api: ApiKey, *, at_most: int = 32767) -> int:
        if self.error is not None:
            raise self.error
        self.limits.append(at_most)
        return min(13, at_most)

    def send(self, request: PendingRequest, _version: int, _body: list[bytes]) -> None:
        assert isinstance(request, InFlightProduce)
        self.sent.append(request)

    def send_unanswered(self, request: PendingRequest, _version: int, _body: list[bytes]) -> None:
        assert isinstance(request, InFlightProduce)
        self.unanswered.append(request)

    def throttle(self, milliseconds: int) -> None:
        self.throttled.append(milliseconds)


class Connections(NoConnections):
    """Has a connection to each of three brokers, unless told otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.to: dict[int, Connection] = {node: Connection() for node in (1, 2, 3)}

    def connection(self, node_id: int, _now: float) -> SenderConnection | None:
        return self.to.get(node_id)

    def update_brokers(self, brokers: Mapping[int, Broker]) -> None:
        self.brokers = brokers


class Desk:
    """A sender for the topic t, whose partitions broker 1 leads."""

    def __init__(
        self,
        *,
        partitions: int = 1,
        acks: int = -1,
        max_in_flight: int = 5,
        has_identity: bool = True,
        is_idempotent: bool = True,
        codec: Codec | None = None,
    ) -> None:
        self.now = NOW
        self.heard = Heard()
        self.accumulator = accumulator_of(heard=self.heard, codec=codec, buffer_memory=1_000_000)
        self.topic = open_topic(self.accumulator, partitions=partitions)
        self.connections = Connections()
        self.cluster = cluster_of(self.accumulator, self.connections)
        self.statistics = ProducerStatistics()
        self.producer_id = ProducerIdSource(constant_backoff, is_needed=is_idempotent)
        retry = RetrySettings(DELIVERY_TIMEOUT, constant_backoff)
        completion = BatchCompletion(
            self.accumulator, self.cluster, self.producer_id, retry, self.statistics, lambda: self.now
        )
        rules = SelectionRules(0.0, 50_000, max_in_flight, is_idempotent=is_idempotent)
        self.sender = Sender(
            self.accumulator,
            self.cluster,
            self.producer_id,
            completion,
            SenderSettings(acks, 10.0, retry, rules),
            self.statistics,
            WaitingCalls(self.accumulator, self.cluster, self.statistics, math.inf, lambda _now: math.inf),
        )
        self._tell_cluster(partitions)
        if has_identity:
            self.grant_identity()

    def grant_identity(self) -> None:
        """Answer the request for a producer id."""
        answer = InitProducerIdResponse(error_code=0, producer_id=7, producer_epoch=0, throttle_time_ms=0)
        self.producer_id.answered(answer, self.now)

    def add(
        self, count: int = 1, *, partition: int = 0, value: bytes = b"value", recipient: OnDelivery | None = None
    ) -> CallbackNotes:
        """Append records to one batch, to which no other is added; return what they hear."""
        notes = CallbackNotes()
        for _ in range(count):
            told = recipient or notes
            append(self.accumulator, self.topic, value, partition=partition, recipient=told, route=CALLBACKS)
        queue = self.topic.partitions[partition]
        if queue.current is not None:
            queue.current.created = self.now
            queue.full.append(queue.current)
            queue.current = None
        return notes

    def run(self) -> list[InFlightProduce]:
        """Let the sender look once; return what it has sent to broker 1 for it."""
        sent = self.connections.to[1].sent if 1 in self.connections.to else []
        before = len(sent)
        self.due = self.sender.run(self.now, self.now)
        return sent[before:]

    def answer(self, sent: InFlightProduce, codes: Mapping[int, int], *, throttle_ms: int = 0) -> None:
        """Answer a request with an error code for each partition named."""
        response = ProduceResponse()
        response.throttle_time_ms = throttle_ms
        topic = TopicProduceResponse("", TOPIC_ID)
        topic.partitions.extend([PartitionProduceResponse(index, code, 100, -1) for index, code in codes.items()])
        response.topics.append(topic)
        self.sender.answered(sent, response)
        self.heard.notify_all()

    def _tell_cluster(self, partitions: int) -> None:
        leader = Partition(leader_id=1, leader_epoch=5)
        self.cluster.replace(
            replace(
                NO_METADATA,
                brokers={node: Broker(node_id=node, host="b", port=node) for node in (1, 2)},
                topics={"t": Topic(name="t", topic_id=TOPIC_ID, partitions=[leader] * partitions)},
            ),
            ["t"],
        )


def numbers(batch: ProducerBatch) -> tuple[int, int, int]:
    assert batch.identity is not None
    return int(batch.identity.producer_id), int(batch.identity.epoch), int(batch.base_sequence)


# Sending.


def test_one_request_carries_a_batch_for_each_partition_of_the_broker() -> None:
    desk = Desk(partitions=3)
    for partition in (0, 2):
        desk.add(partition=partition)

    (sent,) = desk.run()

    assert sorted(int(batch.partition) for batch in sent.batches) == [0, 2]
    assert desk.run() == []


def test_batches_of_a_partition_are_numbered_in_the_order_they_leave_in() -> None:
    desk = Desk()
    for count in (3, 2, 4):
        desk.add(count)
    (first,) = desk.run()  # until it is acknowledged, no other may overtake it
    desk.answer(first, {0: ErrorCode.NONE})
    later = desk.run()

    assert [numbers(sent.batches[0]) for sent in (first, *later)] == [(7, 0, 0), (7, 0, 3), (7, 0, 5)]


def test_nothing_leaves_without_a_producer_id_unless_none_is_needed() -> None:
    desk = Desk(has_identity=False)
    desk.add()
    assert desk.run() == []
    desk.grant_identity()
    assert len(desk.run()) == 1

    without = Desk(has_identity=False, is_idempotent=False)
    without.add()
    (sent,) = without.run()
    assert sent.batches[0].identity is None


def test_no_more_requests_than_allowed_are_under_way() -> None:
    desk = Desk(partitions=4, max_in_flight=2, is_idempotent=False)
    for _ in range(4):
        desk.add()

    first, second = desk.run()
    desk.answer(first, {0: ErrorCode.NONE})
    (third,) = desk.run()

    assert desk.sender.in_flight == [second, third]


def test_connection_that_holds_back_is_left_alone() -> None:
    desk = Desk()
    desk.add()
    desk.connections.to[1].takes = False
    assert desk.run() == []

    desk.connections.to[1].takes = True
    assert len(desk.run()) == 1


def test_records_wait_for_a_broker_that_is_not_connected_for_as_long_as_they_live() -> None:
    desk = Desk()
    desk.add()
    del desk.connections.to[1]

    assert desk.run() == []
    assert desk.due == NOW + DELIVERY_TIMEOUT


@pytest.mark.parametrize("has_id", [True, False])
def test_topic_without_an_id_is_named_which_newer_versions_cannot(has_id: bool) -> None:
    desk = Desk()
    if not has_id:
        known = desk.cluster.metadata.topics["t"]
        desk.cluster.metadata.topics["t"] = replace(known, topic_id=NULL_UUID)
    desk.add()

    desk.run()

    assert desk.connections.to[1].limits == [32767 if has_id else 12]


def test_broker_that_cannot_be_produced_to_fails_its_batches_with_the_reason() -> None:
    desk = Desk()
    notes = desk.add()
    desk.connections.to[1].error = NO_VERSION

    assert desk.run() == []
    desk.heard.notify_all()

    ((_, error),) = notes
    assert isinstance(error, ProduceError)
    assert error.__cause__ is NO_VERSION
    assert not error.may_be_persisted
    assert desk.sender.in_flight == []


def test_batch_that_cannot_be_compressed_leaves_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    codec = codec_for("gzip", None)
    assert codec is not None

    def fail(_: bytes) -> bytes:
        raise MemoryError

    codec.compress = fail
    desk = Desk(codec=codec)
    desk.add(value=b"." * 50)

    (sent,) = desk.run()

    assert sent.batches[0].sealed is not None
    assert sent.batches[0].sealed.codec_id == 0
    assert "t-0 is sent uncompressed" in caplog.text


def test_without_acknowledgements_a_batch_is_told_once_the_socket_took_it_and_not_before() -> None:
    desk = Desk(acks=0, is_idempotent=False)
    notes = desk.add(2)

    assert desk.run() == []
    desk.heard.notify_all()
    told_when_sent = list(notes)
    (sent,) = desk.connections.to[1].unanswered
    sent.on_written()
    desk.heard.notify_all()

    assert told_when_sent == []
    assert [metadata and metadata.offset for metadata, _ in notes] == [-1, -1]
    assert desk.sender.in_flight == []


def test_without_acknowledgements_a_batch_that_the_socket_did_not_take_is_sent_again() -> None:
    desk = Desk(acks=0, is_idempotent=False)
    notes = desk.add(2)
    desk.run()
    (sent,) = desk.connections.to[1].unanswered

    sent.on_lost(LOST)
    desk.now += 1.0
    desk.run()
    desk.connections.to[1].unanswered[1].on_written()
    desk.heard.notify_all()

    assert [metadata and metadata.offset for metadata, _ in notes] == [-1, -1]


def test_listener_hears_of_each_time_a_connection_takes_a_batch() -> None:
    desk = Desk()
    desk.add()
    told: list[ProducerBatch] = []
    batch = desk.topic.partitions[0].full[0]
    batch.listener.batch_sent = told.append

    (sent,) = desk.run()
    desk.sender.lost(sent, LOST)
    desk.now += 1.0
    desk.run()

    assert told == [batch, batch]


# Answers.


def test_acknowledged_records_are_told_where_they_are_and_the_broker_may_ask_for_a_pause() -> None:
    desk = Desk()
    notes = desk.add(2)
    (sent,) = desk.run()

    desk.answer(sent, {0: ErrorCode.NONE}, throttle_ms=40)

    assert [metadata and metadata.offset for metadata, _ in notes] == [100, 101]
    assert desk.connections.to[1].throttled == [40]
    assert desk.accumulator.pending_records() == 0
    assert desk.statistics.delivered == 2


def test_lost_batches_are_sent_again_after_the_back_off_under_the_same_numbers() -> None:
    desk = Desk()
    desk.add(3)
    (sent,) = desk.run()
    batch = sent.batches[0]
    header = batch.header

    desk.sender.lost(sent, LOST)
    assert desk.run() == []
    desk.now += 1.0
    (again,) = desk.run()

    assert again.batches == [batch]
    assert batch.header is header
    assert desk.statistics.last_error == str(LOST)
    assert desk.statistics.retries == 1


@pytest.mark.parametrize("broken", ["compress", "decompress"])
def test_batch_that_is_too_large_and_cannot_be_split_fails_alone_with_the_reason(broken: str) -> None:
    codec = codec_for("gzip", None)
    assert codec is not None
    no_memory = MemoryError()

    def fail(_: bytes) -> bytes:
        raise no_memory

    desk = Desk(partitions=2, codec=codec)
    notes, other = desk.add(2, value=b"." * 50), desk.add(partition=1)
    (sent,) = desk.run()
    setattr(codec, broken, fail)
    desk.answer(sent, {0: ErrorCode.MESSAGE_TOO_LARGE, 1: ErrorCode.NONE})

    errors = {error for _, error in notes}
    assert len(notes) == 2
    assert [
        (error.code, error.__cause__, error.is_retriable, error.may_be_persisted)
        for error in errors
        if error is not None
    ] == [(ErrorCode.MESSAGE_TOO_LARGE, no_memory, True, False)]
    assert [error for _, error in other] == [None]
    assert desk.accumulator.pending_records() == 0
    assert desk.accumulator.buffer.free == desk.accumulator.buffer.capacity
    assert desk.run() == []


def test_batch_that_cannot_be_rid_of_what_was_withdrawn_fails_alone_with_the_reason() -> None:
    codec = codec_for("gzip", None)
    assert codec is not None
    no_memory = MemoryError()

    def fail(_: bytes) -> bytes:
        raise no_memory

    desk = Desk(partitions=2, codec=codec)
    append(desk.accumulator, desk.topic, b"." * 30)  # which is withdrawn
    notes, other = desk.add(value=b"." * 30), desk.add(partition=1)
    (batch,) = desk.topic.partitions[0].full
    desk.accumulator.seal(desk.topic.partitions[0], batch)
    batch.withdrawn.append(0)
    desk.accumulator.completed += 1
    codec.decompress = fail

    (sent,) = desk.run()
    desk.answer(sent, {1: ErrorCode.NONE})

    ((_, error),) = notes
    assert isinstance(error, ProduceError)
    assert error.__cause__ is no_memory
    assert error.is_retriable
    assert not error.may_be_persisted
    assert [error for _, error in other] == [None]
    assert desk.accumulator.pending_records() == 0
    assert desk.accumulator.buffer.free == desk.accumulator.buffer.capacity


def test_batch_that_is_split_does_not_end_the_back_off_of_the_one_before_it() -> None:
    desk = Desk()
    for _ in range(2):
        desk.add()
        (sent,) = desk.run()
        desk.answer(sent, {0: ErrorCode.NONE})
    desk.add()
    desk.add(2)
    first, second = desk.run()
    desk.answer(first, {0: ErrorCode.NOT_ENOUGH_REPLICAS})
    desk.answer(second, {0: ErrorCode.MESSAGE_TOO_LARGE})

    assert desk.run() == []
    assert desk.due == NOW + constant_backoff(1)
    desk.now += constant_backoff(1)
    (again,) = desk.run()
    assert again.batches == first.batches


def test_partition_that_an_answer_leaves_out_is_sent_again(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(partitions=2)
    for partition in (0, 1):
        desk.add(partition=partition)
    (sent,) = desk.run()

    desk.answer(sent, {1: ErrorCode.NONE})
    desk.now += 1.0
    (again,) = desk.run()

    assert [int(batch.partition) for batch in again.batches] == [0]
    assert "leaves out t-0" in caplog.text


def test_hint_at_the_new_leader_is_followed_at_once() -> None:
    desk = Desk()
    desk.add()
    (sent,) = desk.run()
    response = ProduceResponse()
    topic = TopicProduceResponse("", TOPIC_ID)
    partition = PartitionProduceResponse(0, ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, -1)
    partition.current_leader = LeaderHint(3, 6)
    topic.partitions.append(partition)
    response.topics.append(topic)
    response.node_endpoints.append(BrokerEndpoint(3, "c", 9092, None))

    desk.sender.answered(sent, response)
    desk.run()

    (moved,) = desk.connections.to[3].sent
    assert moved.batches == sent.batches
    assert desk.connections.brokers[3].address == "c:9092"


# Time.


def test_batch_in_flight_whose_time_is_over_is_told_and_its_memory_kept_until_the_request_ends() -> None:
    desk = Desk()
    notes = desk.add()
    (sent,) = desk.run()
    taken = desk.accumulator.buffer.free

    desk.now += DELIVERY_TIMEOUT
    desk.run()
    desk.heard.notify_all()

    ((_, error),) = notes
    assert isinstance(error, DeliveryTimeoutError)
    assert error.may_be_persisted
    assert desk.accumulator.buffer.free == taken
    desk.answer(sent, {0: ErrorCode.NONE})
    assert desk.accumulator.buffer.free == desk.accumulator.buffer.capacity
    assert len(notes) == 1


def test_batch_that_never_left_is_told_that_it_is_not_in_the_log_when_its_time_is_over() -> None:
    desk = Desk()
    old = desk.add()
    desk.connections.to[1].takes = False
    desk.run()
    desk.now += DELIVERY_TIMEOUT - 1.0
    young = desk.add()

    desk.now += 1.0
    desk.run()
    desk.heard.notify_all()

    ((_, error),) = old
    assert isinstance(error, DeliveryTimeoutError)
    assert not error.may_be_persisted
    assert young == []
    assert desk.due == desk.now - 1.0 + DELIVERY_TIMEOUT


# Giving up.


def test_what_will_never_be_sent_fails_and_what_is_under_way_does_not() -> None:
    desk = Desk()
    under_way = desk.add()
    desk.run()
    waiting = desk.add()
    assert desk.run() == []  # the first of a partition is acknowledged before another leaves

    desk.sender.fail_unsent(NO_IDENTITY)
    desk.heard.notify_all()

    ((metadata, error),) = waiting
    assert metadata is None
    assert error is not None
    assert (str(error), error.topic, error.partition) == ("t-0: no producer id", "t", 0)
    assert NO_IDENTITY.topic is None
    assert under_way == []


def aborted_error(batch: ProducerBatch) -> ProduceError:
    return DeliveryAbortedError(
        "closed", topic=batch.topic, partition=int(batch.partition), may_be_persisted=batch.is_ambiguous
    )


def test_end_fails_everything_in_the_order_it_was_accepted_in_and_says_what_may_be_written() -> None:
    desk = Desk(max_in_flight=2)
    desk.add(value=b"first")
    (acknowledged,) = desk.run()
    desk.answer(acknowledged, {0: ErrorCode.NONE})
    told: list[tuple[bytes, bool]] = []

    def note(value: bytes) -> None:
        append(
            desk.accumulator,
            desk.topic,
            value,
            recipient=lambda _, e: told.append((value, e.may_be_persisted)),
            route=CALLBACKS,
        )

    for value in (b"a", b"b", b"c", b"d"):
        note(value)
        queue = desk.topic.partitions[0]
        assert queue.current is not None
        queue.current.created = desk.now
        queue.full.append(queue.current)
        queue.current = None
    one, _two = desk.run()
    desk.sender.lost(one, LOST)  # it waits to be repeated while the second is under way
    undelivered = Undelivered(None)

    desk.sender.abort(aborted_error, undelivered)
    desk.heard.notify_all()

    assert told == [(b"a", True), (b"b", True), (b"c", False), (b"d", False)]
    assert [message.value for message in undelivered.messages()] == [b"a", b"b", b"c", b"d"]


@pytest.mark.parametrize("how", ["answered", "lost", "written"])
def test_engine_that_fails_in_the_middle_of_an_answer_ends_the_batches_behind_it_too(how: str) -> None:
    def fail_at_first(batch: ProducerBatch) -> None:
        if batch.partition == 0:
            raise ZeroDivisionError

    desk = Desk(partitions=3, acks=0 if how == "written" else -1, is_idempotent=False)
    notes = [desk.add(partition=partition) for partition in range(3)]
    desk.run()
    (sent,) = desk.connections.to[1].sent or desk.connections.to[1].unanswered
    sent.batches[0].listener.batch_done = fail_at_first

    end = {
        "answered": lambda: desk.answer(sent, dict.fromkeys(range(3), int(ErrorCode.NONE))),
        "lost": lambda: sent.on_lost(LOST),
        "written": sent.on_written,
    }
    desk.now += DELIVERY_TIMEOUT if how == "lost" else 0.0  # nothing is sent again then

    with pytest.raises(ZeroDivisionError):
        end[how]()
    desk.sender.abort(lambda batch: DeliveryAbortedError("over", topic=batch.topic), None)
    desk.heard.notify_all()

    assert [len(told) for told in notes] == [1, 1, 1]
    assert desk.accumulator.pending_records() == 0


def test_what_is_pending_is_everything_without_an_outcome_and_does_not_linger_any_longer() -> None:
    desk = Desk(partitions=2)
    desk.add()
    (sent,) = desk.run()
    desk.add()
    append(desk.accumulator, desk.topic, b"lingers", partition=1)
    current = desk.topic.partitions[1].current
    assert current is not None

    pending = desk.sender.pending_batches()

    assert pending == [sent.batches[0], desk.topic.partitions[0].full[0], current]
    assert current.urgent
    desk.answer(sent, {0: ErrorCode.NONE})
    assert sent.batches[0].state is BatchState.DONE
    assert len(desk.sender.pending_batches()) == 2


def test_next_pass_is_due_when_the_oldest_record_runs_out_of_time() -> None:
    desk = Desk()
    assert desk.run() == []
    assert desk.due == math.inf

    desk.add()
    desk.run()

    assert desk.due == NOW + DELIVERY_TIMEOUT


def test_nothing_is_timed_out_by_a_moment_that_was_not_read_up_to() -> None:
    desk = Desk()
    notes = desk.add()
    desk.connections.to.clear()
    desk.run()

    desk.now += DELIVERY_TIMEOUT
    desk.sender.run(desk.now, read_until=desk.now - 0.001)
    desk.heard.notify_all()
    told_before = list(notes)
    due = desk.sender.times_out_at()
    desk.sender.run(desk.now, read_until=desk.now)
    desk.heard.notify_all()

    assert told_before == []
    assert due <= desk.now
    assert len(notes) == 1


def test_part_of_a_batch_that_a_later_one_has_overtaken_fails_with_the_part_before_it() -> None:
    """The broker forgot us, refused the batch as too large, and took the next one."""
    desk = Desk()
    desk.add()
    (first,) = desk.run()
    desk.answer(first, {0: ErrorCode.NONE})  # from here on, several may be under way
    notes = desk.add(2)
    desk.add()
    large, later = desk.run()
    desk.answer(large, {0: ErrorCode.MESSAGE_TOO_LARGE})
    desk.answer(later, {0: ErrorCode.NONE})

    (half,) = desk.run()
    desk.answer(half, {0: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER})
    desk.grant_identity()

    assert desk.run() == []
    desk.heard.notify_all()
    errors = [error for _, error in notes]
    assert [type(error) for error in errors] == [OutOfOrderSequenceError] * 2
    assert [error.may_be_persisted for error in errors if error is not None] == [False, False]
    assert desk.accumulator.buffer.free == desk.accumulator.buffer.capacity
