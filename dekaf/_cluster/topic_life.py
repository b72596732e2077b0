"""What an answer about a topic means: that it is still the one we know, that it was created anew, or nothing at all.

A topic that is deleted and created again under its name is another one: other logs, maybe fewer partitions. Since
Metadata 10 (KIP-516) its id tells; before, fewer partitions do, and leader epochs that begin again (KIP-320). Brokers
with old metadata tell those, too.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, final

from dekaf._wire.writer import NULL_UUID


class TopicNews(Enum):
    """What a broker's answer about one topic comes to."""

    NEW = "new"  # nothing was known of it
    SAME = "same"  # the logs are those we know; there may be more of them
    RECREATED = "recreated"  # none of its logs is one we know
    RETURNED = "returned"  # it has an id that we took for a former one: a broker with old metadata had misled us
    STALE = "stale"  # older than what we know: to be ignored
    DOUBTFUL = "doubtful"  # either of the two before: another broker has to be asked


@final
class TopicIdentity:
    """By what a topic is recognised: its id, all zero where the broker gave none, and how many partitions it has.

    What an answer tells may also have leader epochs that are older than those known.
    """

    def __init__(self, topic_id: bytes, count: int, *, has_older_epochs: bool = False) -> None:
        self.topic_id: Final = topic_id
        self.count: Final = count
        self.has_older_epochs: Final = has_older_epochs


def judge_topic(
    known: TopicIdentity | None, told: TopicIdentity, *, is_replaced: bool, is_confirmed: bool
) -> TopicNews:
    """Return what an answer about a topic means.

    Args:
        known: What is known of it.
        told: What the answer says.
        is_replaced: The answer's id is one that the topic had before: a broker has not heard of the new one.
        is_confirmed: Another broker has said the same, or there is none that could.
    """
    if is_replaced:
        return TopicNews.STALE
    if known is None:
        return TopicNews.NEW
    if NULL_UUID not in (known.topic_id, told.topic_id):
        if known.topic_id != told.topic_id:
            return TopicNews.RECREATED
        return TopicNews.SAME if told.count >= known.count else TopicNews.STALE
    # While a cluster is upgraded, some of its brokers answer without ids.
    begins_again = told.has_older_epochs and known.topic_id == told.topic_id  # no broker has told an id yet
    if told.count >= known.count and not begins_again:
        return TopicNews.SAME
    return TopicNews.RECREATED if is_confirmed else TopicNews.DOUBTFUL


@final
class TopicHistories:
    """What has to be remembered of topics besides what they are. Owned by the I/O thread."""

    def __init__(self) -> None:
        self._replaced: dict[str, set[bytes]] = {}
        self._doubts: dict[str, tuple[int, int]] = {}  # the smaller count a broker told, and the broker's node id
        self._returning: dict[str, tuple[bytes, int]] = {}  # a former id that a broker told, and the broker's node id

    def judge(
        self, name: str, known: TopicIdentity | None, told: TopicIdentity, *, told_by: int, is_only_broker: bool
    ) -> TopicNews:
        """Return what an answer about a topic means, and remember what later ones are to be compared with.

        Args:
            name: The topic's.
            known: What is known of it.
            told: What the answer says.
            told_by: The answering broker's node id; negative for a bootstrap server, which may be any broker.
            is_only_broker: The cluster has no other one to ask.
        """
        doubt = self._doubts.pop(name, None)
        is_confirmed = is_only_broker or (
            doubt is not None and doubt[0] == told.count and told_by >= 0 and told_by != doubt[1]
        )
        is_replaced = told.topic_id in self._replaced.get(name, ())
        returning = self._returning.pop(name, None)
        if is_replaced and (is_only_broker or _confirms(returning, told.topic_id, told_by)):
            self._replaced[name].discard(told.topic_id)
            return self._return(name, known)
        if is_replaced and told_by >= 0:
            self._returning[name] = (told.topic_id, told_by)
        news = judge_topic(known, told, is_replaced=is_replaced, is_confirmed=is_confirmed)
        if news is TopicNews.RECREATED and known is not None and known.topic_id != NULL_UUID:
            self._replaced.setdefault(name, set()).add(known.topic_id)
        if news is TopicNews.DOUBTFUL and told_by >= 0:
            self._doubts[name] = (told.count, told_by)
        return news

    def _return(self, name: str, known: TopicIdentity | None) -> TopicNews:
        """Believe a former id: no topic gets one back, so the one known, from a broker with old metadata, was older."""
        if known is None:
            return TopicNews.NEW
        if known.topic_id != NULL_UUID:
            self._replaced[name].add(known.topic_id)
        return TopicNews.RETURNED

    def was_replaced(self, name: str, topic_id: bytes) -> None:
        """Note that a topic had that id before, as was learned by other means."""
        self._replaced.setdefault(name, set()).add(topic_id)


def _confirms(returning: tuple[bytes, int] | None, topic_id: bytes, told_by: int) -> bool:
    """Return whether a second broker tells the same former id, with nobody in between who told another."""
    return returning is not None and returning[0] == topic_id and told_by >= 0 and told_by != returning[1]
