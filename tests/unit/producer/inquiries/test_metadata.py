"""Asking for the cluster's metadata, over a connection."""

from __future__ import annotations

from time import monotonic

import pytest

from dekaf._cluster.recovery import MetadataRecovery
from dekaf._cluster.refresh import MetadataRefresher
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.metadata import MetadataRequest, MetadataResponse
from dekaf.producer._inquiries.metadata import MetadataInquiry
from tests.unit.network.wire import OFFERED, Wire
from tests.unit.producer.rooms import constant_backoff
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import METADATA

pytestmark = pytest.mark.asyncio

ANSWER = b"\0" + bytes.fromhex(METADATA[12])  # brokers 1 and 2, the topics t and gone; throttled for 3 ms

TRIGGER = 40.0  # seconds


class Desk:
    """The inquiry, and the broker it asks."""

    def __init__(self, *, is_enough: bool = True, creates_topics: bool = True, version: int | None = 12) -> None:
        self.wire = Wire(offered=OFFERED if version is None else {**OFFERED, ApiKey.METADATA: (0, version)})
        self.wire.open()
        self.answers: list[MetadataResponse] = []
        self.adopted: list[str | None] = []
        self.with_record: set[str] = set()
        self.refresher = MetadataRefresher(300.0, constant_backoff, self.with_record.__contains__)
        self._is_enough = is_enough
        self.inquiry = MetadataInquiry(
            self.wire.owner,
            self.refresher,
            self._take_over,
            self.adopted.append,
            MetadataRecovery(TRIGGER),
            hedge_after=1.0,
            allow_auto_create_topics=creates_topics,
        )

    def run(self) -> None:
        """Look whether there is something to ask."""
        self.due = self.inquiry.run(monotonic())

    def _take_over(self, response: MetadataResponse, told_by: int) -> set[str]:
        self.answers.append(response)
        self.told_by = told_by
        return set() if self._is_enough else {"t"}


def refusal(code: int) -> bytes:
    """Return version 13 of an answer that names nothing but an error."""
    return b"\0" + bytes(4) + b"\1" + b"\0" + b"\xff" * 4 + b"\1" + code.to_bytes(2, "big", signed=True) + b"\0"


@pytest.mark.parametrize("creates_topics", [True, False])
async def test_topics_for_which_records_wait_are_asked_for(creates_topics: bool) -> None:
    desk = Desk(creates_topics=creates_topics)
    for topic in ("orders", "audit"):
        desk.with_record.add(topic)
        desk.refresher.add_topic(topic)

    desk.run()
    desk.run()  # the first is under way

    question = MetadataRequest(topics=("audit", "orders"), allow_auto_topic_creation=creates_topics)
    (sent,) = desk.wire.transport.written
    assert sent.hex() == frame(ApiKey.METADATA, 12, 2, question)


async def test_refresh_creates_nothing() -> None:
    desk = Desk()
    desk.refresher.has_become_known("orders")

    desk.run()

    question = MetadataRequest(topics=("orders",), allow_auto_topic_creation=False)
    (sent,) = desk.wire.transport.written
    assert sent.hex() == frame(ApiKey.METADATA, 12, 2, question)


async def test_broker_in_doubt_is_asked_again_only_if_there_is_no_other() -> None:
    desk = Desk()
    desk.refresher.doubt([], desk.wire.connection.node_id)

    desk.run()

    assert len(desk.wire.transport.written) == 1


async def test_answer_is_taken_over_and_the_next_one_is_due_when_it_is_old() -> None:
    desk = Desk()
    desk.run()

    desk.wire.answer(2, ANSWER)

    (answer,) = desk.answers
    assert [topic.name for topic in answer.topics] == ["t", "gone"]
    assert desk.told_by == desk.wire.connection.node_id
    assert desk.wire.connection.throttled_until > 0
    assert desk.refresher.due_at() == pytest.approx(monotonic() + 300.0, abs=30.0)


async def test_answer_that_does_not_help_is_followed_by_another_question_after_a_wait() -> None:
    desk = Desk(is_enough=False)
    desk.run()

    desk.wire.answer(2, ANSWER)

    assert desk.refresher.due_at() <= monotonic() + 1.0


@pytest.mark.parametrize("code", [ErrorCode.NONE, ErrorCode.UNKNOWN_SERVER_ERROR])
async def test_answer_without_brokers_or_with_an_error_is_none(code: ErrorCode) -> None:
    desk = Desk(version=13)
    desk.run()

    desk.wire.answer(2, refusal(code))

    assert desk.answers == []
    assert monotonic() < desk.refresher.due_at() <= monotonic() + 1.0


async def test_broker_of_another_cluster_sends_the_client_back_to_the_bootstrap_servers() -> None:
    desk = Desk(version=13)
    desk.run()

    desk.wire.answer(2, refusal(ErrorCode.REBOOTSTRAP_REQUIRED))

    assert desk.wire.transport.is_aborted
    assert desk.answers == []


async def test_lost_question_is_asked_again_after_a_wait() -> None:
    desk = Desk()
    desk.run()

    desk.wire.connection.connection_lost(None)

    assert monotonic() < desk.refresher.due_at() <= monotonic() + 1.0


async def test_broker_that_knows_no_metadata_is_left() -> None:
    desk = Desk(version=6)

    desk.run()

    assert desk.due > monotonic() + TRIGGER - 5.0  # only to begin again
    assert desk.wire.transport.is_aborted
    assert desk.wire.transport.written == []


async def test_without_usable_metadata_for_too_long_the_bootstrap_servers_are_asked_again() -> None:
    desk = Desk()
    began = monotonic()
    desk.inquiry.run(began)

    desk.inquiry.run(began + TRIGGER - 1.0)
    was_aborted = desk.wire.transport.is_aborted
    desk.inquiry.run(began + TRIGGER)

    assert not was_aborted
    assert desk.wire.transport.is_aborted


async def test_usable_answer_in_time_keeps_the_brokers() -> None:
    desk = Desk()
    desk.run()
    desk.wire.answer(2, ANSWER)

    desk.inquiry.run(monotonic() + TRIGGER)

    assert not desk.wire.transport.is_aborted


async def test_server_that_is_no_broker_is_named_for_what_it_is() -> None:
    desk = Desk(version=None)

    desk.run()
    desk.wire.connection.connection_lost(None)

    assert desk.wire.transport.is_aborted
    assert "is no broker: it offers no metadata. It may be a KRaft controller" in str(desk.wire.owner.last_error)
