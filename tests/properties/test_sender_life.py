"""The model of the sender's and the topics' life: whatever brokers do, and whenever, every promise about logs is kept.

The rooms of the engine are put together by hand, on a clock of the model's; requests arrive, are lost, or come late,
and leaders check what they check. There is no thread, socket, or wait in it.
"""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.init_producer_id import InitProducerIdResponse
from dekaf._protocol.metadata import MetadataResponse, MetadataTopic
from dekaf._protocol.produce import PartitionProduceResponse, ProduceResponse, TopicProduceResponse
from dekaf.errors import BrokerConnectionError, BufferExhaustedError, UnknownTopicOrPartitionError
from dekaf.producer._buffer.accumulator import APPENDED
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import TopicQueues
from dekaf.producer._engine.batch_selector import SelectionRules
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.idle_topics import IdleTopics
from dekaf.producer._engine.recreated_topics import RecreatedTopics
from dekaf.producer._engine.sender import Sender, SenderSettings
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.topic_keeper import TopicKeeper
from dekaf.producer._engine.unknown_topics import ParkingLimits, UnknownTopics
from dekaf.producer._engine.waiting_calls import WaitingCalls
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource, ProducerIdState
from dekaf.types import Acks
from tests.properties.model_cluster import NODES, ModelCluster, ModelConnections, SentRequest
from tests.stories.checks import Evidence, problems_in_logs
from tests.stories.plot import FaceKind, Plot, draw
from tests.stories.told import Message, Told
from tests.unit.producer.rooms import (
    CALLBACKS,
    Heard,
    accumulator_of,
    append,
    cluster_of,
    constant_backoff,
    parked_record,
)

TOPICS = ("t", "u")
LIFE = 30.0  # seconds, of a record
MAX_IDLE = 8.0  # seconds
MOST_IN_FLIGHT = 5
CAPACITY = 100_000
ROUNDS = 200  # in which everything has its outcome once everything works: retries wait a second each
LOST = BrokerConnectionError("The broker is gone.")
PLOT: Plot = replace(
    draw(0),
    face=FaceKind.THREAD,
    acks=Acks.ALL,
    options={"acks": "all", "max_in_flight_requests_per_connection": MOST_IN_FLIGHT},
)

topics = st.sampled_from(TOPICS)
nodes = st.sampled_from(NODES)
partitions = st.integers(0, 1)
amounts = st.sampled_from((1, 2, 5, 8, 12))  # of messages at once: up to four batches


