"""When the cluster is asked for its metadata."""

from __future__ import annotations

import math

import pytest

from dekaf._cluster.refresh import MetadataRefresher


@pytest.fixture
def refresher() -> MetadataRefresher:
    """Asks again after 300 s by itself, and after failures waits 1, 2, 4 … seconds."""
    return MetadataRefresher(300.0, lambda attempt: 2.0 ** (attempt - 1))


def test_first_request_is_due_at_once(refresher: MetadataRefresher) -> None:
    assert refresher.due_at() == 0.0


def test_one_request_is_under_way_at_a_time(refresher: MetadataRefresher) -> None:
    refresher.asked()
    refresher.want()

    assert refresher.due_at() == math.inf


def test_answer_that_is_enough_lasts_for_its_age(refresher: MetadataRefresher) -> None:
    refresher.asked()
    refresher.answered(1_000.0, is_enough=True)

    assert refresher.due_at() == 1_300.0


def test_wish_makes_the_next_request_due_at_once(refresher: MetadataRefresher) -> None:
    refresher.asked()
    refresher.answered(1_000.0, is_enough=True)
    refresher.want()

    assert refresher.due_at() <= 1_000.0


def test_wish_during_a_request_leads_to_another_one(refresher: MetadataRefresher) -> None:
    """The answer may have been on its way when the reason for asking arose."""
    refresher.asked()
    refresher.want()
    refresher.answered(1_000.0, is_enough=True)

    assert refresher.due_at() == 1_001.0


def test_failures_wait_longer_and_longer(refresher: MetadataRefresher) -> None:
    waits = []
    for _ in range(4):
        refresher.asked()
        refresher.failed(1_000.0)
        waits.append(refresher.due_at() - 1_000.0)

    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_answers_that_do_not_help_wait_longer_and_longer(refresher: MetadataRefresher) -> None:
    waits = []
    for _ in range(4):
        refresher.asked()
        refresher.answered(1_000.0, is_enough=False)
        waits.append(refresher.due_at() - 1_000.0)

    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_wishes_do_not_shorten_the_wait(refresher: MetadataRefresher) -> None:
    refresher.asked()
    refresher.failed(1_000.0)
    refresher.want()
    refresher.want()

    assert refresher.due_at() == 1_001.0


def test_success_forgets_the_failures(refresher: MetadataRefresher) -> None:
    for _ in range(3):
        refresher.asked()
        refresher.failed(1_000.0)
    refresher.asked()
    refresher.answered(1_000.0, is_enough=True)
    refresher.want()
    refresher.asked()
    refresher.failed(2_000.0)

    assert refresher.due_at() == 2_001.0


def test_new_topic_does_not_wait_for_another_ones_back_off(refresher: MetadataRefresher) -> None:
    for _ in range(3):
        refresher.asked()
        refresher.answered(1_000.0, is_enough=False)
    refresher.add_topic("new")

    assert refresher.due_at() == 0.0


def test_topic_that_is_known_already_does_wait(refresher: MetadataRefresher) -> None:
    """Or a record every millisecond for a topic that does not exist would mean a request every millisecond."""
    refresher.add_topic("missing")
    refresher.asked()
    refresher.answered(1_000.0, is_enough=False)
    refresher.add_topic("missing")

    assert refresher.due_at() == 1_001.0


def test_topic_added_while_a_request_is_under_way_does_not_wait(refresher: MetadataRefresher) -> None:
    refresher.add_topic("old")
    refresher.asked()
    refresher.add_topic("new")
    refresher.answered(1_000.0, is_enough=False)  # of course: it was not asked about the new one

    assert refresher.due_at() <= 1_000.0


def test_topics_come_and_go(refresher: MetadataRefresher) -> None:
    refresher.add_topic("a")
    refresher.add_topic("b")
    refresher.remove_topic("a")
    refresher.remove_topic("never there")

    assert refresher.topics == {"b"}
