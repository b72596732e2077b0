"""Drain batches into one request per broker, and hand each its part of the answer.

Everything here belongs to the I/O thread. Time, the cluster and connections come from outside, so a test can run it
without a thread or a socket.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from dekaf._cluster.metadata import Broker, Partition, TopicPartition
from dekaf._cluster.refresh import NEVER
from dekaf._log_thread import DeferredLogger, facts
from dekaf._network.requests import PendingRequest, SenderConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.produce import (
    LAST_WITH_NAMES,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from dekaf._wire.reader import Reader
from dekaf._wire.writer import NULL_UUID
from dekaf.errors import BrokerConnectionError, DekafError, ProduceError, caused_error
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import SEND_ORDER_SPAN, BatchState, ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.withdrawal import rid_of_withdrawn
from dekaf.producer._engine.batch_selector import BatchSelector, NodeQueues, SelectionRules
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.completion import BatchCompletion, RetrySettings
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.undelivered import Undelivered
from dekaf.producer._engine.waiting_calls import EndError, WaitingCalls
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource

logger = DeferredLogger("dekaf.producer.sender")


@final
class SenderSettings:
    """The sender's options; times in seconds."""

    def __init__(self, acks: int, request_timeout: float, retry: RetrySettings, rules: SelectionRules) -> None:
        self.acks: Final[i64] = acks
        self.request_timeout: Final = request_timeout
        self.retry: Final = retry
        self.rules: Final = rules


@final
class InFlightProduce(PendingRequest):
    """A produce request under way: what was sent, under the names and ids it was sent with."""

    def __init__(
        self, sender: Sender, node: NodeQueues, connection: SenderConnection, batches: list[ProducerBatch]
    ) -> None:
        super().__init__(ApiKey.PRODUCE)
        self.sender: Final = sender
        self.node: Final = node
        self.connection: Final = connection
        self.batches: Final = batches
        self.sent_at = 0.0  # monotonic seconds
        self.topic_ids: dict[bytes, str] = {}  # the live ones may change before the answer comes

    def on_response(self, reader: Reader, version: int) -> None:
        """Hand every batch its part of the answer."""
        response = ProduceResponse.decode(reader, version)  # as a whole, before any batch is completed
        self.sender.answered(self, response)

    def on_lost(self, error: DekafError) -> None:
        """No answer will come: each batch may or may not have been written."""
        self.sender.lost(self, error)

    def on_written(self) -> None:
        """The socket has it, and no answer is due."""
        self.sender.written(self)


