"""Drive the sender without a thread or a socket, and time a request with one awaited record, and its response.

Run as a program: `python -m benchmarks.workers.sender_steps request`. The clock runs over `Sender.run`, which drains,
numbers, seals and encodes; and over the handling of the response, from its bytes to the awaiting future.
"""

from __future__ import annotations

import gc
import math
import statistics
import sys
import time
from collections.abc import Mapping

import dekaf
from benchmarks.job import Answer
from dekaf._cluster.metadata import Broker, ClusterMetadata, Partition, Topic
from dekaf._cluster.refresh import MetadataRefresher
from dekaf._network.requests import BrokerConnections, PendingRequest, SenderConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.init_producer_id import InitProducerIdResponse
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter, write_i16_be, write_i32_be, write_i64_be, write_uuid, write_uvarint
from dekaf.errors import DekafError
from dekaf.producer._buffer.accumulator import BufferLimits, RecordAccumulator
from dekaf.producer._buffer.batch import BatchListener
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.waiting_record import JUST_NOW
from dekaf.producer._engine.batch_selector import SelectionRules
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.queues_by_leader import QueuesByLeader
from dekaf.producer._engine.sender import Sender, SenderSettings
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.waiting_calls import WaitingCalls
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from dekaf.producer._waiting.delivery import DeliveryFuture
from dekaf.producer._waiting.mailbox import OutcomeRoute, WaitKind

CYCLES = 20_000
TOPIC = "bench"
TOPIC_ID = bytes(range(16))
PRODUCE_VERSION = 13
KEY, VALUE = b"key-1234", b"x" * 100


class _Connection(SenderConnection):
    """A connection that keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: PendingRequest | None = None

    def takes_requests(self, _now: float) -> bool:
        return True

    def version(self, _api: ApiKey, *, at_most: int = PRODUCE_VERSION) -> int:
        return min(PRODUCE_VERSION, at_most)

    def send(self, request: PendingRequest, _version: int, _body: list[bytes]) -> None:
        self.sent = request

    def throttle(self, _milliseconds: int) -> None:
        return


class _Connections(BrokerConnections):
    """A client with one broker, and its one connection."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def connection(self, _node_id: int, _now: float) -> _Connection:
        return self._connection

    def node_error(self, _node_id: int) -> DekafError | None:
        return None

    def update_brokers(self, _brokers: Mapping[int, Broker]) -> None:
        return


def main() -> None:
    """Time the step named by the only argument, and print the answer."""
    step = sys.argv[1]
    gc.disable()
    requests, responses = run_cycles(CYCLES)
    nanoseconds = {"request": requests, "response": responses}[step]
    facts = {"version": dekaf.__version__, "build": "compiled" if dekaf.compiled else "interpreted"}
    print(Answer(produced=0, metrics={"step_ns": statistics.median(nanoseconds)}, facts=facts).to_json(), flush=True)


def run_cycles(cycles: int) -> tuple[list[int], list[int]]:
    """Return the nanoseconds of so many requests, and of their responses."""
    accumulator = _accumulator()
    connection = _Connection()
    sender = _sender(accumulator, connection)
    route = OutcomeRoute(WaitKind.DELIVERIES, None, 0, wakes_after_loop_round=False)
    topic = accumulator.topics[TOPIC]
    requests: list[int] = []
    responses: list[int] = []
    for number in range(cycles):
        delivery = DeliveryFuture(TOPIC, _no_callbacks)
        accumulator.append(topic, KEY, VALUE, None, -1, 1_700_000_000_000, delivery, route, 0, JUST_NOW)
        answer = _response(number)
        now = time.monotonic()
        began = time.perf_counter_ns()
        sender.run(now, now)
        encoded = time.perf_counter_ns()
        sent = connection.sent
        assert sent is not None
        handled_from = time.perf_counter_ns()
        sent.on_response(Reader(answer), PRODUCE_VERSION)
        handled = time.perf_counter_ns()
        assert delivery.result().offset == number
        requests.append(encoded - began)
        responses.append(handled - handled_from)
    return requests, responses


def _accumulator() -> RecordAccumulator:
    statistic = ProducerStatistics()
    listener = BatchListener(statistic.unobserved_failure, statistic.callback_failed, lambda _: None)
    accumulator = RecordAccumulator(BufferLimits(65_536, 33_554_432, 1_048_576), None, None, listener, lambda: None)
    topic = accumulator.topic(TOPIC)
    topic.partitions = [PartitionQueue(TOPIC, 0, topic.limit)]
    topic.is_known = True
    return accumulator


def _sender(accumulator: RecordAccumulator, connection: _Connection) -> Sender:
    rules = SelectionRules(0.005, 1_048_576, 5, is_idempotent=True)
    settings = SenderSettings(-1, 10.0, RetrySettings(30.0, lambda _: 0.1), rules)
    statistic = ProducerStatistics()
    refresher = MetadataRefresher(300.0, settings.retry.backoff, accumulator.has_waiting)
    cluster = Cluster(_Connections(connection), refresher, QueuesByLeader(accumulator, refresher.want_topic))
    producer_id = ProducerIdSource(settings.retry.backoff, is_needed=True)
    completion = BatchCompletion(accumulator, cluster, producer_id, settings.retry, statistic, time.monotonic)
    partition = Partition(leader_id=0, leader_epoch=0)
    accumulator.topics[TOPIC].partitions[0].leader = 0
    cluster.replace(
        ClusterMetadata(
            brokers={0: Broker(node_id=0, host="localhost", port=9092)},
            topics={TOPIC: Topic(name=TOPIC, topic_id=TOPIC_ID, partitions=[partition])},
        ),
        [TOPIC],
    )
    producer_id.answered(InitProducerIdResponse.decode(Reader(_producer_id()), 0), 0.0)
    calls = WaitingCalls(accumulator, cluster, statistic, 20.0, lambda _now: math.inf)
    return Sender(accumulator, cluster, producer_id, completion, settings, statistic, calls)


def _producer_id() -> bytes:
    writer = BytesWriter()
    write_i32_be(writer, 0)  # throttle time
    write_i16_be(writer, 0)  # error code
    write_i64_be(writer, 4000)
    write_i16_be(writer, 0)  # epoch
    return writer.getvalue()


def _response(base_offset: int) -> bytes:
    """Return the body of a Produce answer, version 13, for one partition."""
    writer = BytesWriter()
    write_uvarint(writer, 2)  # one topic
    write_uuid(writer, TOPIC_ID)
    write_uvarint(writer, 2)  # one partition
    write_i32_be(writer, 0)
    write_i16_be(writer, 0)  # error code
    write_i64_be(writer, base_offset)
    write_i64_be(writer, -1)  # log append time
    write_i64_be(writer, 0)  # log start offset
    write_uvarint(writer, 1)  # no record errors
    write_uvarint(writer, 0)  # no error message
    write_uvarint(writer, 0)  # no tagged fields: of the partition,
    write_uvarint(writer, 0)  # the topic,
    write_i32_be(writer, 0)  # (throttle time)
    write_uvarint(writer, 0)  # the response
    return writer.getvalue()


def _no_callbacks(_: DeliveryFuture) -> None:
    return


if __name__ == "__main__":
    main()
