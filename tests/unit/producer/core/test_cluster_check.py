"""One question to the cluster, and its answer."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.producer._core.cluster_check import ClusterCheck
from dekaf.producer._inquiries.description import Described, TopicRights
from dekaf.types import ClusterDescription

ANSWER = ClusterDescription(cluster_id="c", controller_id=1, brokers=())


class FakeEngine:
    def __init__(self, error: DekafError | None = None) -> None:
        self.asked: list[tuple[Described, float]] = []
        self.rights: TopicRights | None = None
        self._error = error

    def describe(self, tell: Described, timeout: float, rights: TopicRights | None = None) -> bool:
        self.rights = rights
        self.asked.append((tell, timeout))
        return True

    def last_error(self) -> DekafError | None:
        return self._error


def check_of(engine: FakeEngine) -> ClusterCheck:
    return ClusterCheck(cast("Any", engine), ["a:1", "b:2"], 2.5)


def test_answer_is_told_and_kept() -> None:
    engine = FakeEngine()
    check = check_of(engine)
    told: list[bool] = []

    assert check.ask(lambda: told.append(True))
    (answered, timeout) = engine.asked[0]
    assert (told, timeout) == ([], 2.5)
    answered(ANSWER, None)

    assert told == [True]
    assert check.result() is ANSWER


@pytest.mark.parametrize("is_told", [True, False])
def test_error_names_the_servers_and_its_cause(is_told: bool) -> None:
    cause = BrokerConnectionError("refused")
    engine = FakeEngine(None if is_told else cause)
    check = check_of(engine)
    check.ask(lambda: None)
    if is_told:
        engine.asked[0][0](None, cause)

    with pytest.raises(BrokerConnectionError, match="No broker of a:1, b:2 answered: refused") as caught:
        check.result()
    assert caught.value.__cause__ is cause


def test_silence_is_told_as_such() -> None:
    with pytest.raises(BrokerConnectionError, match="no answer in time"):
        check_of(FakeEngine()).result()


def test_rights_of_a_topic_are_asked_for_where_somebody_wants_them() -> None:
    engine, rights = FakeEngine(), TopicRights("orders")

    ClusterCheck(cast("Any", engine), ["a:1"], 2.5, rights).ask(lambda: None)

    assert engine.rights is rights
