"""Carry over what is not delivered yet to a topic that was created anew under its name.

What has not been sent, or is to be sent again, goes to the partition of the same number, under new sequence numbers;
what was bound for a partition that the topic has no more fails. The keys of later records hash over the new count.
"""

from __future__ import annotations

from typing import Final, final

from dekaf.producer._buffer.accumulator import RecordAccumulator
from dekaf.producer._buffer.batch import ProducerBatch
from dekaf.producer._buffer.queues import PartitionQueue
from dekaf.producer._engine.completion import BatchCompletion, gone_error
from dekaf.producer._engine.queues_by_leader import QueuesByLeader


@final
class RecreatedTopics:
    """Owned by the I/O thread."""

    def __init__(self, accumulator: RecordAccumulator, queues: QueuesByLeader, completion: BatchCompletion) -> None:
        self._accumulator: Final = accumulator
        self._queues: Final = queues
        self._completion: Final = completion

    def begin_anew(self, name: str, count: int, *, keeps_doubt: bool = False) -> None:
        """Carry a topic over that has other logs now, `count` of them; its parked records, if any, are no concern.

        Args:
            name: The topic's.
            count: How many partitions it has.
            keeps_doubt: These are logs it had before: what may have been written still may be there.
        """
        topic = self._accumulator.topics.get(name)
        if topic is None or not topic.partitions:
            return
        self._queues.adopt_activated()  # whatever is listed by callers is in the queues' own lists from now on
        gone = self._accumulator.replace_topic(topic, count)
        for queue in topic.partitions[:count]:
            queue.begin_anew(keeps_doubt=keeps_doubt)
            self._completion.note_broken_sequence(queue)
        self._queues.give_away(gone)
        for queue in gone:
            for batch in self._take_all(queue):
                self._completion.abandon(batch, gone_error(batch))

    def _take_all(self, queue: PartitionQueue) -> list[ProducerBatch]:
        batches = queue.retries
        queue.retries = []
        return batches + self._accumulator.take_unsent(queue)
