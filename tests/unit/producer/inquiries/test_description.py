"""Who the cluster is, for those who check it: one question answers all that wait, and each is told once."""

from __future__ import annotations

import math
from time import monotonic

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.metadata import MetadataRequest
from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.producer._inquiries.description import DescriptionInquiry, PendingCheck, TopicRights
from dekaf.types import ClusterDescription, ConnectionSecurity
from tests.unit.network.wire import OFFERED, Wire
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import METADATA

pytestmark = pytest.mark.asyncio

Told = list[tuple[ClusterDescription | None, DekafError | None]]


class Desk:
    """The inquiry, and the broker it asks."""

    def __init__(self, *, has_metadata: bool = True) -> None:
        self.wire = Wire(offered={**OFFERED, ApiKey.METADATA: (0, 12)} if has_metadata else OFFERED)
        self.wire.open()
        self.inquiry = DescriptionInquiry(self.wire.owner)

    def check(self, *, timeout: float = 60.0, rights: TopicRights | None = None) -> Told:
        """Add a check; return what it is told."""
        told: Told = []
        self.inquiry.add(
            PendingCheck(lambda description, error: told.append((description, error)), self.now + timeout, rights),
            self.now,
        )
        return told

    @property
    def now(self) -> float:
        return monotonic()

    def run(self) -> None:
        """Look whether there is something to ask."""
        self.inquiry.run(self.now)

    def answer(self, correlation_id: int) -> None:
        """Have the broker describe its cluster."""
        self.wire.answer(correlation_id, b"\0" + bytes.fromhex(METADATA[12]))


async def test_one_question_without_topics_answers_every_check_that_waits() -> None:
    desk = Desk()
    told = [desk.check(), desk.check()]

    desk.run()
    desk.run()
    desk.answer(2)

    (sent,) = desk.wire.transport.written
    assert sent.hex() == frame(ApiKey.METADATA, 12, 2, MetadataRequest(topics=(), allow_auto_topic_creation=False))
    for (description, error), *others in told:
        assert description is not None
        assert (description.cluster_id, description.controller_id) == ("abc", 1)
        assert [(broker.host, broker.port, broker.rack) for broker in description.brokers] == [
            ("b1", 9092, None),
            ("b2", 9093, "r"),
        ]
        assert description.connections == (ConnectionSecurity(broker="b:9092"),)
        assert (error, others) == (None, [])


async def test_nothing_is_asked_while_nobody_checks() -> None:
    desk = Desk()

    assert desk.inquiry.run(desk.now) == math.inf
    assert desk.wire.transport.written == []


async def test_check_that_comes_later_does_not_wait_for_an_earlier_ones_answer() -> None:
    desk = Desk()
    early = desk.check()
    desk.run()
    late = desk.check()
    desk.run()

    assert len(desk.wire.transport.written) == 2
    desk.answer(2)
    assert (len(early), len(late)) == (1, 0)
    desk.answer(3)
    assert (len(early), len(late)) == (1, 1)


async def test_lost_question_is_asked_again_for_those_who_still_wait() -> None:
    desk = Desk()
    patient, gone = desk.check(), desk.check(timeout=0.0)
    desk.run()

    desk.wire.connection.connection_lost(None)

    assert patient == []
    ((description, error),) = gone
    assert description is None
    assert isinstance(error, BrokerConnectionError)
    assert desk.inquiry.due_at(desk.now) <= desk.now


async def test_checks_whose_callers_gave_up_are_forgotten() -> None:
    desk = Desk()
    gone = [desk.check(timeout=-1.0) for _ in range(50)]

    desk.check()

    assert len(desk.inquiry._waiting) == 1
    assert gone == [[]] * 50


async def test_broker_that_cannot_say_is_an_error_to_those_who_wait() -> None:
    desk = Desk(has_metadata=False)
    told = desk.check()

    desk.run()

    ((description, error),) = told
    assert description is None
    assert "does not offer METADATA" in str(error)


async def test_end_is_told_to_those_who_were_not_asked_for_yet() -> None:
    desk = Desk()
    told = desk.check()

    desk.inquiry.abort()
    desk.inquiry.abort()

    assert told == [(None, None)]


async def test_rights_of_a_topic_are_asked_for_with_the_same_question() -> None:
    desk = Desk()
    rights, unknown = TopicRights("t"), TopicRights("gone")
    told = [desk.check(), desk.check(rights=rights), desk.check(rights=unknown), desk.check(rights=TopicRights("t"))]
    desk.run()
    answer = METADATA[12]
    first = answer.find("80000000")
    desk.wire.answer(2, b"\0" + bytes.fromhex(answer[:first] + "00000110" + answer[first + 8 :]))

    (sent,) = desk.wire.transport.written
    question = MetadataRequest(
        topics=("gone", "t"), allow_auto_topic_creation=False, include_topic_authorized_operations=True
    )
    assert sent.hex() == frame(ApiKey.METADATA, 12, 2, question)
    assert [len(each) for each in told] == [1, 1, 1, 1]
    assert (rights.may_write(), unknown.may_write()) == (True, None)


async def test_rights_without_the_one_to_write_are_told_as_such() -> None:
    desk = Desk()
    rights = TopicRights("t")
    desk.check(rights=rights)
    desk.run()
    answer = METADATA[12]
    first = answer.find("80000000")
    desk.wire.answer(2, b"\0" + bytes.fromhex(answer[:first] + "00000108" + answer[first + 8 :]))

    assert rights.may_write() is False
