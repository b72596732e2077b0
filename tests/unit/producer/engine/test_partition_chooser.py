"""A user's partitioner: what it may answer, and the thread on which it is asked about parked records."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest

from dekaf.errors import ProduceError
from dekaf.partitioning import ConsistentRandomPartitioner, RoundRobinPartitioner
from dekaf.producer._engine.partition_chooser import PartitionChooser, choose_partition, is_of_user
from tests.unit.producer.rooms import parked_record

PATIENCE = 10.0  # seconds


class Saying:
    """A partitioner that says what it is told, or raises it."""

    def __init__(self, answer: Any) -> None:
        self.threads: set[str] = set()
        self._answer = answer

    def partition(self, _topic: str, _key: bytes | None, _count: int, /) -> int | None:
        self.threads.add(threading.current_thread().name)
        if isinstance(self._answer, BaseException):
            raise self._answer
        answer: int | None = self._answer
        return answer


def test_own_partitioner_may_leave_the_choice() -> None:
    assert choose_partition(Saying(None), "t", b"key", 2) == -1


@pytest.mark.parametrize("answer", [-1, 2, True, "0", 1.0, ValueError("no")], ids=repr)
def test_partitioner_that_makes_no_sense_is_named(answer: Any) -> None:
    with pytest.raises(ProduceError, match="Saying") as caught:
        choose_partition(Saying(answer), "t", b"secret key", 2)

    assert "secret" not in str(caught.value)
    assert caught.value.topic == "t"


def test_partitioners_of_ours_need_no_thread() -> None:
    assert [is_of_user(one) for one in (None, RoundRobinPartitioner(), ConsistentRandomPartitioner(), Saying(0))] == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("answer", [1, None, ValueError("no"), SystemExit("no"), MemoryError()], ids=repr)
def test_it_is_asked_on_a_thread_of_its_own_and_may_do_what_it_likes(answer: Any) -> None:
    posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
    partitioner = Saying(answer)
    chooser = PartitionChooser(partitioner, posted.put, "shop")
    records = [parked_record(partition=-1) for _ in range(3)]
    told: list[str] = []

    chooser.ask("t", records, 2, lambda: told.append("chosen"))
    posted.get(timeout=PATIENCE)()
    chooser.stop()

    assert told == ["chosen"]
    assert partitioner.threads == {"dekaf-partitioner shop"}
    assert [record.chosen_of for record in records] == [2, 2, 2]
    for record in records:
        if isinstance(answer, BaseException):
            with pytest.raises(ProduceError) as caught:
                record.chosen_partition()
            assert caught.value.__cause__ is answer
        else:
            assert record.chosen_partition() == (-1 if answer is None else answer)
