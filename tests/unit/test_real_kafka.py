"""When the guard is on, what may pass it, and what it says."""

from __future__ import annotations

import pickle

import pytest

from dekaf.errors import DekafError
from dekaf.real_kafka import RealKafkaGuard, RealKafkaInTestError

KAFKA = [("kafka-1", 9092), ("kafka-2", 9092)]


@pytest.fixture
def guard() -> RealKafkaGuard:
    return RealKafkaGuard()


def is_refused(guard: RealKafkaGuard, servers: list[tuple[str, int]] | None = None) -> bool:
    return guard.refusal_error("the producer", servers or KAFKA) is not None


def test_it_is_off_unless_something_says_that_tests_are_under_way(guard: RealKafkaGuard) -> None:
    assert not guard.is_on
    assert not is_refused(guard)

    guard.switch_on()
    assert is_refused(guard)

    guard.switch_off()
    assert not is_refused(guard)


def test_runs_within_runs_switch_it_on_and_off_in_pairs(guard: RealKafkaGuard) -> None:
    guard.switch_on()
    guard.switch_on()
    guard.switch_off()

    assert is_refused(guard)


def test_it_is_on_while_a_frameworks_test_environment_is_set_up(guard: RealKafkaGuard) -> None:
    is_set_up = [False]

    def environment() -> bool:
        return is_set_up[0]

    guard.add_environment(environment, lambda: None)
    assert not guard.is_on
    is_set_up[0] = True
    assert is_refused(guard)


def test_frameworks_are_asked_for_hints_once_each(guard: RealKafkaGuard) -> None:
    def hint() -> str:
        return "Commit."

    for _ in range(2):
        guard.add_environment(bool, hint)
    guard.add_environment(bool, lambda: None)

    assert guard.hints() == ["Commit."]


def test_permissions_nest_and_end_also_after_an_error(guard: RealKafkaGuard) -> None:
    guard.switch_on()

    with guard.permission():
        with pytest.raises(KeyError), guard.permission():
            raise KeyError
        assert not is_refused(guard)

    assert is_refused(guard)


def test_clusters_of_this_process_may_be_reached(guard: RealKafkaGuard) -> None:
    guard.switch_on()
    addresses = {("127.0.0.1", 1234), ("127.0.0.1", 1235)}

    def cluster() -> set[tuple[str, int]]:
        return addresses

    guard.add_local(cluster)

    assert not is_refused(guard, [("localhost", 1234)])
    assert not is_refused(guard, [("::1", 1234), ("127.0.0.1", 1235)])
    assert is_refused(guard, [("localhost", 9092)])
    assert is_refused(guard, [("localhost", 1234), ("kafka-1", 9092)])
    addresses.clear()
    assert is_refused(guard, [("localhost", 1234)])
    addresses.add(("localhost", 1234))
    guard.remove_local(cluster)
    assert is_refused(guard, [("localhost", 1234)])


def test_followers_hear_when_it_comes_on_and_when_a_permission_ends(guard: RealKafkaGuard) -> None:
    heard: list[bool] = []
    guard.follow(lambda: heard.append(guard.is_on))

    guard.enforce()
    assert heard == []
    guard.switch_on()
    assert heard == [True]
    with guard.permission():
        guard.enforce()
        assert heard == [True]
    assert heard == [True, True]


def test_the_error_names_both_ways_out_and_is_none_of_kafkas(guard: RealKafkaGuard) -> None:
    guard.switch_on()

    error = guard.refusal_error("the producer 'audit' of DEKAF,", KAFKA)

    assert isinstance(error, RealKafkaInTestError)
    assert isinstance(error, RuntimeError)
    assert not isinstance(error, DekafError)
    assert str(error) == (
        "A test was about to reach a real Kafka: the producer 'audit' of DEKAF, at kafka-1:9092, kafka-2:9092. Keep "
        "its messages in memory: with the pytest fixture `kafka`, dekaf.testing.KafkaTestMixin, or backend='memory' in "
        "the settings of tests. Or allow it: @pytest.mark.real_kafka, `with dekaf.testing.allow_real_kafka():`, or "
        "dekaf_real_kafka = true in pytest's configuration for all tests."
    )
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
