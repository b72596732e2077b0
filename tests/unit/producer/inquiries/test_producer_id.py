"""Asking for the producer id, over a connection."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.errors import BrokerConnectionError, ClusterAuthorizationError, ProduceError
from dekaf.producer._inquiries.producer_id import ProducerIdInquiry
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from tests.unit.network.wire import OFFERED, Wire
from tests.unit.producer.rooms import constant_backoff
from tests.unit.protocol.responses import INIT_PRODUCER_ID

pytestmark = pytest.mark.asyncio

ALSO_IDS = {**OFFERED, ApiKey.INIT_PRODUCER_ID: (0, 4)}
ANSWER = b"\0" + bytes.fromhex(INIT_PRODUCER_ID[4])  # producer id 1000, epoch 7; throttled for 3 ms


class Desk:
    """The inquiry, its source, and the broker it asks."""

    def __init__(self, *, offered: Mapping[int, tuple[int, int]] = ALSO_IDS, is_needed: bool = True) -> None:
        self.wire = Wire(offered=offered)
        self.wire.open()
        self.source = ProducerIdSource(constant_backoff, is_needed=is_needed)
        self.hopeless: list[ProduceError] = []
        self.inquiry = ProducerIdInquiry(self.wire.owner, self.source, self.hopeless.append, hedge_after=1.0)
        self.due = self.inquiry.run(monotonic())


async def test_answer_gives_the_identity_and_its_throttling_is_kept_to() -> None:
    desk = Desk()

    desk.wire.answer(2, ANSWER)

    identity = desk.source.identity
    assert identity is not None
    assert (int(identity.producer_id), int(identity.epoch)) == (1000, 7)
    assert desk.wire.connection.throttled_until > 0
    assert desk.hopeless == []


async def test_nothing_is_asked_where_batches_are_not_numbered() -> None:
    assert Desk(is_needed=False).wire.transport.written == []


async def test_lost_question_is_asked_again_after_a_wait() -> None:
    desk = Desk()

    desk.wire.connection.connection_lost(None)

    assert monotonic() < desk.source.due_at() <= monotonic() + 1.0
    assert desk.hopeless == []


async def test_refusal_for_good_reaches_what_waits() -> None:
    desk = Desk()

    refusal = int(ErrorCode.CLUSTER_AUTHORIZATION_FAILED).to_bytes(2, "big") + b"\xff" * 10
    desk.wire.answer(2, b"\0" + bytes(4) + refusal + b"\0")

    assert [type(error) for error in desk.hopeless] == [ClusterAuthorizationError]


async def test_broker_that_has_no_producer_ids_fails_what_waits_with_a_remedy() -> None:
    desk = Desk(offered=OFFERED)

    (error,) = desk.hopeless
    assert isinstance(error.__cause__, BrokerConnectionError)
    assert "enable_idempotence=False" in str(error)
    assert desk.due == desk.source.due_at() > monotonic()
    assert desk.wire.transport.written == []
