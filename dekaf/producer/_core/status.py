"""What a producer tells of itself and of its cluster: read from the engine as it is, for people and health checks."""

from __future__ import annotations

import os

from dekaf._cluster.metadata import NO_METADATA
from dekaf.errors import UnknownTopicOrPartitionError, caused_error
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


def partitions_of(topic: str, engine: BackendEngine | None, max_block_ms: int) -> tuple[PartitionInfo, ...]:
    """Return the partitions of a topic.

    Args:
        topic: Its name.
        engine: Which may know them; None if there is none.
        max_block_ms: For how long the cluster was asked, for the error.

    Raises:
        UnknownTopicOrPartitionError: They are not known; the cause tells why no broker is connected.
    """
    known = None if engine is None else engine.metadata().topics.get(topic)
    if known is None:
        last_error = None if engine is None else engine.last_error()
        unknown = UnknownTopicOrPartitionError(
            "The topic's partitions are not known; the cluster was asked for "
            f"max_block_ms={max_block_ms}{'.' if last_error is None else f': {last_error}'}",
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