class Rooms:
    """The engine's rooms around a model cluster."""

    def __init__(self, *, by_name: bool) -> None:
        self.now = time.monotonic()
        self.heard = Heard()
        self.accumulator = accumulator_of(heard=self.heard, buffer_memory=CAPACITY)
        self.connections = ModelConnections(by_name=by_name)
        self.cluster = cluster_of(self.accumulator, self.connections)
        statistics = ProducerStatistics()
        self.producer_id = ProducerIdSource(constant_backoff, is_needed=True)
        retry = RetrySettings(LIFE, constant_backoff)
        completion = BatchCompletion(
            self.accumulator, self.cluster, self.producer_id, retry, statistics, lambda: self.now
        )
        rules = SelectionRules(0.0, 50_000, MOST_IN_FLIGHT, is_idempotent=True)
        calls = WaitingCalls(self.accumulator, self.cluster, statistics, math.inf, lambda _now: math.inf)
        self.sender = Sender(
            self.accumulator,
            self.cluster,
            self.producer_id,
            completion,
            SenderSettings(-1, 10.0, retry, rules),
            statistics,
            calls,
        )
        self.unknown_topics = UnknownTopics(
            self.accumulator,
            self.heard.listener(),
            statistics,
            ParkingLimits(5.0, LIFE),
            self.cluster.refresher.remove_topic,
        )
        self.idle_topics = IdleTopics(self.accumulator, self.cluster, self.producer_id, MAX_IDLE)
        recreated = RecreatedTopics(self.accumulator, self.cluster.queues, completion)
        self._dated: set[ProducerBatch] = set()
        self.keeper = TopicKeeper(self.accumulator, self.cluster, self.unknown_topics, recreated, self.idle_topics)

    def produce(self, told: Told) -> None:
        """Append a message, or have it wait for its topic; if there is no space for it, that is its outcome."""
        message = told.message
        topic = self.accumulator.topic(message.topic)
        partition = -1 if message.partition is None else message.partition
        count = len(topic.partitions)
        if topic.is_known and partition < count:
            place = {"key": message.key, "partition": partition, "recipient": told.note, "route": CALLBACKS}
            status = append(self.accumulator, topic, message.value, **place)  # type: ignore[arg-type]  # one of each
        else:
            status = self._park(topic, told, partition)
        if status != APPENDED:
            told.refuse(BufferExhaustedError("no space"))
        self._date_new_batches(topic)

    def _park(self, topic: TopicQueues, told: Told, partition: int) -> int:
        if topic.is_known:  # as the producer refuses it
            told.refuse(UnknownTopicOrPartitionError("no such partition"))
            return APPENDED
        record = parked_record(
            told.message.value,
            topic=topic.name,
            key=told.message.key,
            partition=partition,
            recipient=told.note,
            route=CALLBACKS,
            accepted=self.now,
        )
        return int(self.accumulator.park(topic, record, reserved=0))

    def _date_new_batches(self, topic: TopicQueues) -> None:
        """Have batches begin when the model's clock says, instead of the machine's."""
        for queue in topic.partitions:
            for batch in (*queue.full, *([] if queue.current is None else [queue.current])):
                if batch not in self._dated:
                    self._dated.add(batch)
                    batch.created = self.now

    def look(self) -> None:
        """Do what a pass of the engine does."""
        for name in self.unknown_topics.take_new_topics(self.now):
            self.cluster.refresher.add_topic(name)
        self.unknown_topics.expire(self.now, None, "b:1")
        self.sender.run(self.now, self.now)
        self.idle_topics.run(self.now)
        self.heard.notify_all()

    def grant_producer_id(self, number: int) -> None:
        """Answer the request for a producer id."""
        self.producer_id.answered(
            InitProducerIdResponse(error_code=0, producer_id=number, producer_epoch=0, throttle_time_ms=0), self.now
        )


def answer_to(sent: SentRequest, results: list[tuple[int, int]]) -> ProduceResponse:
    """Return an answer with an error code and a base offset for each batch."""
    response = ProduceResponse()
    for batch, (code, offset) in zip(sent.batches, results, strict=True):
        topic = TopicProduceResponse(batch.topic if sent.by_name else "", batch.topic_id)
        topic.partitions.append(PartitionProduceResponse(batch.partition, code, offset, -1))
        response.topics.append(topic)
    return response


REFUSALS = (
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.INVALID_TIMESTAMP,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode.UNKNOWN_PRODUCER_ID,
    ErrorCode.INVALID_PRODUCER_EPOCH,
)
DOUBTS = (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, ErrorCode.KAFKA_STORAGE_ERROR)


