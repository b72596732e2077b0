"""What an answer about a topic means: each case of the table, and what is remembered between answers."""

from __future__ import annotations

import pytest

from dekaf._cluster.topic_life import TopicHistories, TopicIdentity, TopicNews, judge_topic

NO_ID = bytes(16)
ID, OTHER = b"i" * 16, b"o" * 16


def one(topic_id: bytes, count: int) -> TopicIdentity:
    return TopicIdentity(topic_id, count)


def older(topic_id: bytes, count: int) -> TopicIdentity:
    """What an answer tells whose leader epochs are older than those known."""
    return TopicIdentity(topic_id, count, has_older_epochs=True)


@pytest.mark.parametrize(
    ("known", "told", "unconfirmed", "confirmed"),
    [
        (None, one(ID, 2), TopicNews.NEW, TopicNews.NEW),
        (None, one(NO_ID, 2), TopicNews.NEW, TopicNews.NEW),
        (one(ID, 2), one(ID, 1), TopicNews.STALE, TopicNews.STALE),
        (one(ID, 2), one(ID, 2), TopicNews.SAME, TopicNews.SAME),
        (one(ID, 2), one(ID, 3), TopicNews.SAME, TopicNews.SAME),
        (one(ID, 2), one(OTHER, 1), TopicNews.RECREATED, TopicNews.RECREATED),
        (one(ID, 2), one(OTHER, 2), TopicNews.RECREATED, TopicNews.RECREATED),
        (one(ID, 2), one(OTHER, 3), TopicNews.RECREATED, TopicNews.RECREATED),
        (one(NO_ID, 2), one(NO_ID, 1), TopicNews.DOUBTFUL, TopicNews.RECREATED),
        (one(NO_ID, 2), one(NO_ID, 2), TopicNews.SAME, TopicNews.SAME),
        (one(NO_ID, 2), one(NO_ID, 3), TopicNews.SAME, TopicNews.SAME),
        (one(NO_ID, 2), one(ID, 1), TopicNews.DOUBTFUL, TopicNews.RECREATED),
        (one(NO_ID, 2), one(ID, 2), TopicNews.SAME, TopicNews.SAME),
        (one(ID, 2), one(NO_ID, 1), TopicNews.DOUBTFUL, TopicNews.RECREATED),
        (one(ID, 2), one(NO_ID, 2), TopicNews.SAME, TopicNews.SAME),
        (one(ID, 2), older(ID, 2), TopicNews.SAME, TopicNews.SAME),
        (one(NO_ID, 2), older(NO_ID, 2), TopicNews.DOUBTFUL, TopicNews.RECREATED),
        (one(NO_ID, 2), older(NO_ID, 3), TopicNews.DOUBTFUL, TopicNews.RECREATED),
        (one(NO_ID, 2), older(ID, 2), TopicNews.SAME, TopicNews.SAME),
        (one(ID, 2), older(NO_ID, 2), TopicNews.SAME, TopicNews.SAME),
    ],
)
def test_every_case_has_its_meaning(
    known: TopicIdentity | None, told: TopicIdentity, unconfirmed: TopicNews, confirmed: TopicNews
) -> None:
    assert judge_topic(known, told, is_replaced=False, is_confirmed=False) is unconfirmed
    assert judge_topic(known, told, is_replaced=False, is_confirmed=True) is confirmed
    assert judge_topic(known, told, is_replaced=True, is_confirmed=True) is TopicNews.STALE


class Answers:
    """A topic, and one answer about it after the other."""

    def __init__(self, topic_id: bytes, count: int) -> None:
        self.histories = TopicHistories()
        self.known = one(topic_id, count)

    def tell(self, topic_id: bytes, count: int, *, told_by: int = 1, is_only_broker: bool = False) -> TopicNews:
        told = one(topic_id, count)
        news = self.histories.judge("t", self.known, told, told_by=told_by, is_only_broker=is_only_broker)
        if news in (TopicNews.RECREATED, TopicNews.RETURNED):
            self.known = told
        return news