@final
class Sender:
    """Owns the order of batches from the moment they are drained."""

    def __init__(  # noqa: PLR0913 # the rooms it joins
        self,
        accumulator: RecordAccumulator,
        cluster: Cluster,
        producer_id: ProducerIdSource,
        completion: BatchCompletion,
        settings: SenderSettings,
        statistics: ProducerStatistics,
        calls: WaitingCalls,
    ) -> None:
        self.in_flight: list[InFlightProduce] = []
        self._completing: InFlightProduce | None = None  # ended; not all of its batches have been dealt with
        self._accumulator: Final = accumulator
        self._cluster: Final = cluster
        self._queues: Final = cluster.queues
        self._producer_id: Final = producer_id
        self._completion: Final = completion
        self._settings: Final = settings
        self._statistics: Final = statistics
        self._calls: Final = calls
        self._selector: Final = BatchSelector(accumulator, settings.rules)
        self._next_sweep = NEVER

    # The pass.

    def run(self, now: float, read_until: float) -> float:
        """Send whatever is due, and end what its time has overtaken.

        Args:
            now: Monotonic seconds.
            read_until: What had arrived by then was read; later time-outs wait until there was a look at the sockets.

        Returns:
            When the next batch falls due by itself.
        """
        self._queues.adopt_activated()
        oldest = self._queues.take_oldest_adopted()
        self._next_sweep = min(self._next_sweep, oldest + self._settings.retry.delivery_timeout)
        if read_until >= self._next_sweep:
            self._expire(read_until)
        # After the expiry: where both are due, the record's own end knows whether it was written.
        if read_until >= self._calls.due_at(oldest):
            self._calls.end_over(self._sent_batches(), read_until)
        self._completion.mend_sequences()  # after the expiry, which may have left a gap: no other event may follow
        due = NEVER
        if not self._producer_id.is_missing():
            for node in self._queues.nodes.values():
                if node.queues:
                    due = min(due, self._run_node(node, now))
        return min(due, self.times_out_at())

    def end_calls(self, make_error: EndError) -> None:
        """End every call that waits: what was not sent is withdrawn, what was stays accepted."""
        self._queues.adopt_activated()
        self._calls.end_all(self._sent_batches(), make_error)

    def _sent_batches(self) -> list[ProducerBatch]:
        batches: list[ProducerBatch] = []
        for sent in self.in_flight:
            batches.extend(sent.batches)
        for queue in self._queues.active_queues():
            batches.extend(queue.retries)
        return batches

    def times_out_at(self) -> float:
        """Return when the oldest batch, or a call that waits, runs out of time, or earlier."""
        return min(self._next_sweep, self._calls.next_due())

    def _run_node(self, node: NodeQueues, now: float) -> float:
        """Send one broker what is due; return when the next batch for it falls due by itself."""
        due = NEVER
        connection = self._cluster.connections.connection(int(node.node_id), now)
        if connection is None:
            return due  # the connection's own timer, or its being ready, brings the next pass
        while node.queues and node.in_flight < self._settings.rules.max_in_flight and connection.takes_requests(now):
            selection = self._selector.take(node, self._producer_id.identity, now)
            due = min(due, selection.due)
            if not selection.batches:
                break
            batches = rid_of_withdrawn(selection.batches, self._accumulator.codec, self._accumulator.buffer)
            if batches is not selection.batches:
                batches = self._rid_of_unreadable(batches)
            if batches:
                self._send(node, connection, batches, now)
        return due

    def _rid_of_unreadable(self, batches: list[ProducerBatch]) -> list[ProducerBatch]:
        """Fail what is left of batches that could not be rid of what was withdrawn from them; return the others."""
        readable: list[ProducerBatch] = []
        for batch in batches:
            cause = batch.unreadable
            if cause is None:
                readable.append(batch)
                continue
            error = ProduceError(
                f"Others of its batch were withdrawn, and it could not be kept without them: {cause!r}",
                topic=batch.topic,
                partition=int(batch.partition),
                is_retriable=True,
            )
            self._completion.give_up(batch, caused_error(error, cause))
        return readable

    # Sending.

    def _send(self, node: NodeQueues, connection: SenderConnection, batches: list[ProducerBatch], now: float) -> None:
        sent = InFlightProduce(self, node, connection, batches)
        sent.sent_at = now
        node.in_flight += 1
        self.in_flight.append(sent)  # first of all: should anything go wrong, no other object knows these batches
        topics: dict[str, TopicProduceData] = {}
        for batch in batches:
            self._prepare(batch)
            topic = topics.get(batch.topic)
            if topic is None:
                topic = topics[batch.topic] = self._topic_data(batch.topic)
                sent.topic_ids[topic.topic_id] = batch.topic
            assert batch.header is not None
            assert batch.sealed is not None
            topic.partitions.append(PartitionProduceData(batch.partition, batch.header, batch.sealed.records))
        try:
            version = _version(connection, sent)
        except BrokerConnectionError as error:
            self._refuse(sent, error)
            return
        request = ProduceRequest(self._settings.acks, int(self._settings.request_timeout * 1000), list(topics.values()))
        measured = self._statistics.measurements
        for batch in batches:
            batch.was_sent_by_name = version <= LAST_WITH_NAMES
            measured.sent(batch.topic, batch.size_on_wire(), batch.record_count, batch.attempts)
            if batch.listener.batch_sent is not None:
                batch.listener.batch_sent(batch)
        if self._settings.acks != 0:
            connection.send(sent, version, request.encode(version))
        else:
            connection.send_unanswered(sent, version, request.encode(version))

    def _topic_data(self, topic: str) -> TopicProduceData:
        known = self._cluster.metadata.topics.get(topic)
        return TopicProduceData(topic, NULL_UUID if known is None else known.topic_id)

    def _prepare(self, batch: ProducerBatch) -> None:
        """Fix a batch's bytes and, the first time it leaves, its sequence."""
        queue = self._queues.queue_of(batch)
        if batch.sealed is None:  # lingered and never full: the caller who fills a batch seals it, if there is a codec
            self._seal(queue, batch)
        if batch.header is None:
            self._number(queue, batch)
        batch.attempts += 1
        batch.queue_life = queue.life
        queue.in_flight.append(batch)

    def _seal(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        try:
            self._accumulator.seal(queue, batch)
        except Exception as error:  # the codec's library, or no memory for it: better as it is than not at all
            known = _facts_of(batch, self._statistics, error)
            logger.warning(
                "A batch for %s-%d is sent uncompressed: %r", batch.topic, batch.partition, error, extra=known
            )
            self._accumulator.recycle(batch.seal(None))

    def _number(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        batch.send_order = queue.next_send_order
        queue.next_send_order += SEND_ORDER_SPAN
        identity = self._producer_id.identity if self._settings.rules.is_idempotent else None
        if identity is None:
            batch.number(None, -1)
            return
        sequences = queue.sequences
        if sequences.identity is not identity:
            sequences.adopt(identity)  # the drain rules saw to it that nothing numbered under the old one is left
        batch.number(identity, sequences.take(batch.record_count))

    def _refuse(self, sent: InFlightProduce, error: BrokerConnectionError) -> None:
        self._forget(sent)
        for batch in sent.batches:
            self._queues.queue_of(batch).in_flight.remove(batch)
            failure = ProduceError(
                str(error),
                topic=batch.topic,
                partition=int(batch.partition),
                may_be_persisted=batch.is_ambiguous,  # an earlier attempt may have been written, and its answer lost
            )
            self._completion.give_up(batch, caused_error(failure, error))
        self._completing = None

    # Answers.

    def answered(self, sent: InFlightProduce, response: ProduceResponse) -> None:
        """Complete every batch of a request; a batch the answer does not mention counts as unanswered."""
        self._forget(sent)
        sent.connection.throttle(int(response.throttle_time_ms))
        latency = max(0.0, self._statistics.look_at_clock() - sent.sent_at)
        self._statistics.measurements.answered(int(sent.node.node_id), latency, int(response.throttle_time_ms))
        results: dict[TopicPartition, PartitionProduceResponse] = {}
        has_hints = len(response.node_endpoints) > 0
        for topic in response.topics:
            name = topic.name or sent.topic_ids.get(topic.topic_id, "")
            for partition in topic.partitions:
                results[name, int(partition.index)] = partition
                has_hints = has_hints or partition.current_leader is not None
        news: set[TopicPartition] | None = None  # mostly there is none, and no set to be made
        if has_hints:
            news = self._learn(sent, response, results)
        for batch in sent.batches:
            place = (batch.topic, int(batch.partition))
            result = results.get(place)
            if result is None:
                known = _facts_of(batch, self._statistics, None)
                logger.warning(
                    "The broker's answer leaves out %s-%d; it is sent again", batch.topic, batch.partition, extra=known
                )
                self._completion.complete(batch, ErrorCode.NETWORK_EXCEPTION, None)
            else:
                is_news = news is not None and place in news
                self._completion.complete(batch, int(result.error_code), result, leader_is_news=is_news)
        self._completing = None

    def _learn(
        self, sent: InFlightProduce, response: ProduceResponse, results: dict[TopicPartition, PartitionProduceResponse]
    ) -> set[TopicPartition]:
        """Take over the leaders and brokers that an answer names (KIP-951); return where the leader is news."""
        leaders: dict[TopicPartition, Partition] = {}
        for place, partition in results.items():
            hint = partition.current_leader
            if hint is not None and hint.leader_id >= 0:
                leaders[place] = Partition(leader_id=int(hint.leader_id), leader_epoch=int(hint.leader_epoch))
        return self._cluster.learn(_brokers(response), self._of_present_lives(sent, leaders))

    def _of_present_lives(
        self, sent: InFlightProduce, leaders: dict[TopicPartition, Partition]
    ) -> dict[TopicPartition, Partition]:
        """Leave out who led a partition before its topic was created anew: the new one's epochs begin at zero again."""
        present: dict[TopicPartition, Partition] = {}
        for batch in sent.batches if leaders else ():
            place = (batch.topic, int(batch.partition))
            queue = self._queues.queue_of(batch)
            if place in leaders and batch.queue_life == queue.life and not queue.is_gone:
                present[place] = leaders[place]
        return present

    def written(self, sent: InFlightProduce) -> None:
        """Complete every batch of a request that the socket took, where brokers do not answer: no more can be known."""
        self._forget(sent)
        self._statistics.look_at_clock()
        for batch in sent.batches:
            self._completion.complete(batch, ErrorCode.NONE, None)
        self._completing = None

    def lost(self, sent: InFlightProduce, error: DekafError) -> None:
        """Send every batch of a request again, with the same numbers: the broker recognises what it has written."""
        self._forget(sent)
        self._statistics.last_error = str(error)
        for batch in sent.batches:
            self._completion.complete(batch, ErrorCode.NETWORK_EXCEPTION, None, lost_to=error)
        self._completing = None

    def _forget(self, sent: InFlightProduce) -> None:
        self._completing = sent  # should anything go wrong with one of its batches, `abort` is to find the others
        self.in_flight.remove(sent)
        sent.node.in_flight -= 1

    # Time.

    def _expire(self, now: float) -> None:
        """Fail what `delivery_timeout_ms` has overtaken, oldest first, and find out when to look again."""
        oldest = NEVER
        limit = now - self._settings.retry.delivery_timeout
        for sent in self.in_flight:
            for batch in sent.batches:
                if batch.state is BatchState.DONE:
                    continue
                if batch.created <= limit:
                    self._completion.expire_in_flight(batch)
                else:
                    oldest = min(oldest, batch.created)
        for queue in self._queues.active_queues():
            for batch in self._take_expired(queue, limit):
                self._completion.expire(batch)
            oldest = min(oldest, queue.oldest_created())
        self._queues.forget_inactive()
        self._next_sweep = oldest + self._settings.retry.delivery_timeout

    def _take_expired(self, queue: PartitionQueue, limit: float) -> list[ProducerBatch]:
        expired: list[ProducerBatch] = []
        while queue.retries and queue.retries[0].created <= limit:
            expired.append(queue.retries.pop(0))
        with self._accumulator.lock:
            while queue.full and not queue.full[0].is_compressing and queue.full[0].created <= limit:
                expired.append(queue.full.popleft())
            if not queue.full and queue.current is not None and queue.current.created <= limit:
                expired.append(queue.current)
                queue.current = None
            queue.is_active = queue.is_listed = queue.has_unsent()
        return rid_of_withdrawn(expired, self._accumulator.codec, self._accumulator.buffer)

    # Giving up, and what is left.

    def fail_unsent(self, error: ProduceError) -> None:
        """Fail everything that waits to be sent for the first time, for a reason that waiting will not cure."""
        for queue in self._queues.active_queues():
            for batch in self._accumulator.take_unsent(queue):
                own = copy.copy(error)  # it is about the producer id, and knows of no place
                own.topic = batch.topic
                own.partition = int(batch.partition)
                self._completion.give_up(batch, caused_error(own, error.__cause__))

    def abort(self, make_error: Callable[[ProducerBatch], ProduceError], undelivered: Undelivered | None) -> None:
        """Fail everything accepted and not yet told; nothing is sent any more. `undelivered` takes it down before."""
        self._queues.adopt_activated()
        issued: list[ProducerBatch] = []
        unsent: list[ProducerBatch] = []
        for sent in self.in_flight if self._completing is None else [*self.in_flight, self._completing]:
            for batch in sent.batches:
                batch.is_ambiguous = True
                issued.append(batch)
        for queue in self._queues.active_queues():
            issued.extend(queue.retries)
            queue.retries.clear()
            unsent.extend(self._accumulator.take_unsent(queue))
        issued.sort(key=_send_order)  # what waits to be repeated may be older than what is in flight
        batches = issued + unsent
        if undelivered is not None:
            for batch in batches:
                undelivered.add_batch(batch)
        for batch in batches:
            self._completion.abandon(batch, make_error(batch))

    def pending_batches(self) -> list[ProducerBatch]:
        """Return every batch whose outcome was not told yet, after making lingering ones leave at once."""
        self._queues.adopt_activated()
        batches = self._sent_batches()
        for queue in self._queues.active_queues():
            batches.extend(self._unsent(queue))
        return [batch for batch in batches if batch.state is not BatchState.DONE]

    def pending_batches_of(self, topic: str) -> list[ProducerBatch]:
        """Return the batches of one topic whose outcome was not told yet, after making lingering ones leave at once."""
        queues = self._accumulator.topics.get(topic)
        batches: list[ProducerBatch] = []
        for queue in () if queues is None else queues.partitions:
            batches.extend(queue.in_flight)
            batches.extend(queue.retries)
            batches.extend(self._unsent(queue))
        return [batch for batch in batches if batch.state is not BatchState.DONE]

    def _unsent(self, queue: PartitionQueue) -> list[ProducerBatch]:
        batches: list[ProducerBatch] = []
        with self._accumulator.lock:
            batches.extend(queue.full)
            if queue.current is not None:
                queue.current.urgent = True
                batches.append(queue.current)
        return batches


def _send_order(batch: ProducerBatch) -> i64:
    return batch.send_order


def _version(connection: SenderConnection, sent: InFlightProduce) -> int:
    if NULL_UUID in sent.topic_ids:
        return connection.version(ApiKey.PRODUCE, at_most=LAST_WITH_NAMES)
    return connection.version(ApiKey.PRODUCE)


def _brokers(response: ProduceResponse) -> list[Broker]:
    return [
        Broker(node_id=int(one.node_id), host=one.host, port=int(one.port), rack=one.rack)
        for one in response.node_endpoints
    ]


def _facts_of(batch: ProducerBatch, statistics: ProducerStatistics, error: BaseException | None) -> dict[str, object]:
    """Return the facts of a line about a batch."""
    count, partition = int(batch.record_count), int(batch.partition)
    return facts(statistics.client_id, topic=batch.topic, partition=partition, count=count, error=error)
