"""Go on with another cluster, where the bootstrap servers lead to another one than before."""

from __future__ import annotations

from time import monotonic
from typing import Final, final

from dekaf._log_thread import DeferredLogger, facts
from dekaf.errors import ProduceError
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.completion import BatchCompletion
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource

logger = DeferredLogger("dekaf.producer.topics")


@final
class ReplacedCluster:
    """Owned by the I/O thread."""

    def __init__(
        self,
        accumulator: RecordAccumulator,
        cluster: Cluster,
        producer_id: ProducerIdSource,
        completion: BatchCompletion,
        statistics: ProducerStatistics,
    ) -> None:
        self._accumulator: Final = accumulator
        self._cluster: Final = cluster
        self._producer_id: Final = producer_id
        self._completion: Final = completion
        self._statistics: Final = statistics

    def adopt(self, cluster_id: str | None) -> None:
        """Forget what was known of the cluster before; its connections are closed, and nothing is under way.

        What may have been written there fails: here it would be written a second time. The rest goes to the topics of
        the same names as they become known, numbered anew under another producer id.
        """
        before = self._cluster.metadata.cluster_id
        if self._producer_id.drop(self._producer_id.identity, monotonic()):
            self._statistics.producer_id_resets += 1
        self._cluster.begin_anew()
        ambiguous: list[ProducerBatch] = []
        for topic in self._accumulator.topics.values():
            for queue in topic.partitions:
                ambiguous.extend([batch for batch in queue.retries if batch.is_ambiguous])
                queue.retries = [batch for batch in queue.retries if not batch.is_ambiguous]
                queue.sequences.lose_log()
                self._completion.note_broken_sequence(queue)
        for batch in ambiguous:
            self._completion.abandon(batch, _replaced_error(batch, before, cluster_id))
        logger.warning(
            "The bootstrap servers lead to cluster %s now, and no more to %s: messages go there. %d batch(es) that may "
            "be in the one before have failed",
            cluster_id,
            before,
            len(ambiguous),
            extra=facts(self._statistics.client_id, count=sum(int(batch.record_count) for batch in ambiguous)),
        )


def _replaced_error(batch: ProducerBatch, before: str | None, now: str | None) -> ProduceError:
    error = ProduceError(
        f"The bootstrap servers lead to cluster {now} now. The message may be in cluster {before}, whose answer never "
        "came.",
        topic=batch.topic,
        partition=int(batch.partition),
        is_retriable=True,
        may_be_persisted=True,
    )
    error.__cause__ = batch.previous_error
    return error
