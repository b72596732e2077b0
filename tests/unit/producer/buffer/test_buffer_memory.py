"""Space: exact, and in turn."""

from __future__ import annotations

import random
import threading

import pytest
from librt.threading import Lock

from dekaf.producer._buffer.buffer_memory import BufferMemory, SpaceWaiter


@pytest.fixture
def memory() -> BufferMemory:
    return BufferMemory(100, Lock())


class Line:
    """People in line, by number, and the order in which they were served."""

    def __init__(self, memory: BufferMemory) -> None:
        self._memory = memory
        self.served: list[int] = []
        self.waiters: list[SpaceWaiter] = []

    def join(self, size: int) -> SpaceWaiter:
        """Line up for `size` bytes."""
        number = len(self.waiters)
        waiter = SpaceWaiter(size, lambda: self.served.append(number))
        self.waiters.append(waiter)
        self._memory.line_up(waiter)
        return waiter


def take(memory: BufferMemory, size: int) -> None:
    memory.free -= size


def test_room_is_what_is_free(memory: BufferMemory) -> None:
    take(memory, 60)

    assert memory.has_space_locked(40)
    assert not memory.has_space_locked(41)


def test_whoever_comes_while_others_wait_has_to_wait(memory: BufferMemory) -> None:
    take(memory, 60)
    Line(memory).join(50)

    assert not memory.has_space_locked(1)


def test_grant_comes_at_once_where_there_is_room(memory: BufferMemory) -> None:
    line = Line(memory)
    waiter = line.join(40)

    assert line.served == [0]
    assert waiter.is_granted
    assert memory.free == 60


def test_line_is_served_in_order(memory: BufferMemory) -> None:
    take(memory, 100)
    line = Line(memory)
    for size in (50, 10, 40):
        line.join(size)

    memory.give_back(49)
    assert line.served == []
    memory.give_back(1)
    assert line.served == [0]
    memory.give_back(50)

    assert line.served == [0, 1, 2]
    assert memory.free == 0


def test_one_return_may_serve_several(memory: BufferMemory) -> None:
    take(memory, 100)
    line = Line(memory)
    for _ in range(5):
        line.join(20)
    memory.give_back(90)

    assert line.served == [0, 1, 2, 3]
    assert memory.free == 10


def test_leaving_the_line_lets_the_next_one_come(memory: BufferMemory) -> None:
    take(memory, 90)
    line = Line(memory)
    large, _ = line.join(50), line.join(10)
    assert line.served == []

    memory.withdraw(large)

    assert line.served == [1]
    assert memory.free == 0


def test_leaving_after_the_grant_gives_it_back(memory: BufferMemory) -> None:
    line = Line(memory)
    granted = line.join(70)
    line.join(40)
    memory.withdraw(granted)

    assert line.served == [0, 1]
    assert memory.free == 60


def test_dismissal_lets_everybody_go_and_what_they_return_adds_up(memory: BufferMemory) -> None:
    take(memory, 100)
    line = Line(memory)
    waiters = [line.join(size) for size in (50, 60)]
    memory.dismiss()

    assert line.served == [0, 1]
    assert not memory.waiters
    for waiter in waiters:
        memory.give_back(waiter.size)
    memory.give_back(100)
    assert memory.free == memory.capacity


def test_whoever_lines_up_after_the_dismissal_is_let_go_at_once(memory: BufferMemory) -> None:
    """Its thread looked for the engine before this one failed: no record will ever give back what others took."""
    take(memory, 100)
    line = Line(memory)
    memory.dismiss()

    waiter = line.join(40)

    assert line.served == [0]
    assert waiter.is_granted
    memory.give_back(100 + 40)
    assert memory.free == memory.capacity


def test_grant_may_use_the_memory_again(memory: BufferMemory) -> None:
    """Grants are given outside the lock: a woken thread takes it at once."""
    take(memory, 100)
    line = Line(memory)

    def grant() -> None:
        memory.give_back(30)
        line.join(10)

    memory.line_up(SpaceWaiter(30, grant))
    memory.give_back(30)

    assert line.served == [0]
    assert memory.free == 20


def test_nothing_gets_lost_between_many_threads() -> None:
    memory = BufferMemory(1_000, Lock())

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(300):
            size = chance.randint(1, 600)
            gate = threading.Lock()
            gate.acquire()
            waiter = SpaceWaiter(size, gate.release)
            memory.line_up(waiter)
            if chance.random() < 0.2:
                memory.withdraw(waiter)
                continue
            assert gate.acquire(timeout=10)
            memory.give_back(size)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert not memory.waiters
    assert memory.free == memory.capacity
