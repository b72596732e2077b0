"""Whether the cluster can be reached: what starts, holds and ends the clock. Times are given; nothing waits."""

from __future__ import annotations

import math

import pytest

from dekaf._network.reachability import GRACE, TICK, ClusterState, Reachability

AFTER = 5.0
REQUEST = 10.0
T = 1_000.0


class Watch:
    """A reachability that is looked at as often as it asks for."""

    def __init__(self, after: float = AFTER) -> None:
        self.reachability = Reachability(after, REQUEST)
        self.now = T

    def fail(self, silent_since: float | None = None) -> None:
        """Fail now."""
        self.reachability.failed(self.now, silent_since)

    def pass_to(self, moment: float, *, are_all_tried: bool = True) -> ClusterState:
        """Look whenever it is due, until a moment."""
        while True:
            due = self.reachability.look(self.now, are_all_tried=are_all_tried)
            if due > moment:
                break
            self.now = max(due, self.now + 0.001)
        self.now = moment
        self.reachability.look(self.now, are_all_tried=are_all_tried)
        return self.reachability.state


def test_nothing_is_wrong_until_something_fails() -> None:
    watch = Watch()

    assert watch.pass_to(T + 100.0) is ClusterState.REACHABLE
    assert watch.reachability.look(watch.now, are_all_tried=False) == math.inf
    assert watch.reachability.unavailable_for(watch.now) is None


def test_cluster_is_away_once_attempts_have_failed_for_long_enough() -> None:
    watch = Watch()
    watch.fail()

    assert watch.pass_to(T + 4.9) is ClusterState.FAILING
    watch.fail()  # again: the clock runs since the first
    assert watch.reachability.unavailable_for(watch.now) == pytest.approx(4.9)
    assert watch.pass_to(T + 5.0) is ClusterState.AWAY
    assert watch.reachability.look(watch.now, are_all_tried=True) == math.inf
    assert watch.reachability.unavailable_for(T + 60.0) == pytest.approx(60.0)


@pytest.mark.parametrize("moment", [T + 3.0, T + 30.0])
def test_first_broker_that_is_ready_ends_it_and_the_clock_begins_afresh(moment: float) -> None:
    watch = Watch()
    watch.fail()
    watch.pass_to(moment)

    watch.reachability.ready()

    assert not watch.reachability.is_failing()
    watch.fail()
    assert watch.pass_to(moment + 4.9) is ClusterState.FAILING
    assert watch.pass_to(moment + 5.0) is ClusterState.AWAY


def test_silence_counts_from_the_last_sign_of_life() -> None:
    watch = Watch()
    watch.fail(silent_since=T - REQUEST)

    assert watch.pass_to(T) is ClusterState.AWAY


@pytest.mark.parametrize("silent_for", [2.0, 6.0])
def test_silence_alone_is_no_outage_before_a_request_would_time_out(silent_for: float) -> None:
    watch = Watch()
    watch.fail(silent_since=T - silent_for)

    assert watch.pass_to(T - silent_for + 9.9) is ClusterState.FAILING
    assert watch.pass_to(T - silent_for + 10.0) is ClusterState.AWAY


def test_refusal_after_silence_needs_no_more_patience() -> None:
    watch = Watch()
    watch.fail(silent_since=T - 2.0)
    watch.pass_to(T + 1.0)
    watch.fail()

    assert watch.pass_to(T + 3.0) is ClusterState.AWAY


def test_time_in_which_the_process_was_frozen_does_not_count() -> None:
    watch = Watch()
    watch.fail()
    watch.pass_to(T + 2.0)

    watch.now += 60.0  # nobody looked: the process was stopped
    assert watch.pass_to(T + 62.0 + 2.0) is ClusterState.FAILING
    assert watch.pass_to(T + 62.0 + 3.0 + TICK) is ClusterState.AWAY
    assert watch.reachability.unavailable_for(watch.now) == pytest.approx(5.0, abs=2 * TICK)


def test_silence_before_the_process_stood_still_is_all_that_counts() -> None:
    """What the connection tells leaves out the lateness of its own timer."""
    watch = Watch()
    watch.fail(silent_since=T - 1.0)

    assert watch.reachability.unavailable_for(T) == pytest.approx(1.0)


def test_brokers_that_were_not_tried_have_a_moment_to_show_themselves() -> None:
    """One of three hangs, and its silence is noticed late; the others may well be there."""
    watch = Watch()
    watch.fail(silent_since=T - REQUEST)

    assert watch.pass_to(T + GRACE - 0.01, are_all_tried=False) is ClusterState.FAILING
    watch.reachability.ready()
    assert watch.pass_to(T + 60.0) is ClusterState.REACHABLE


def test_brokers_that_do_not_show_themselves_do_not_hold_it_up_for_long() -> None:
    watch = Watch()
    watch.fail(silent_since=T - REQUEST)

    assert watch.pass_to(T + GRACE, are_all_tried=False) is ClusterState.AWAY


def test_silence_is_not_in_the_future() -> None:
    watch = Watch()
    watch.fail(silent_since=T + 3.0)

    assert watch.reachability.unavailable_for(T) == 0.0


def test_clock_can_run_without_an_end() -> None:
    watch = Watch(math.inf)
    watch.fail()

    assert watch.pass_to(T + 600.0) is ClusterState.FAILING
    assert watch.reachability.unavailable_for(watch.now) == pytest.approx(600.0)


def test_ready_broker_without_trouble_before_is_no_news() -> None:
    watch = Watch()
    watch.reachability.ready()

    assert watch.reachability.state is ClusterState.REACHABLE
