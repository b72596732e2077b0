"""Ask a user's partitioner about parked records, on a thread of its own: it may be slow, hang, or raise anything.

Records whose topic is known are asked about on the thread that produces them; those that were parked have left it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeGuard, final

from dekaf.errors import ProduceError, caused_error
from dekaf.partitioning import ConsistentRandomPartitioner, Partitioner, RoundRobinPartitioner
from dekaf.producer._buffer.waiting_record import WaitingRecord
from dekaf.producer._waiting.callbacks import CallbackThread


def choose_partition(partitioner: Partitioner, topic: str, key: bytes | None, count: int) -> int:
    """Return what a user's partitioner says, -1 for the built-in sticky choice; ProduceError if it makes no sense."""
    chooser: Any = partitioner  # compiled code would make a number of True, and have a TypeError of its own for "0"
    try:
        partition: object = chooser.partition(topic, key, count)
    except Exception as error:
        broken = ProduceError(f"The partitioner {type(partitioner).__name__} raised {error!r}.", topic=topic)
        raise caused_error(broken, error) from error
    if partition is None:
        return -1
    if not _is_partition(partition, count):
        raise ProduceError(
            f"The partitioner {type(partitioner).__name__} returned {partition!r}; the topic has partitions 0 to "
            f"{count - 1}, and None leaves the choice to the built-in partitioner.",
            topic=topic,
        )
    return partition


def is_of_user(partitioner: Partitioner | None) -> bool:
    """Return whether a partitioner may do anything: it is none of ours."""
    return partitioner is not None and not isinstance(partitioner, RoundRobinPartitioner | ConsistentRandomPartitioner)


def _is_partition(returned: object, count: int) -> TypeGuard[int]:
    """A user's code may return anything, whatever its annotations say."""
    return isinstance(returned, int) and not isinstance(returned, bool) and 0 <= returned < count


@final
class PartitionChooser:
    """The thread of one engine, and its partitioner.

    Args:
        partitioner: A user's.
        post: Has a function called on the I/O thread.
        client_id: Names the thread.
    """

    def __init__(self, partitioner: Partitioner, post: Callable[[Callable[[], None]], object], client_id: str) -> None:
        self._partitioner: Final = partitioner
        self._post: Final = post
        self._worker: Final = CallbackThread(f"dekaf-partitioner {client_id}")

    def start(self) -> None:
        """Start the thread now: an interpreter that exits may start none."""
        self._worker.start()

    def ask(self, topic: str, records: list[WaitingRecord], count: int, tell: Callable[[], None]) -> None:
        """Choose a partition out of `count` for each record; then call `tell` on the I/O thread. On the I/O thread."""

        def choose() -> None:
            for record in records:
                self._choose(topic, record, count)
            self._post(tell)

        self._worker.run(choose)

    def stop(self) -> None:
        """Let the thread end once it has done what it was asked; nothing waits for it."""
        self._worker.stop(0.0)

    def _choose(self, topic: str, record: WaitingRecord, count: int) -> None:
        failure: ProduceError | None = None
        chosen = -1
        try:
            chosen = choose_partition(self._partitioner, topic, record.key, count)
        except ProduceError as error:
            failure = error
        except BaseException as error:  # a partitioner that calls sys.exit() must not end this thread
            failure = caused_error(ProduceError(f"The partitioner raised {error!r}.", topic=topic), error)
        record.choose(chosen, count, failure)
