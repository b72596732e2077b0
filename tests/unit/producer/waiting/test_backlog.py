"""How many callbacks are due in one place, and who waits until they are fewer."""

from __future__ import annotations

import threading

from dekaf.producer._waiting.backlog import MOST_CALLBACKS, CallbackBacklog


class Running:
    """A batch whose callbacks run."""

    def __init__(self, called: int) -> None:
        self.called = called


def backlog_of(most: int) -> CallbackBacklog:
    backlog = CallbackBacklog("there")
    backlog.most = most
    return backlog


def test_it_is_full_from_the_bound_on_and_no_longer_below_it() -> None:
    backlog = CallbackBacklog("there")
    backlog.add(MOST_CALLBACKS - 1)
    assert not backlog.is_full

    backlog.add(1)
    assert (backlog.is_full, backlog.pending()) == (True, MOST_CALLBACKS)

    backlog.remove(1)
    assert (backlog.is_full, backlog.pending()) == (False, MOST_CALLBACKS - 1)


def test_callbacks_of_a_batch_that_runs_are_pending_until_they_have_run() -> None:
    backlog = backlog_of(10)
    backlog.add(5)
    backlog.add(2)

    backlog.begin(Running(3))
    assert backlog.pending() == 4
    backlog.remove(5)

    assert backlog.pending() == 2


def test_all_who_wait_are_let_go_when_there_are_fewer() -> None:
    backlog = backlog_of(10)
    granted: list[int] = []
    backlog.add(12)
    assert all(backlog.line_up(lambda number=number: granted.append(number)) for number in range(3))  # type: ignore[misc]

    backlog.remove(2)
    assert granted == []
    backlog.remove(1)

    assert granted == [0, 1, 2]
    backlog.remove(1)
    assert granted == [0, 1, 2]


def test_nobody_waits_while_there_are_few() -> None:
    backlog = backlog_of(10)
    backlog.add(9)

    assert not backlog.line_up(lambda: None)


def test_who_has_left_the_line_is_not_let_go() -> None:
    backlog = backlog_of(1)
    granted: list[int] = []

    def grant() -> None:
        granted.append(1)

    backlog.add(1)
    backlog.line_up(grant)
    for _ in range(2):
        backlog.withdraw(grant)
    backlog.remove(1)

    assert granted == []


def test_counts_of_several_threads_add_up() -> None:
    backlog = backlog_of(10)

    def come_and_go() -> None:
        for _ in range(2_000):
            backlog.add(3)
            backlog.remove(3)

    workers = [threading.Thread(target=come_and_go) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert (backlog.pending(), backlog.is_full) == (0, False)


def test_error_says_where_they_are_to_run_and_what_to_do() -> None:
    backlog = backlog_of(10)
    backlog.add(7)

    error = backlog.exhausted_error("t", "this call does not wait")

    assert str(error).startswith("t: 7 on_delivery callbacks are still to run there, and this call does not wait.")
    assert "do less in a callback" in str(error)
    assert (error.is_retriable, error.may_be_persisted) == (True, False)
