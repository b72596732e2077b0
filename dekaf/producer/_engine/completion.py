"""Carry out the verdict on a batch: tell its outcome, or put it back in line; and mend the sequences behind it.

Each batch's outcome is told once, and its memory given back once nothing of it is on its way to a socket any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from dekaf._cluster.metadata import NO_LEADER
from dekaf._log_thread import DeferredLogger, facts
from dekaf._protocol.error_codes import ErrorCode, produce_error, row_for
from dekaf._protocol.produce import PartitionProduceResponse
from dekaf.errors import (
    DekafError,
    DeliveryTimeoutError,
    ProduceError,
    UnknownTopicOrPartitionError,
    caused_error,
)
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import BatchState, ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._buffer.sequences import BEFORE_ALL, SequenceState
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.split import split
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._engine.verdict import BatchContext, Verdict, judge
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource, ProducerIdState

logger = DeferredLogger("dekaf.producer.completion")


@final
class RetrySettings:
    """How long, and how often; times in seconds."""

    def __init__(self, delivery_timeout: float, backoff: Callable[[int], float]) -> None:
        self.delivery_timeout: Final = delivery_timeout
        self.backoff: Final = backoff  # attempt, from 1 → seconds


@final
class BatchCompletion:
    """Owned by the I/O thread."""

    def __init__(
        self,
        accumulator: RecordAccumulator,
        cluster: Cluster,
        producer_id: ProducerIdSource,
        settings: RetrySettings,
        statistics: ProducerStatistics,
        clock: Callable[[], float],
    ) -> None:
        self._accumulator: Final = accumulator
        self._cluster: Final = cluster
        self._queues: Final = cluster.queues
        self._producer_id: Final = producer_id
        self._settings: Final = settings
        self._statistics: Final = statistics
        self._clock: Final = clock
        self._broken_sequences: dict[PartitionQueue, None] = {}  # in order; their sequences are unresolved or broken

    # Answers.

    def complete(
        self,
        batch: ProducerBatch,
        code: int,
        result: PartitionProduceResponse | None,
        *,
        lost_to: DekafError | None = None,
        leader_is_news: bool = False,
    ) -> None:
        """Deal with a batch that was answered with `code`.

        Args:
            batch: One that was in flight.
            code: The broker's error code; NETWORK_EXCEPTION if there was no answer.
            result: The answer's part for the batch's partition, if there is one.
            lost_to: Why there was no answer.
            leader_is_news: The answer named a leader that was not known before.
        """
        queue = self._queues.queue_of(batch)
        queue.in_flight.remove(batch)
        if queue.is_gone or batch.state is BatchState.DONE:
            self._complete_last(queue, batch, code, result)
            return
        if code == ErrorCode.NONE:
            self._deliver(queue, batch, result)
            return
        now = self._clock()
        is_expired = now - batch.created >= self._settings.delivery_timeout
        verdict = judge(batch, code, _context(queue, batch, is_expired=is_expired))
        if verdict is Verdict.DELIVERED:
            self._deliver(queue, batch, result)
            return
        row = row_for(code)
        _note_ambiguity(queue, batch, code)
        batch.previous_error = lost_to or _refusal_error(batch, code, result)
        if row.refreshes_metadata:
            self._cluster.refresher.want_topic(batch.topic)
        if verdict is Verdict.FAIL:
            if result is not None:
                batch.record_errors = result.record_errors
            if row.renews_producer_id:
                self._drop_identity(queue, batch, now)
            self.give_up(batch, self._answer_error(batch, code, result, is_expired=is_expired))
            return
        if verdict is Verdict.SPLIT:
            self._split(queue, batch)
            return
        if verdict is Verdict.RENUMBER:
            queue.sequences.break_off(batch.identity, batch.send_order)
        self._retry(queue, batch, leader_is_news=leader_is_news, now=now)

    def _drop_identity(self, queue: PartitionQueue, batch: ProducerBatch, now: float) -> None:
        """Give up the identity of a batch: the broker accepts no number under it any more."""
        queue.sequences.break_off(batch.identity, BEFORE_ALL)
        if self._producer_id.drop(batch.identity, now):
            self._statistics.producer_id_resets += 1

    def _deliver(self, queue: PartitionQueue, batch: ProducerBatch, result: PartitionProduceResponse | None) -> None:
        queue.sequences.acknowledge(batch.identity, batch.base_sequence, batch.record_count)
        self._statistics.record_delivered(batch.topic, int(batch.record_count), batch.created)
        self._accumulator.completed += batch.record_count
        self.note_broken_sequence(queue)
        self._release(batch)  # before it is told: a caller who hears of it may look at the buffer at once
        if result is None:
            batch.succeed(-1, -1)
        else:
            batch.succeed(result.base_offset, result.log_append_time_ms)

    def _complete_last(
        self, queue: PartitionQueue, batch: ProducerBatch, code: int, result: PartitionProduceResponse | None
    ) -> None:
        """Deal with a batch that will not be sent again, whatever it was answered with."""
        if queue.is_gone:
            self._complete_gone(queue, batch, code, result)
            self._queues.forget_orphan(batch)
        else:
            self._complete_told(queue, batch, code)

    def _complete_gone(
        self, queue: PartitionQueue, batch: ProducerBatch, code: int, result: PartitionProduceResponse | None
    ) -> None:
        """The topic was created anew meanwhile and has no such partition: nothing can be sent again."""
        if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER) and batch.state is not BatchState.DONE:
            self._deliver(queue, batch, result)
        else:
            _note_ambiguity(queue, batch, code)
            self._release(batch)
            self.tell_failure(batch, gone_error(batch))

    def _complete_told(self, queue: PartitionQueue, batch: ProducerBatch, code: int) -> None:
        """The caller was told of a time-out before; only the sequences still want to know."""
        if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
            queue.sequences.acknowledge(batch.identity, batch.base_sequence, batch.record_count)
        elif batch.is_ambiguous or row_for(code).may_be_persisted:
            queue.sequences.lose_sight(batch.identity)
        else:
            queue.sequences.break_off(batch.identity, batch.send_order)
        self.note_broken_sequence(queue)
        self._release(batch)

    def _retry(self, queue: PartitionQueue, batch: ProducerBatch, *, leader_is_news: bool, now: float) -> None:
        self._statistics.retries += 1
        at = 0
        while at < len(queue.retries) and queue.retries[at].send_order < batch.send_order:
            at += 1
        queue.retries.insert(at, batch)
        if leader_is_news:
            queue.retry_at = now  # it has not failed yet (KIP-951)
        else:
            # The later of the two: another batch of the partition, tried less often, must not end the wait of this one.
            queue.retry_at = max(queue.retry_at, now + self._settings.backoff(int(batch.attempts)))
        self.note_broken_sequence(queue)
        self._queues.activate(queue)

    def _split(self, queue: PartitionQueue, batch: ProducerBatch) -> None:
        size = batch.size_on_wire()
        try:
            children = split(batch, self._accumulator.codec, self._accumulator.batch_size)
        except Exception as error:  # the codec's library, or no memory for it
            self.give_up(batch, _not_split_error(batch, error))
            return
        count, partition = int(batch.record_count), int(batch.partition)
        known = facts(self._statistics.client_id, topic=batch.topic, partition=partition, count=count)
        logger.info("%s-%d takes no batch of %d bytes; it is split", batch.topic, batch.partition, size, extra=known)
        queue.limit.refused(batch.builder.size_bytes)
        batch.forget_bytes()
        at = 0
        while at < len(queue.retries) and queue.retries[at].send_order < batch.send_order:
            at += 1
        queue.retries[at:at] = children  # to leave as soon as what waits before them, if anything does
        self._queues.activate(queue)

    # Giving up.

    def give_up(self, batch: ProducerBatch, error: ProduceError) -> None:
        """Fail a batch of which nothing is on its way any more."""
        queue = self._queues.queue_of(batch)
        if batch.identity is not None:
            if batch.is_ambiguous:
                queue.sequences.lose_sight(batch.identity)
            else:
                queue.sequences.break_off(batch.identity, batch.send_order)
        self.note_broken_sequence(queue)
        self._release(batch)
        self.tell_failure(batch, error)

    def expire(self, batch: ProducerBatch) -> None:
        """Fail a batch that `delivery_timeout_ms` has overtaken in its queue."""
        self.give_up(batch, self._expired_error(batch, self._what_it_waited_for(batch)))

    def expire_in_flight(self, batch: ProducerBatch) -> None:
        """Tell that a batch's time is over while its request is still under way; its memory stays taken until then."""
        batch.is_ambiguous = True
        self.tell_failure(batch, self._expired_error(batch, "The broker's answer is still due."))

    def tell_failure(self, batch: ProducerBatch, error: ProduceError) -> bool:
        """Tell a failure, unless an outcome was told before."""
        if batch.state is BatchState.DONE:
            return False
        # Counted first: a caller who hears of it may look at the counters at once.
        self._accumulator.completed += batch.record_count
        self._statistics.record_failed(int(batch.record_count), error, batch.created)
        return batch.fail(error)

    def abandon(self, batch: ProducerBatch, error: ProduceError) -> None:
        """Fail a batch of an engine that ends: nothing is sent any more, whatever was on its way."""
        self._release(batch)
        self.tell_failure(batch, error)

    def _release(self, batch: ProducerBatch) -> None:
        batch.forget_bytes()
        charged = batch.charged
        batch.charged = 0
        self._accumulator.buffer.give_back(charged)

    def _answer_error(
        self, batch: ProducerBatch, code: int, result: PartitionProduceResponse | None, *, is_expired: bool
    ) -> ProduceError:
        if is_expired and row_for(code).is_retriable:
            return self._expired_error(batch, self._what_it_waited_for(batch))
        return _refusal_error(batch, code, result)

    def _expired_error(self, batch: ProducerBatch, what: str) -> ProduceError:
        timeout_ms = self._settings.delivery_timeout * 1000
        error = DeliveryTimeoutError(
            f"Not acknowledged within delivery_timeout_ms={timeout_ms:.0f}. {what}",
            topic=batch.topic,
            partition=int(batch.partition),
            is_retriable=True,
            may_be_persisted=batch.is_ambiguous,
        )
        return caused_error(error, self._latest_error(batch))

    def _latest_error(self, batch: ProducerBatch) -> DekafError | None:
        if isinstance(
            batch.previous_error, ProduceError
        ):  # a refusal is old news where the leader cannot be reached now
            return self._leader_error(batch) or batch.previous_error
        # A connection may be ready again by now: what it was lost for before still is why the answer never came.
        return batch.previous_error or self._leader_error(batch)

    def _what_it_waited_for(self, batch: ProducerBatch) -> str:
        if batch.previous_error is not None:
            latest = self._latest_error(batch)
            # The message alone: topic and advice are those of the error that this text becomes part of.
            reason = latest.message if isinstance(latest, ProduceError) else latest
            return f"It was sent {int(batch.attempts)} time(s). The last error: {reason}"
        last_error = self._leader_error(batch)
        if last_error is not None:
            return f"It waited for a connection. {last_error}"
        if self._queues.queue_of(batch).leader == NO_LEADER:
            return "It waited for its partition to get a leader."
        return "It waited for earlier batches to be acknowledged."

    def _leader_error(self, batch: ProducerBatch) -> DekafError | None:
        return self._cluster.connections.node_error(int(self._queues.queue_of(batch).leader))

    # Sequences.

    def mend_sequences(self) -> None:
        """Number anew what a gap has made unwritable, once nothing of the partition is under way any more."""
        if not self._broken_sequences:
            return
        broken = self._broken_sequences
        self._broken_sequences = {}
        for queue in broken:
            if not queue.is_gone and not self._is_mended(queue):
                self._broken_sequences[queue] = None

    def _is_mended(self, queue: PartitionQueue) -> bool:
        sequences = queue.sequences
        if queue.in_flight:
            return False
        if not queue.retries:
            sequences.resolve_when_idle()
        if sequences.state is not SequenceState.BROKEN:
            return sequences.state is SequenceState.CONTINUOUS
        if queue.retries and sequences.is_before_gap(queue.retries[0].send_order):
            return False  # it is repeated under its number first
        self._producer_id.bump(sequences.identity)
        identity = self._producer_id.identity
        if identity is None or self._producer_id.state is not ProducerIdState.READY:
            return False
        self._give_up_unwritable(queue)
        sequences.adopt(identity)
        for batch in queue.retries:
            batch.number(identity, sequences.take(batch.record_count))
        return True

    def _give_up_unwritable(self, queue: PartitionQueue) -> None:
        """Fail what may have been written already: under another number it could be written twice.

        And what a later batch has overtaken, because the broker had forgotten us: it would come out of turn.
        """
        given_up: list[ProducerBatch] = []
        kept: list[ProducerBatch] = []
        for batch in queue.retries:
            (given_up if batch.is_ambiguous or _is_overtaken(queue, batch) else kept).append(batch)
        queue.retries = kept
        for batch in given_up:
            error = produce_error(
                ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
                batch.topic,
                partition=int(batch.partition),
                detail=None,
                may_be_persisted=batch.is_ambiguous,
            )
            self.give_up(batch, error)

    def note_broken_sequence(self, queue: PartitionQueue) -> None:
        """Have a queue's sequences mended, if they need it."""
        if queue.sequences.state is not SequenceState.CONTINUOUS:
            self._broken_sequences[queue] = None


