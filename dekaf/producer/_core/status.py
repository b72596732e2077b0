"""What a producer tells of itself and of its cluster: read from the engine as it is, for people and health checks."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from dekaf._cluster.metadata import NO_METADATA
from dekaf._version import __version__
from dekaf.errors import UnknownTopicOrPartitionError, caused_error
from dekaf.metrics import ProducerMetrics
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.types import PartitionInfo, ProducerState, ProducerStatus


def snapshot(
    state: ProducerState,
    engine: BackendEngine | None,
    accumulator: RecordAccumulator,
    statistics: ProducerStatistics,
    callbacks_pending: int,
) -> ProducerStatus:
    """Return how a producer is doing; any thread may change it meanwhile."""
    metadata = NO_METADATA if engine is None else engine.metadata()
    buffer = accumulator.buffer
    trouble = None if engine is None else engine.last_error()
    return ProducerStatus(
        state=state,
        buffered_records=accumulator.pending_records(),
        buffered_bytes=int(buffer.capacity - buffer.free),
        buffer_memory=int(buffer.capacity),
        waiting_for_space=len(buffer.waiters),
        in_flight_requests=0 if engine is None else engine.in_flight_requests(),
        known_brokers=len(metadata.brokers),
        connected_brokers=0 if engine is None else engine.connected_brokers(),
        topics=tuple(sorted(metadata.topics)),
        delivered_total=statistics.delivered,
        failed_total=statistics.failed,
        unobserved_failures_total=statistics.unobserved_failures,
        retries_total=statistics.retries,
        engine_restarts=statistics.engine_restarts,
        producer_id_resets=statistics.producer_id_resets,
        last_error=statistics.last_error if trouble is None else str(trouble),
        unavailable_for=None if engine is None else engine.unavailable_for(),
        pid=os.getpid(),
        connections=() if engine is None else engine.connections(),
        callbacks_pending=callbacks_pending,
        callbacks_dropped_total=statistics.callbacks_dropped,
    )


def measured(
    client_id: str, engine: BackendEngine | None, accumulator: RecordAccumulator, statistics: ProducerStatistics
) -> ProducerMetrics:
    """Return what a producer counts and measures; any thread may change it meanwhile."""
    metadata = NO_METADATA if engine is None else engine.metadata()
    buffer = accumulator.buffer
    records = accumulator.pending_records()
    oldest = 0.0
    if records > 0:
        oldest = max(0.0, time.monotonic() - accumulator.oldest_accepted())
    return replace(
        counted(client_id, statistics, 0 if engine is None else engine.connects()),
        cluster_id=metadata.cluster_id,
        buffer_used_bytes=int(buffer.capacity - buffer.free),
        buffer_limit_bytes=int(buffer.capacity),
        buffer_records=records,
        buffer_oldest_age_seconds=oldest,
        waiting_for_room=len(buffer.waiters),
        connected_brokers=0 if engine is None else engine.connected_brokers(),
        known_brokers=len(metadata.brokers),
        unavailable_seconds=0.0 if engine is None else (engine.unavailable_for() or 0.0),
    )


def counted(client_id: str, statistics: ProducerStatistics, connects: int) -> ProducerMetrics:
    """Return what a producer has counted and measured, without what its engine and its buffer are like.

    Args:
        client_id: The producer's.
        statistics: The producer's.
        connects: Connections that became ready, of its last engine.
    """
    measurements = statistics.measurements
    return ProducerMetrics(
        client_id=client_id,
        version=__version__,
        cluster_id=None,
        pid=os.getpid(),
        topics=measurements.topics(),
        brokers=measurements.brokers(),
        records_undelivered_unnoticed_total=statistics.unobserved_failures,
        batches_retried_total=statistics.retries,
        send_latency_seconds=measurements.send_latency.histogram(),
        batch_size_bytes=measurements.batch_size.histogram(),
        batch_records=measurements.batch_records.histogram(),
        buffer_used_bytes=0,
        buffer_limit_bytes=0,
        buffer_records=0,
        buffer_oldest_age_seconds=0.0,
        waiting_for_room=0,
        buffer_exhausted_total=statistics.exhausted,
        connected_brokers=0,
        known_brokers=0,
        unavailable_seconds=0.0,
        connects_total=statistics.connects_before + connects,
        engine_restarts_total=statistics.engine_restarts,
        producer_id_resets_total=statistics.producer_id_resets,
        hook_failures_total=statistics.hook_failures,
    )


def partitions_of(topic: str, engine: BackendEngine | None, limit: str) -> tuple[PartitionInfo, ...]:
    """Return the partitions of a topic.

    Args:
        topic: Its name.
        engine: Which may know them; None if there is none.
        limit: For how long the cluster was asked, for the error, such as ``max_block_ms=5000``.

    Raises:
        UnknownTopicOrPartitionError: They are not known; the cause tells why no broker is connected.
        TopicAuthorizationError: The cluster does not show the topic to this client.
    """
    known = None if engine is None else engine.metadata().topics.get(topic)
    if known is None:
        refusal = None if engine is None else engine.refusal(topic)
        if refusal is not None:
            raise type(refusal)(refusal.message, topic=topic, code=refusal.code, is_retriable=refusal.is_retriable)
        last_error = None if engine is None else engine.last_error()
        unknown = UnknownTopicOrPartitionError(
            "The topic's partitions are not known; the cluster was asked for "
            f"{limit}{'.' if last_error is None else f': {last_error}'}",
            topic=topic,
            is_retriable=True,
        )
        raise caused_error(unknown, last_error) from last_error
    return tuple(
        PartitionInfo(
            topic=topic,
            partition=number,
            leader=None if partition.leader_id < 0 else partition.leader_id,
            leader_epoch=partition.leader_epoch,
        )
        for number, partition in enumerate(known.partitions)
    )
