"""Drain batches into one request per broker, and settle or repeat them when the answers come.

Everything here belongs to the I/O thread. Time, the cluster and connections come from outside, so a test can run it
without a thread or a socket.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Protocol, final

from mypy_extensions import i64

from dekaf._cluster.metadata import NO_LEADER, NO_METADATA, Broker, ClusterMetadata, Partition
from dekaf._network.connection import PendingRequest
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode, produce_error, row_for
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
from dekaf.errors import BrokerConnectionError, DekafError, DeliveryTimeoutError, ProduceError
from dekaf.producer._accumulator import RecordAccumulator
from dekaf.producer._batch import BatchState, ProducerBatch
from dekaf.producer._drain import NEVER, Drain, DrainRules, NodeQueues
from dekaf.producer._idempotence import SequenceState
from dekaf.producer._producer_id import ProducerIdSource, ProducerIdState
from dekaf.producer._queues import PartitionQueue
from dekaf.producer._statistics import ProducerStatistics
from dekaf.producer._verdict import BatchContext, Verdict, judge

logger = logging.getLogger("dekaf.producer.sender")


class Link(Protocol):
    """What the sender needs of a connection."""

    def takes_requests(self, now: float) -> bool:
        """Return whether requests should be sent now."""

    def version(self, api: ApiKey, *, at_most: int = 32767) -> int:
        """Return the version both sides speak."""

    def request(
        self,
        api: ApiKey,
        version: int,
        on_response: Callable[[Reader, int], None],
        on_lost: Callable[[DekafError], None],
    ) -> PendingRequest:
        """Return a request to be given to `send`."""

    def send(self, request: PendingRequest, body: list[bytes], *, expects_response: bool = True) -> None:
        """Write one request."""

    def throttle(self, milliseconds: int) -> None:
        """Hold back for so long."""


@final
class SenderSettings:
    """The sender's options; times in seconds."""

    def __init__(
        self,
        acks: int,
        request_timeout: float,
        delivery_timeout: float,
        backoff: Callable[[int], float],
        rules: DrainRules,
    ) -> None:
        self.acks: Final[i64] = acks
        self.request_timeout: Final = request_timeout
        self.delivery_timeout: Final = delivery_timeout
        self.backoff: Final = backoff  # attempt, from 1 → seconds
        self.rules: Final = rules


class SenderOwner(Protocol):
    """Who the sender turns to; the engine."""

    def link_to(self, node_id: int, now: float) -> Link | None:
        """Return the connection to a broker, if it is ready."""

    def want_metadata(self) -> None:
        """Have the cluster asked for its metadata."""

    def connection_trouble(self) -> DekafError | None:
        """Return why there is no connection at present, for error messages."""


@final
class InFlightProduce:
    """A produce request under way: what was sent, under the names and ids it was sent with."""

    def __init__(self, sender: Sender, node: NodeQueues, link: Link, batches: list[ProducerBatch]) -> None:
        self.sender: Final = sender
        self.node: Final = node
        self.link: Final = link
        self.batches: Final = batches
        self.topic_ids: dict[bytes, str] = {}

    def on_response(self, reader: Reader, version: int) -> None:
        """Hand every batch its part of the answer."""
        response = ProduceResponse.decode(reader, version)  # as a whole, before anything is settled
        self.sender.answered(self, response)

    def on_lost(self, error: DekafError) -> None:
        """No answer will come: each batch may or may not have been written."""
        self.sender.lost(self, error)