class SenderLife(RuleBasedStateMachine):
    """Records on one side, logs on the other, and everything in between that may go wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Told] = []
        self.late: dict[int, deque[SentRequest]] = {node: deque() for node in NODES}  # of connections that are gone
        self.former: list[MetadataResponse] = []
        self.granted = 0

    @initialize(by_name=st.booleans(), has_ids=st.booleans(), counts=st.tuples(partitions, partitions))
    def begin(self, *, by_name: bool, has_ids: bool, counts: tuple[int, int]) -> None:
        self.rooms = Rooms(by_name=by_name or not has_ids)
        self.model = ModelCluster(has_ids=has_ids)
        for name, count in zip(TOPICS, counts, strict=True):
            self.model.create(name, count + 1)
            self.produce_one(name, 0, None)
        self.grant_producer_id()
        self.hear_of_cluster(1)
        self.rooms.look()

    # Callers, and time.

    @rule(topic=topics, partition=partitions, amount=amounts)
    def produce(self, topic: str, partition: int, amount: int) -> None:
        count = len(self.model.topics[topic].partitions)
        for _ in range(amount):
            self.produce_one(topic, partition % count, None)
        self.rooms.look()

    @rule(topic=topics, key=st.sampled_from((b"a", b"b", b"c")), amount=amounts)
    def produce_with_a_key(self, topic: str, key: bytes, amount: int) -> None:
        for _ in range(amount):
            self.produce_one(topic, None, key)
        self.rooms.look()

    def produce_one(self, topic: str, partition: int | None, key: bytes | None) -> None:
        """Produce the next message."""
        number = len(self.told)
        value = b"%06d" % number + b"." * (number % 4) * 10
        self.told.append(Told(Message(number=number, topic=topic, partition=partition, key=key, value=value)))
        self.rooms.produce(self.told[-1])

    @rule(seconds=st.sampled_from((1.0, 1.0, MAX_IDLE, LIFE)))
    def let_time_pass(self, seconds: float) -> None:
        self.rooms.now += seconds
        self.rooms.look()

    @precondition(lambda self: self.rooms.producer_id.state is not ProducerIdState.READY)
    @rule()
    def grant_producer_id(self) -> None:
        self.granted += 1
        self.rooms.grant_producer_id(self.granted)

    # Requests.

    @precondition(lambda self: self.is_anything_sent())
    @rule(node=nodes)
    def answer(self, node: int) -> None:
        sent = self.take(node)
        self.tell(sent, [self.model.append(sent, batch) for batch in sent.batches])

    @precondition(lambda self: self.is_anything_sent())
    @rule()
    def answer_everything(self) -> None:
        while self.is_anything_sent():
            self.answer(1)

    @precondition(lambda self: self.is_anything_sent())
    @rule(node=nodes, code=st.sampled_from(REFUSALS))
    def refuse(self, node: int, code: ErrorCode) -> None:
        sent = self.take(node)
        event(f"refused: {code.name}")
        self.tell(sent, [(int(code), -1)] * len(sent.batches))

    @precondition(lambda self: self.is_anything_sent())
    @rule(node=nodes)
    def find_too_large(self, node: int) -> None:
        sent = self.take(node)
        self.tell(sent, [(int(ErrorCode.MESSAGE_TOO_LARGE), -1)] * len(sent.batches))

    @precondition(lambda self: self.is_anything_sent())
    @rule(node=nodes, code=st.sampled_from(DOUBTS), is_written=st.booleans())
    def leave_in_doubt(self, node: int, code: ErrorCode, *, is_written: bool) -> None:
        sent = self.take(node)
        for batch in sent.batches if is_written else ():
            self.model.append(sent, batch)
        self.tell(sent, [(int(code), -1)] * len(sent.batches))

    @precondition(lambda self: self.is_anything_sent())
    @rule(node=nodes, written=st.integers(0, 3), come_late=st.booleans())
    def lose_connection(self, node: int, written: int, *, come_late: bool) -> None:
        """Some requests were written; the others vanish, or lie in the broker's socket still."""
        connection = self.rooms.connections.to[self.busy_node(node)]
        lost = list(connection.sent)
        connection.sent.clear()
        for at, sent in enumerate(lost):
            if at < written:
                for batch in sent.batches:
                    self.model.append(sent, batch)
            elif come_late:
                self.late[sent.node].append(sent)
            self.rooms.sender.lost(sent.request, LOST)
        self.rooms.heard.notify_all()

    @precondition(lambda self: any(self.late.values()))
    @rule(node=nodes)
    def come_late(self, node: int) -> None:
        waiting = self.late[node] or next(late for late in self.late.values() if late)
        event("a request came late")
        sent = waiting.popleft()
        for batch in sent.batches:
            self.model.append(sent, batch)

    # The cluster, and what is heard of it.

    @rule(node=nodes)
    def hear_of_cluster(self, node: int) -> None:
        self.former.append(self.model.describe())
        self.rooms.keeper.take_over(self.former[-1], node)
        self.rooms.heard.notify_all()

    @precondition(lambda self: self.former)
    @rule(node=nodes, at=st.integers(0, 1_000))
    def hear_old_news(self, node: int, at: int) -> None:
        news = self.former[at % len(self.former)]
        if all(self.was_heard(topic) for topic in news.topics):  # or it may mislead: see the page on guarantees
            self.rooms.keeper.take_over(news, node)
        self.rooms.heard.notify_all()

    @rule(topic=topics, partition=partitions, node=st.sampled_from((*NODES, -1)), is_heard_of=st.booleans())
    def move_leader(self, topic: str, partition: int, node: int, *, is_heard_of: bool) -> None:
        self.model.move(topic, partition, node)
        if is_heard_of:
            self.hear_of_cluster(1)

    @rule(topic=topics, change=st.sampled_from(("forget", "forget", "create anew", "shrink", "grow")))
    def change_topic(self, topic: str, change: str) -> None:
        count = len(self.model.topics[topic].partitions)
        if change == "forget":
            self.model.forget_producers(topic)
        elif change == "grow":
            self.model.grow(topic, 1)
        else:
            self.model.create(topic, count if change == "create anew" else max(1, count - 1))

    # What holds at any time, and at the end.

    @invariant()
    def memory_and_requests_are_bounded(self) -> None:
        if not hasattr(self, "rooms"):
            return
        buffer = self.rooms.accumulator.buffer
        assert 0 <= buffer.free <= buffer.capacity
        for topic in self.rooms.accumulator.topics.values():
            for queue in topic.partitions:
                assert len(queue.in_flight) <= MOST_IN_FLIGHT
                orders = [int(batch.send_order) for batch in queue.retries]
                assert orders == sorted(orders)

    def teardown(self) -> None:
        """Let everything work again: everything gets its outcome, and what was told is true."""
        if not hasattr(self, "rooms"):
            return
        self.heal()
        self.check()
        for late in self.late.values():  # whatever still comes
            for sent in late:
                for batch in sent.batches:
                    self.model.append(sent, batch)
        self.check()

    def heal(self) -> None:
        """Answer everything as it should be, until nothing is left."""
        for name, topic in self.model.topics.items():
            for index, partition in enumerate(topic.partitions):
                if partition.leader < 0:
                    self.model.move(name, index, 1)
        for _ in range(ROUNDS):
            if self.rooms.producer_id.state is not ProducerIdState.READY:
                self.grant_producer_id()
            for node in NODES:
                self.hear_of_cluster(node)
            self.rooms.look()
            while self.is_anything_sent():
                self.answer(1)
            if self.rooms.accumulator.pending_records() == 0:
                break
            self.rooms.now += 1.0
        assert self.rooms.accumulator.pending_records() == 0
        assert self.rooms.accumulator.buffer.free == self.rooms.accumulator.buffer.capacity
        assert self.rooms.sender.in_flight == []

    def check(self) -> None:
        """Hold the logs against what was told."""
        assert problems_in_logs(Evidence(plot=PLOT, lives=self.model.lives, told=self.told)) == []

    def was_heard(self, topic: MetadataTopic) -> bool:
        """Return whether the producer has heard of a topic's id, if it has one."""
        known = self.rooms.cluster.metadata.topics.get(topic.name)
        ids = self.rooms.cluster.histories._replaced.get(topic.name, set())
        return topic.topic_id in ids or (known is not None and known.topic_id == topic.topic_id)

    # Requests under way.

    def is_anything_sent(self) -> bool:
        """Return whether a request is under way to any broker."""
        return any(connection.sent for connection in self.rooms.connections.to.values())

    def busy_node(self, node: int) -> int:
        """Return a broker to which something is under way: this one, if it is."""
        return next(one for one in (node, *NODES) if self.rooms.connections.to[one].sent)

    def take(self, node: int) -> SentRequest:
        """Take the oldest request to a broker; they are answered in order."""
        return self.rooms.connections.to[self.busy_node(node)].sent.popleft()

    def tell(self, sent: SentRequest, results: list[tuple[int, int]]) -> None:
        """Have a request answered."""
        self.rooms.sender.answered(sent.request, answer_to(sent, results))
        self.rooms.look()


class TestSenderLife(SenderLife.TestCase):  # type: ignore[misc,valid-type]  # hypothesis makes the class
    """Its lines would be kept for each of thousands of steps."""

    settings = settings(stateful_step_count=40)

    @pytest.fixture(autouse=True)
    def _quiet(self) -> Iterator[None]:
        logging.disable(logging.CRITICAL)
        yield
        logging.disable(logging.NOTSET)


pytestmark = pytest.mark.timeout(900)  # `--hypothesis-profile=thorough` takes its time