def _refusal_error(batch: ProducerBatch, code: int, result: PartitionProduceResponse | None) -> ProduceError:
    detail = None if result is None else result.error_message
    return produce_error(
        code, batch.topic, partition=int(batch.partition), detail=detail, may_be_persisted=batch.is_ambiguous
    )


def _not_split_error(batch: ProducerBatch, cause: Exception) -> ProduceError:
    error = ProduceError(
        f"The broker takes no batch of {batch.size_on_wire()} bytes, and it could not be split: {cause!r}",
        topic=batch.topic,
        partition=int(batch.partition),
        code=int(ErrorCode.MESSAGE_TOO_LARGE),
        is_retriable=True,
        may_be_persisted=batch.is_ambiguous,
    )
    return caused_error(error, cause)


def gone_error(batch: ProducerBatch) -> ProduceError:
    """Return the error for a batch whose partition is gone."""
    return UnknownTopicOrPartitionError(
        "The topic was created anew, with fewer partitions, and has this one no more. Produced again, the message goes "
        "to one of those it has.",
        topic=batch.topic,
        partition=int(batch.partition),
        is_retriable=True,
        may_be_persisted=batch.is_ambiguous,
    )


def _note_ambiguity(queue: PartitionQueue, batch: ProducerBatch, code: int) -> None:
    """Note that an attempt may have been written, although it was answered with an error, or not at all.

    If the topic was created anew meanwhile, that was into a log that is gone, unless the request named the topic
    instead of its id (before Produce 13) and came late.
    """
    if not row_for(code).may_be_persisted:
        return
    may_be_in_later_log = batch.was_sent_by_name and code != ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    batch.may_be_in_later_log = batch.may_be_in_later_log or may_be_in_later_log
    if batch.queue_life == queue.life or may_be_in_later_log:
        batch.is_ambiguous = True


def _context(queue: PartitionQueue, batch: ProducerBatch, *, is_expired: bool) -> BatchContext:
    return BatchContext(
        queue.sequences.state,
        is_oldest=_is_oldest(queue, batch),
        is_expired=is_expired,
        is_overtaken=_is_overtaken(queue, batch),
    )


def _is_overtaken(queue: PartitionQueue, batch: ProducerBatch) -> bool:
    """Return whether a later batch of the partition is in the log.

    What requests that name topics by id have written before a topic was created anew is gone with it. One that names it
    by its name may have been the first to find the new one, whose leader knew nothing of us and took the later batch.
    """
    if queue.sequences.has_lost_log and not batch.was_sent_by_name:
        return False
    return queue.sequences.is_overtaken(batch.identity, batch.base_sequence)


def _is_oldest(queue: PartitionQueue, batch: ProducerBatch) -> bool:
    """Return whether no earlier batch of the partition is under way or waits to be repeated."""
    for other in queue.in_flight:
        if other.send_order < batch.send_order:
            return False
    return not queue.retries or queue.retries[0].send_order > batch.send_order