@final
class Sender:
    """Owns the order of batches from the moment they are drained."""

    def __init__(
        self,
        accumulator: RecordAccumulator,
        settings: SenderSettings,
        statistics: ProducerStatistics,
        owner: SenderOwner,
        clock: Callable[[], float],
    ) -> None:
        self.metadata = NO_METADATA
        self.producer_id: Final = ProducerIdSource(settings.backoff)
        self.in_flight: list[InFlightProduce] = []
        self._accumulator: Final = accumulator
        self._settings: Final = settings
        self._statistics: Final = statistics
        self._owner: Final = owner
        self._clock: Final = clock
        self._drain: Final = Drain(accumulator, settings.rules)
        self._nodes: dict[int, NodeQueues] = {}
        self._leaderless: list[PartitionQueue] = []
        self._troubled: list[PartitionQueue] = []  # their sequences are unresolved or broken
        self._next_sweep = NEVER

    # The pass.

    def run(self, now: float) -> float:
        """Send whatever is due; return when the next batch falls due by itself."""
        self._adopt_activated()
        if self._troubled:
            self._settle_sequences()
        if now >= self._next_sweep:
            self._expire(now)
        identity = self.producer_id.identity
        self._drain.due = NEVER
        if identity is not None or not self._settings.rules.is_idempotent:
            for node in self._nodes.values():
                if node.queues:
                    self._run_node(node, now)
        return min(self._drain.due, self._next_sweep)

    def is_waiting_for_answers(self) -> bool:
        """Return whether every broker has a request under way, so that the next pass comes by itself."""
        for node in self._nodes.values():
            if node.in_flight == 0:
                return False
        return bool(self._nodes)

    def needs_producer_id(self) -> bool:
        """Return whether batches cannot be numbered for lack of an identity."""
        return self._settings.rules.is_idempotent and self.producer_id.identity is None

    def _run_node(self, node: NodeQueues, now: float) -> None:
        link = self._owner.link_to(int(node.node_id), now)
        if link is None:
            return  # the connection's own timer, or its being ready, brings the next pass
        while node.in_flight < self._settings.rules.max_in_flight and link.takes_requests(now):
            batches = self._drain.take(node, self.producer_id.identity, now)
            if not batches:
                return
            self._send(node, link, batches)

    def _adopt_activated(self) -> None:
        accumulator = self._accumulator
        if not accumulator.activated:
            return
        fresh: list[PartitionQueue] = []
        with accumulator.lock:
            activated = accumulator.activated
            accumulator.activated = fresh
        now = self._clock()
        for queue in activated:
            self._home(queue)
        self._next_sweep = min(self._next_sweep, now + self._settings.delivery_timeout)

    def _home(self, queue: PartitionQueue) -> None:
        queue.leader = self.metadata.leader(queue.topic, int(queue.partition))
        if queue.leader == NO_LEADER:
            self._leaderless.append(queue)
            self._owner.want_metadata()
        else:
            self._node(int(queue.leader)).queues.append(queue)

    def _node(self, node_id: int) -> NodeQueues:
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = NodeQueues(node_id)
        return node

    # Metadata.

    def update_metadata(self, metadata: ClusterMetadata) -> None:
        """Take over a snapshot: every queue with something to send moves to its leader."""
        self.metadata = metadata
        queues = self._leaderless
        self._leaderless = []
        for node in self._nodes.values():
            queues.extend(node.queues)
            node.queues = []
        for node_id in [node_id for node_id, node in self._nodes.items() if node.in_flight == 0]:
            del self._nodes[node_id]
        for topic in list(self._accumulator.topics.values()):
            for queue in topic.partitions:
                queue.leader = metadata.leader(queue.topic, int(queue.partition))
                if queue.leader != NO_LEADER:
                    self._node(int(queue.leader))
        for queue in queues:
            self._home(queue)

    def has_leaderless(self) -> bool:
        """Return whether something waits for a partition to get a leader."""
        return len(self._leaderless) > 0

    # Sending.

    def _send(self, node: NodeQueues, link: Link, batches: list[ProducerBatch]) -> None:
        sent = InFlightProduce(self, node, link, batches)
        topics: dict[str, TopicProduceData] = {}
        all_ids = True
        for batch in batches:
            self._prepare(batch)
            topic = topics.get(batch.topic)
            if topic is None:
                known = self.metadata.topics.get(batch.topic)
                topic_id = NULL_UUID if known is None else known.topic_id
                all_ids = all_ids and topic_id != NULL_UUID
                sent.topic_ids[topic_id] = batch.topic
                topic = topics[batch.topic] = TopicProduceData(batch.topic, topic_id)
            assert batch.header is not None
            assert batch.sealed is not None
            topic.partitions.append(PartitionProduceData(batch.partition, batch.header, batch.sealed.records))
        node.in_flight += 1
        self.in_flight.append(sent)
        try:
            version = link.version(ApiKey.PRODUCE) if all_ids else link.version(ApiKey.PRODUCE, at_most=LAST_WITH_NAMES)
        except BrokerConnectionError as error:
            self._refuse(sent, error)
            return
        request = ProduceRequest(self._settings.acks, int(self._settings.request_timeout * 1000), list(topics.values()))
        expects_response = self._settings.acks != 0
        pending = link.request(ApiKey.PRODUCE, version, sent.on_response, sent.on_lost)
        link.send(pending, request.encode(version), expects_response=expects_response)
        if not expects_response:
            self._forget(sent)
            for batch in batches:
                self._settle(batch, ErrorCode.NONE, None)

    def _prepare(self, batch: ProducerBatch) -> None:
        """Fix a batch's bytes and, the first time it leaves, its sequence."""
        queue = self._queue(batch)
        if batch.sealed is None:  # lingered and never full: whoever fills a batch seals it, if there is a codec
            self._accumulator.recycle(batch.seal(self._accumulator.codec))
        if batch.header is None:
            batch.issue = queue.next_issue
            queue.next_issue += 1
            identity = self.producer_id.identity if self._settings.rules.is_idempotent else None
            if identity is None:
                batch.number(None, -1)
            else:
                sequences = queue.sequences
                if sequences.identity is not identity:
                    sequences.adopt(identity)
                batch.number(identity, sequences.take(batch.record_count))
        batch.attempts += 1
        queue.in_flight.append(batch)

    def _queue(self, batch: ProducerBatch) -> PartitionQueue:
        return self._accumulator.topics[batch.topic].partitions[batch.partition]

    def _refuse(self, sent: InFlightProduce, error: BrokerConnectionError) -> None:
        self._forget(sent)
        for batch in sent.batches:
            failure = ProduceError(str(error), topic=batch.topic, partition=int(batch.partition))
            failure.__cause__ = error
            self._give_up(self._queue(batch), batch, failure)

    # Answers.

    def answered(self, sent: InFlightProduce, response: ProduceResponse) -> None:
        """Settle every batch of a request; a batch the answer does not mention counts as unanswered."""
        self._forget(sent)
        sent.link.throttle(int(response.throttle_time_ms))
        results: dict[tuple[str, int], PartitionProduceResponse] = {}
        for topic in response.topics:
            name = topic.name or sent.topic_ids.get(topic.topic_id, "")
            for partition in topic.partitions:
                results[name, int(partition.index)] = partition
        if response.node_endpoints:
            brokers = [
                Broker(node_id=int(one.node_id), host=one.host, port=int(one.port), rack=one.rack)
                for one in response.node_endpoints
            ]
            self.metadata = self.metadata.with_brokers(tuple(brokers))
        for batch in sent.batches:
            result = results.get((batch.topic, int(batch.partition)))
            if result is None:
                logger.warning("The broker's answer leaves out %s-%d; it is sent again", batch.topic, batch.partition)
                self._settle(batch, ErrorCode.NETWORK_EXCEPTION, None)
            else:
                self._settle(batch, int(result.error_code), result)

    def lost(self, sent: InFlightProduce, error: DekafError) -> None:
        """Send every batch of a request again, with the same numbers: the broker recognises what it has written."""
        self._forget(sent)
        self._statistics.last_error = str(error)
        for batch in sent.batches:
            self._settle(batch, ErrorCode.NETWORK_EXCEPTION, None)

    def _forget(self, sent: InFlightProduce) -> None:
        self.in_flight.remove(sent)
        sent.node.in_flight -= 1

    def _settle(self, batch: ProducerBatch, code: int, result: PartitionProduceResponse | None) -> None:
        queue = self._queue(batch)
        queue.in_flight.remove(batch)
        if batch.state is BatchState.DONE:
            self._settle_told(queue, batch, code)
            return
        if code == ErrorCode.NONE:
            self._deliver(queue, batch, result)
            return
        now = self._clock()
        is_oldest = all(other.issue > batch.issue for other in queue.in_flight) and all(
            other.issue > batch.issue for other in queue.retries
        )
        is_expired = now - batch.created >= self._settings.delivery_timeout
        context = BatchContext(queue.sequences.state, is_oldest=is_oldest, is_expired=is_expired)
        verdict = judge(batch, code, context)
        if verdict is Verdict.DELIVERED:
            self._deliver(queue, batch, result)
            return
        row = row_for(code)
        batch.is_ambiguous = batch.is_ambiguous or row.may_be_persisted
        if row.refreshes_metadata:
            self._owner.want_metadata()
        if verdict is Verdict.FAIL:
            error = self._error_for(batch, code, result, is_expired=is_expired)
            if result is not None:
                batch.record_errors = result.record_errors
            if row.renews_producer_id and self.producer_id.drop(batch.identity, now):
                self._statistics.producer_id_resets += 1
            self._give_up(queue, batch, error)
            return
        if verdict is Verdict.RENUMBER:
            queue.sequences.break_off(batch.identity)
        self._retry(queue, batch, self._take_hint(batch, result), now)

    def _deliver(self, queue: PartitionQueue, batch: ProducerBatch, result: PartitionProduceResponse | None) -> None:
        queue.sequences.acknowledge(batch.identity, batch.base_sequence, batch.record_count)
        self._statistics.delivered += int(batch.record_count)
        self._accumulator.settled += batch.record_count
        if result is None:
            batch.succeed(-1, -1)
        else:
            batch.succeed(result.base_offset, result.log_append_time_ms)
        self._note_trouble(queue)
        self._release(batch)

    def _settle_told(self, queue: PartitionQueue, batch: ProducerBatch, code: int) -> None:
        """The caller was told of a time-out before; only the sequences still want to know."""
        if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
            queue.sequences.acknowledge(batch.identity, batch.base_sequence, batch.record_count)
        elif batch.is_ambiguous or row_for(code).may_be_persisted:
            queue.sequences.lose_sight(batch.identity)
        else:
            queue.sequences.break_off(batch.identity)
        self._note_trouble(queue)
        self._release(batch)

    def _give_up(self, queue: PartitionQueue, batch: ProducerBatch, error: ProduceError) -> None:
        if batch.identity is not None:
            if batch.is_ambiguous:
                queue.sequences.lose_sight(batch.identity)
            else:
                queue.sequences.break_off(batch.identity)
        self._tell_failure(batch, error)
        self._note_trouble(queue)
        self._release(batch)

    def _tell_failure(self, batch: ProducerBatch, error: ProduceError) -> bool:
        if not batch.fail(error):
            return False
        self._accumulator.settled += batch.record_count
        self._statistics.record_failed(int(batch.record_count), error)
        return True

    def _release(self, batch: ProducerBatch) -> None:
        batch.forget_bytes()
        charged = batch.charged
        batch.charged = 0
        self._accumulator.memory.give_back(charged)

    def _retry(self, queue: PartitionQueue, batch: ProducerBatch, leader_is_new: bool, now: float) -> None:  # noqa: FBT001 # one call site
        self._statistics.retries += 1
        at = 0
        while at < len(queue.retries) and queue.retries[at].issue < batch.issue:
            at += 1
        queue.retries.insert(at, batch)
        # A leader that is news has not failed yet (KIP-951).
        queue.retry_at = now if leader_is_new else now + self._settings.backoff(int(batch.attempts))
        self._note_trouble(queue)
        with self._accumulator.lock:
            if not queue.is_active:
                queue.is_active = True
                self._accumulator.activated.append(queue)

    def _take_hint(self, batch: ProducerBatch, result: PartitionProduceResponse | None) -> bool:
        if result is None or result.current_leader is None or result.current_leader.leader_id < 0:
            return False
        hint = result.current_leader
        leader = Partition(leader_id=int(hint.leader_id), leader_epoch=int(hint.leader_epoch))
        updated = self.metadata.with_leader(batch.topic, int(batch.partition), leader)
        if updated is self.metadata:
            return False
        self.update_metadata(updated)
        return True

    def _error_for(
        self, batch: ProducerBatch, code: int, result: PartitionProduceResponse | None, *, is_expired: bool
    ) -> ProduceError:
        detail = None if result is None else result.error_message
        error = produce_error(
            code, batch.topic, partition=int(batch.partition), detail=detail, may_be_persisted=batch.is_ambiguous
        )
        if not is_expired or not row_for(code).is_retriable:
            return error
        return self._expired_error(batch, f"The last answer was {row_for(code).name}.")

    # Time.

    def _expire(self, now: float) -> None:
        """Fail what `delivery_timeout_ms` has overtaken, oldest first, and find out when to look again."""
        oldest = NEVER
        limit = now - self._settings.delivery_timeout
        for sent in self.in_flight:
            for batch in sent.batches:
                if batch.state is BatchState.DONE:
                    continue
                if batch.created > limit:
                    oldest = min(oldest, batch.created)
                    continue
                batch.is_ambiguous = True
                # Its bytes may still be on their way to the socket: the memory stays taken until the request is over.
                error = self._expired_error(batch, "The broker's answer is still due.")
                self._tell_failure(batch, error)
        for queue in self._active_queues():
            self._expire_queue(queue, limit)
            oldest = min(oldest, _oldest_created(queue))
        self._leaderless = [queue for queue in self._leaderless if queue.is_active]
        for node in self._nodes.values():
            node.queues = [queue for queue in node.queues if queue.is_active]
        self._next_sweep = NEVER if oldest == NEVER else oldest + self._settings.delivery_timeout

    def _expire_queue(self, queue: PartitionQueue, limit: float) -> None:
        expired: list[ProducerBatch] = []
        while queue.retries and queue.retries[0].created <= limit:
            expired.append(queue.retries.pop(0))
        with self._accumulator.lock:
            while queue.full and queue.full[0].ready and queue.full[0].created <= limit:
                expired.append(queue.full.popleft())
            if not queue.full and queue.open is not None and queue.open.created <= limit:
                expired.append(queue.open)
                queue.open = None
            queue.is_active = queue.has_unsent()
        for batch in expired:
            self._give_up(queue, batch, self._expired_error(batch, self._what_it_waited_for(queue, batch)))

    def _what_it_waited_for(self, queue: PartitionQueue, batch: ProducerBatch) -> str:
        if batch.attempts > 0:
            return f"It was sent {int(batch.attempts)} time(s). The last trouble: {self._statistics.last_error}"
        trouble = self._owner.connection_trouble()
        if trouble is not None:
            return f"It waited for a connection. {trouble}"
        if queue.leader == NO_LEADER:
            return "It waited for its partition to get a leader."
        return "It waited for earlier batches to be acknowledged."

    def _expired_error(self, batch: ProducerBatch, what: str) -> ProduceError:
        timeout_ms = self._settings.delivery_timeout * 1000
        error = DeliveryTimeoutError(
            f"Not acknowledged within delivery_timeout_ms={timeout_ms:.0f}. {what}",
            topic=batch.topic,
            partition=int(batch.partition),
            is_retriable=True,
            may_be_persisted=batch.is_ambiguous,
        )
        error.__cause__ = self._owner.connection_trouble()
        return error

    # Sequences.

    def _note_trouble(self, queue: PartitionQueue) -> None:
        if queue.sequences.state is not SequenceState.CONTINUOUS and queue not in self._troubled:
            self._troubled.append(queue)

    def _settle_sequences(self) -> None:
        """Number anew what a gap has made unwritable, once nothing of the partition is under way any more."""
        still: list[PartitionQueue] = []
        for queue in self._troubled:
            sequences = queue.sequences
            if queue.in_flight:
                still.append(queue)
                continue
            if not queue.retries:
                sequences.settle_when_idle()
            if sequences.state is SequenceState.BROKEN:
                self.producer_id.bump(sequences.identity)
                identity = self.producer_id.identity
                if identity is None or self.producer_id.state is not ProducerIdState.READY:
                    still.append(queue)
                    continue
                sequences.adopt(identity)
                for batch in queue.retries:
                    # The broker has refused these, or never had the one before them, so none of them was written.
                    batch.is_ambiguous = False
                    batch.number(identity, sequences.take(batch.record_count))
            elif sequences.state is SequenceState.UNRESOLVED:
                still.append(queue)
        self._troubled = still

    # Giving up.

    def fail_unsent(self, error: ProduceError) -> None:
        """Fail everything that waits to be sent for the first time, for a reason that waiting will not cure."""
        for queue in self._active_queues():
            batches: list[ProducerBatch] = []
            with self._accumulator.lock:
                while queue.full and queue.full[0].ready:
                    batches.append(queue.full.popleft())
                if not queue.full and queue.open is not None:
                    batches.append(queue.open)
                    queue.open = None
            for batch in batches:
                self._give_up(queue, batch, error)

    def abort(self, make_error: Callable[[ProducerBatch], ProduceError]) -> int:
        """Fail everything accepted and not yet told, and return how many records that was."""
        self._adopt_activated()
        batches: list[ProducerBatch] = []
        for sent in self.in_flight:
            for batch in sent.batches:
                batch.is_ambiguous = True
                batches.append(batch)
        for queue in self._active_queues():
            batches.extend(queue.retries)
            queue.retries.clear()
            with self._accumulator.lock:
                batches.extend(queue.full)
                queue.full.clear()
                if queue.open is not None:
                    batches.append(queue.open)
                    queue.open = None
        count = 0
        for batch in batches:
            if self._tell_failure(batch, make_error(batch)):
                count += int(batch.record_count)
        return count

    def pending_batches(self) -> list[ProducerBatch]:
        """Return every batch whose outcome was not told yet, after making lingering ones leave at once."""
        self._adopt_activated()
        batches: list[ProducerBatch] = []
        for sent in self.in_flight:
            batches.extend(sent.batches)
        for queue in self._active_queues():
            batches.extend(queue.retries)
            with self._accumulator.lock:
                batches.extend(queue.full)
                if queue.open is not None:
                    queue.open.urgent = True
                    batches.append(queue.open)
        return [batch for batch in batches if batch.state is not BatchState.DONE]

    def _active_queues(self) -> list[PartitionQueue]:
        queues = list(self._leaderless)
        for node in self._nodes.values():
            queues.extend(node.queues)
        return queues


def _oldest_created(queue: PartitionQueue) -> float:
    if queue.retries:
        return queue.retries[0].created
    if queue.full:
        return queue.full[0].created
    batch = queue.open
    return NEVER if batch is None else batch.created
