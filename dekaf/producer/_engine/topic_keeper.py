"""Have what a broker says of topics reach everything that depends on it, in the one order that works."""

from __future__ import annotations

from time import monotonic
from typing import Final, final

from dekaf._cluster.topic_life import TopicNews
from dekaf._log_thread import DeferredLogger, facts
from dekaf._protocol.error_codes import ErrorCode, produce_error
from dekaf._protocol.metadata import MetadataResponse
from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._engine.cluster import Cluster
from dekaf.producer._engine.idle_topics import IdleTopics
from dekaf.producer._engine.recreated_topics import RecreatedTopics
from dekaf.producer._engine.unknown_topics import UnknownTopics

logger = DeferredLogger("dekaf.producer.topics")

# Asking again will not make these go away; an administrator may, so they are not remembered for later records.
FINAL_TOPIC_ERRORS: Final = frozenset(
    {int(ErrorCode.INVALID_TOPIC_EXCEPTION), int(ErrorCode.TOPIC_AUTHORIZATION_FAILED)}
)


@final
class TopicKeeper:
    """Owned by the I/O thread."""

    def __init__(
        self,
        accumulator: RecordAccumulator,
        cluster: Cluster,
        unknown_topics: UnknownTopics,
        recreated_topics: RecreatedTopics,
        idle_topics: IdleTopics,
        *,
        client_id: str | None = None,
    ) -> None:
        self._accumulator: Final = accumulator
        self._cluster: Final = cluster
        self._unknown_topics: Final = unknown_topics
        self._recreated_topics: Final = recreated_topics
        self._idle_topics: Final = idle_topics
        self._client_id: Final = client_id  # for the log

    def take_over(self, response: MetadataResponse, told_by: int) -> set[str]:
        """Take over a broker's metadata answer.

        Args:
            response: The answer.
            told_by: The broker's node id; negative for a bootstrap server.

        Returns:
            The topics that it leaves without a leader, or in doubt.
        """
        self._note_errors(response)
        # Once, and first of all: a topic that a caller begins to use meanwhile was not asked for.
        in_use = {topic.name for topic in response.topics if topic.name in self._accumulator.topics}
        update = self._cluster.take_over(response, told_by, in_use)
        metadata = update.metadata
        recreated = update.topics_with(TopicNews.RECREATED)
        new = update.topics_with(TopicNews.NEW)
        for name in recreated + new:  # those that are new here have partitions if they were known in another cluster
            self._recreated_topics.begin_anew(name, len(metadata.topics[name].partitions))
        for name in update.topics_with(TopicNews.RETURNED):
            self._recreated_topics.begin_anew(name, len(metadata.topics[name].partitions), keeps_doubt=True)
        self._cluster.replace(metadata, update.named)
        self._unknown_topics.let_in(metadata, update.named)  # only now: whoever waited looks at the metadata at once
        for name in new:
            self._cluster.refresher.has_become_known(name)
            self._idle_topics.restore(name, metadata.topics[name].topic_id)
        doubtful = update.topics_with(TopicNews.DOUBTFUL) + update.topics_with(TopicNews.STALE)
        if doubtful:
            self._cluster.refresher.doubt(doubtful, told_by)
        for name in recreated:
            logger.warning(
                "Topic %s was created anew, with %d partition(s)",
                name,
                len(metadata.topics[name].partitions),
                extra=facts(self._client_id, topic=name),
            )
        return self._cluster.queues.leaderless_topics().union(doubtful)

    def _note_errors(self, response: MetadataResponse) -> None:
        for topic in response.topics:
            if topic.error_code != ErrorCode.NONE:
                error = produce_error(topic.error_code, topic.name, partition=None, may_be_persisted=False)
                is_final = topic.error_code in FINAL_TOPIC_ERRORS
                self._unknown_topics.denied(topic.name, error, monotonic(), is_final=is_final)
