"""When the cluster is asked for its metadata, and for which topics."""

from __future__ import annotations

import math

import pytest

from dekaf._cluster.refresh import MetadataQuestion, MetadataRefresher

NOW = 1_000.0


class Asking:
    """A refresher that asks again after 300 s by itself, and after failures waits 1, 2, 4 … seconds."""

    def __init__(self) -> None:
        self.with_record: set[str] = set()
        self.refresher = MetadataRefresher(300.0, lambda attempt: 2.0 ** (attempt - 1), self.with_record.__contains__)

    def add(self, name: str, *, has_record: bool = True) -> None:
        """Have a caller begin to use a topic."""
        if has_record:
            self.with_record.add(name)
        self.refresher.add_topic(name)

    def ask(self, now: float = NOW) -> MetadataQuestion:
        """Ask what is due."""
        question = self.refresher.question(now)
        self.refresher.asked(question)
        return question

    def answer(self, *known: str, still: tuple[str, ...] = (), now: float = NOW) -> None:
        """Have the answer come, in which these topics are known for the first time."""
        for name in known:
            self.with_record.discard(name)
            self.refresher.has_become_known(name)
        self.refresher.answered(now, still)

    def learn(self, *names: str) -> None:
        """Have topics become known."""
        for name in names:
            self.add(name)
        self.ask()
        self.answer(*names)

    def wait(self) -> float:
        """Return after how long the next request is due."""
        return self.refresher.due_at() - NOW


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_first_request_is_due_at_once(asking: Asking) -> None:
    assert asking.refresher.due_at() == 0.0


def test_one_request_is_under_way_at_a_time(asking: Asking) -> None:
    asking.ask()
    asking.refresher.want()

    assert asking.refresher.due_at() == math.inf


def test_answer_that_is_enough_lasts_for_its_age(asking: Asking) -> None:
    asking.ask()
    asking.answer()

    assert asking.wait() == 300.0


def test_wish_makes_the_next_request_due_at_once(asking: Asking) -> None:
    asking.ask()
    asking.answer()
    asking.refresher.want()

    assert asking.wait() <= 0.0


def test_wish_during_a_request_leads_to_another_one(asking: Asking) -> None:
    """The answer may have been on its way when the reason for asking arose."""
    asking.ask()
    asking.refresher.want()
    asking.answer()

    assert asking.wait() == 1.0


def test_failures_wait_longer_and_longer(asking: Asking) -> None:
    waits = []
    for _ in range(4):
        asking.ask()
        asking.refresher.failed(NOW)
        waits.append(asking.wait())

    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_answers_that_do_not_help_wait_longer_and_longer(asking: Asking) -> None:
    asking.learn("t")
    waits = []
    for _ in range(4):
        asking.refresher.want_topic("t")
        assert asking.ask().topics == ["t"]
        asking.answer(still=("t",))
        waits.append(asking.wait())

    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_wishes_do_not_shorten_the_wait(asking: Asking) -> None:
    asking.ask()
    asking.refresher.failed(NOW)
    asking.refresher.want()
    asking.refresher.want()

    assert asking.wait() == 1.0


def test_success_forgets_the_failures(asking: Asking) -> None:
    for _ in range(3):
        asking.ask()
        asking.refresher.failed(NOW)
    asking.ask()
    asking.answer()
    asking.refresher.want()
    asking.ask()
    asking.refresher.failed(NOW)

    assert asking.wait() == 1.0


def test_new_topic_does_not_wait_for_another_ones_back_off(asking: Asking) -> None:
    asking.add("missing")
    for _ in range(3):
        asking.ask()
        asking.answer()
    asking.add("new")

    assert asking.refresher.due_at() == 0.0


def test_topic_that_is_asked_for_already_does_wait(asking: Asking) -> None:
    """Or a record every millisecond for a topic that does not exist would mean a request every millisecond."""
    asking.add("missing")
    asking.ask()
    asking.answer()
    asking.add("missing")

    assert asking.wait() == 1.0


def test_topic_added_while_a_request_is_under_way_does_not_wait(asking: Asking) -> None:
    asking.add("old")
    asking.ask()
    asking.add("new")
    asking.answer()  # of course it was not enough: it was not asked about the new one

    assert asking.wait() <= 0.0


def test_new_topic_asks_for_itself_alone(asking: Asking) -> None:
    asking.learn("a", "b")
    asking.add("new")

    question = asking.ask()

    assert question.topics == ["new"]
    assert question.may_create


def test_new_topic_does_not_put_off_the_refresh(asking: Asking) -> None:
    asking.learn("a")
    asking.add("new")
    asking.ask(NOW + 299.0)
    asking.answer("new", now=NOW + 299.0)

    assert asking.wait() == 300.0
    refresh = asking.ask(NOW + 300.0)
    assert (refresh.topics, refresh.is_full, refresh.may_create) == (["a", "new"], True, False)


def test_topic_is_created_only_for_a_record_that_waits(asking: Asking) -> None:
    asking.learn("known")
    asking.add("looked at", has_record=False)
    question = asking.ask()
    assert (question.topics, question.may_create) == (["looked at"], False)
    asking.answer()

    asking.with_record.add("looked at")

    question = asking.ask()
    assert (question.topics, question.may_create) == (["looked at"], True)


def test_topic_that_nobody_creates_does_not_keep_the_others_from_being_asked_for(asking: Asking) -> None:
    asking.learn("known")
    asking.add("missing")
    asked = []
    for _ in range(4):
        asking.refresher.want_topic("known")
        question = asking.ask()
        asked.append((question.topics, question.may_create))
        asking.answer()

    assert asked == [(["missing"], True), (["known"], False)] * 2


def test_missing_leader_asks_for_its_topic_alone(asking: Asking) -> None:
    asking.learn("a", "b")
    asking.refresher.want_topic("b")

    question = asking.ask()

    assert (question.topics, question.may_create, question.is_full) == (["b"], False, False)


def test_topic_that_is_not_known_is_not_wanted_besides(asking: Asking) -> None:
    asking.learn("a")
    asking.refresher.want_topic("forgotten")

    assert asking.wait() == 300.0


def test_lost_question_is_asked_again(asking: Asking) -> None:
    asking.learn("a", "b")
    asking.refresher.want_topic("b")
    asking.ask()
    asking.refresher.failed(NOW)
    assert asking.ask().topics == ["b"]
    asking.answer()
    asking.refresher.want()
    asking.ask()
    asking.refresher.failed(NOW)

    assert asking.ask().topics == ["a", "b"]


def test_doubt_asks_another_broker_once(asking: Asking) -> None:
    asking.learn("a")
    asking.refresher.doubt(["a"], 7)
    assert asking.refresher.avoided == 7

    assert asking.ask().topics == ["a"]
    assert asking.refresher.avoided is None


def test_forgotten_topics_are_not_asked_for(asking: Asking) -> None:
    asking.learn("a", "b")
    asking.refresher.want_topic("a")
    asking.refresher.remove_topic("a")
    asking.refresher.remove_topic("never there")
    asking.refresher.want()

    assert asking.ask().topics == ["b"]
