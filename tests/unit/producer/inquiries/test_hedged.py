"""One question, two brokers: when the second is asked, and whose answer counts."""

from __future__ import annotations

import math

import pytest

from dekaf._cluster.metadata import Broker
from dekaf._network.connection import BrokerConnection
from dekaf._protocol.api import ApiKey
from dekaf.errors import BrokerConnectionError, ProduceError
from dekaf.producer._inquiries.producer_id import ProducerIdInquiry
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from tests.unit.network.wire import OFFERED, Transport, Wire, answer_frame, versions_answer
from tests.unit.producer.rooms import constant_backoff

pytestmark = pytest.mark.asyncio

NOW = 1_000.0
HEDGE_AFTER = 0.5
OFFER = {**OFFERED, ApiKey.INIT_PRODUCER_ID: (0, 4)}


def identity(producer_id: int, error_code: int = 0) -> bytes:
    """Return an answer in version 4."""
    return b"\0" + bytes(4) + error_code.to_bytes(2, "big") + producer_id.to_bytes(8, "big") + bytes(2) + b"\0"


class Desk:
    """An inquiry, and two brokers that may be asked."""

    def __init__(self) -> None:
        self.wire = Wire(offered=OFFER)
        self.wire.open()
        self.source = ProducerIdSource(constant_backoff, is_needed=True)
        self.hopeless: list[ProduceError] = []
        self.inquiry = ProducerIdInquiry(self.wire.owner, self.source, self.hopeless.append, hedge_after=HEDGE_AFTER)
        self.other = Transport()

    def open_other(self) -> BrokerConnection:
        """Connect to the second broker."""
        owner = self.wire.owner
        owner.update_brokers({7: Broker(node_id=7, host="other", port=9092)})
        settings = self.wire.connection._settings
        connection = BrokerConnection(7, "other:9092", settings, owner, api_versions=4, identity=None, peer=None)
        owner._brokers[7].connection = connection
        connection.connection_made(self.other)
        connection.data_received(answer_frame(1, versions_answer(OFFER)))
        self.other.written.clear()
        self.second = connection
        return connection

    def ask_both(self) -> None:
        """Ask the first, and let it take too long."""
        self.inquiry.run(NOW)
        self.open_other()
        self.inquiry.run(NOW + HEDGE_AFTER)


async def test_second_broker_is_asked_when_the_first_takes_too_long_and_not_before() -> None:
    desk = Desk()

    assert desk.inquiry.run(NOW) == NOW + HEDGE_AFTER
    desk.open_other()
    assert desk.inquiry.run(NOW + HEDGE_AFTER - 0.01) == NOW + HEDGE_AFTER
    asked_before = len(desk.other.written)
    assert desk.inquiry.run(NOW + HEDGE_AFTER) == math.inf

    assert asked_before == 0
    assert len(desk.other.written) == 1


async def test_no_third_time() -> None:
    desk = Desk()
    desk.ask_both()

    for second in range(100):
        desk.inquiry.run(NOW + second)

    assert len(desk.other.written) == 1
    assert len(desk.wire.transport.written) == 1


async def test_throttled_broker_is_not_asked() -> None:
    desk = Desk()
    desk.inquiry.run(NOW)
    desk.open_other().hold_back_until(math.inf)

    assert desk.inquiry.run(NOW + HEDGE_AFTER) == math.inf

    assert desk.other.written == []


async def test_first_answer_counts_and_the_late_one_changes_nothing() -> None:
    desk = Desk()
    desk.ask_both()

    desk.second.data_received(answer_frame(2, identity(42)))
    taken = desk.source.identity
    desk.wire.answer(2, identity(41))

    assert taken is not None
    assert taken.producer_id == 42
    assert desk.source.identity is taken


async def test_answer_of_no_use_leaves_the_other_broker_its_time() -> None:
    desk = Desk()
    desk.ask_both()

    desk.wire.answer(2, identity(-1 & (2**64 - 1), error_code=14))  # COORDINATOR_LOAD_IN_PROGRESS
    desk.second.data_received(answer_frame(2, identity(42)))

    assert desk.source.identity is not None
    assert desk.source.identity.producer_id == 42


async def test_question_is_lost_when_both_are() -> None:
    desk = Desk()
    desk.ask_both()

    desk.wire.connection.connection_lost(None)
    due_after_one = desk.source.due_at()
    desk.second.connection_lost(None)

    assert due_after_one == math.inf
    assert desk.source.due_at() < math.inf


async def test_lost_question_counts_no_more_once_it_was_answered() -> None:
    desk = Desk()
    desk.ask_both()
    desk.second.data_received(answer_frame(2, identity(42)))

    desk.wire.connection.connection_lost(BrokerConnectionError("late"))

    assert desk.source.identity is not None
    assert desk.hopeless == []