def test_replaced_id_never_comes_back() -> None:
    answers = Answers(ID, 2)
    assert answers.tell(OTHER, 2) is TopicNews.RECREATED

    assert answers.tell(ID, 2) is TopicNews.STALE
    assert answers.tell(b"3" * 16, 2) is TopicNews.RECREATED
    assert answers.tell(ID, 2) is TopicNews.STALE
    assert answers.tell(OTHER, 2) is TopicNews.STALE


def test_former_id_that_two_brokers_tell_was_none() -> None:
    """The id in its place came from a broker with old metadata, and had never been heard of before."""
    answers = Answers(ID, 2)
    assert answers.tell(OTHER, 2, told_by=3) is TopicNews.RECREATED

    assert answers.tell(ID, 2, told_by=1) is TopicNews.STALE
    assert answers.tell(OTHER, 2, told_by=3) is TopicNews.SAME
    assert answers.tell(ID, 2, told_by=1) is TopicNews.STALE
    assert answers.tell(ID, 2, told_by=1) is TopicNews.STALE
    assert answers.tell(ID, 2, told_by=-1) is TopicNews.STALE
    assert answers.tell(ID, 2, told_by=1) is TopicNews.STALE
    assert answers.tell(ID, 2, told_by=2) is TopicNews.RETURNED
    assert answers.tell(OTHER, 2, told_by=3) is TopicNews.STALE


def test_former_id_that_the_only_broker_tells_was_none() -> None:
    answers = Answers(ID, 2)
    answers.tell(OTHER, 2)

    assert answers.tell(ID, 2, is_only_broker=True) is TopicNews.RETURNED


def test_forgotten_topic_is_new_under_a_former_id_that_two_brokers_tell() -> None:
    answers = Answers(ID, 2)
    answers.tell(OTHER, 2)
    news = [answers.histories.judge("t", None, one(ID, 2), told_by=node, is_only_broker=False) for node in (1, 2)]

    assert news == [TopicNews.STALE, TopicNews.NEW]


def test_replaced_id_does_not_come_back_to_a_topic_that_was_forgotten() -> None:
    answers = Answers(ID, 2)
    answers.tell(OTHER, 2)

    assert answers.histories.judge("t", None, one(ID, 2), told_by=1, is_only_broker=False) is TopicNews.STALE


def test_fewer_partitions_without_an_id_take_two_brokers() -> None:
    answers = Answers(NO_ID, 8)

    assert answers.tell(NO_ID, 2, told_by=1) is TopicNews.DOUBTFUL
    assert answers.tell(NO_ID, 2, told_by=1) is TopicNews.DOUBTFUL
    assert answers.tell(NO_ID, 2, told_by=2) is TopicNews.RECREATED


def test_brokers_that_do_not_agree_leave_the_topic_as_it_is() -> None:
    answers = Answers(NO_ID, 8)

    assert answers.tell(NO_ID, 2, told_by=1) is TopicNews.DOUBTFUL
    assert answers.tell(NO_ID, 4, told_by=2) is TopicNews.DOUBTFUL
    assert answers.tell(NO_ID, 8, told_by=3) is TopicNews.SAME
    assert answers.tell(NO_ID, 4, told_by=1) is TopicNews.DOUBTFUL


def test_bootstrap_server_confirms_nothing_for_it_may_be_the_broker_in_doubt() -> None:
    answers = Answers(NO_ID, 8)

    assert answers.tell(NO_ID, 2, told_by=1) is TopicNews.DOUBTFUL
    assert answers.tell(NO_ID, 2, told_by=-1) is TopicNews.DOUBTFUL
    assert answers.tell(NO_ID, 2, told_by=2) is TopicNews.DOUBTFUL


def test_only_broker_of_a_cluster_is_believed() -> None:
    assert Answers(NO_ID, 8).tell(NO_ID, 2, is_only_broker=True) is TopicNews.RECREATED
