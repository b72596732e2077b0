"""One question for whatever broker is ready: when it is asked, and in which version."""

from __future__ import annotations

import math

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.init_producer_id import InitProducerIdRequest
from dekaf.errors import ProduceError
from dekaf.producer._inquiries.producer_id import ProducerIdInquiry
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource
from tests.unit.network.wire import OFFERED, Wire
from tests.unit.producer.rooms import constant_backoff
from tests.unit.protocol.requests import frame

pytestmark = pytest.mark.asyncio

NOW = 1_000.0


class Desk:
    """An inquiry, whose answer is the producer id, and the broker that may be asked."""

    def __init__(self, *, version: int = 4) -> None:
        self.wire = Wire(offered={**OFFERED, ApiKey.INIT_PRODUCER_ID: (0, version)})
        self.source = ProducerIdSource(constant_backoff, is_needed=True)
        self.hopeless: list[ProduceError] = []
        self.inquiry = ProducerIdInquiry(self.wire.owner, self.source, self.hopeless.append, hedge_after=1.0)


async def test_question_goes_to_a_ready_broker_once_in_the_version_both_sides_speak() -> None:
    desk = Desk(version=2)
    desk.wire.open()

    desk.inquiry.run(NOW)
    desk.inquiry.run(NOW)

    (sent,) = desk.wire.transport.written
    assert sent.hex() == frame(ApiKey.INIT_PRODUCER_ID, 2, 2, InitProducerIdRequest())


async def test_question_that_is_not_due_yet_is_asked_when_it_is() -> None:
    desk = Desk()
    desk.wire.open()
    desk.source.lost(NOW)  # asked in vain: it has to wait

    assert desk.inquiry.run(NOW + 0.5) == NOW + 1.0
    assert desk.wire.transport.written == []
    desk.inquiry.run(NOW + 1.0)

    assert len(desk.wire.transport.written) == 1


async def test_question_waits_for_a_broker_that_is_ready() -> None:
    desk = Desk()

    assert desk.inquiry.run(NOW) == math.inf  # being ready brings the next pass
    assert desk.source.due_at() <= NOW
    desk.wire.open()
    desk.inquiry.run(NOW)

    assert len(desk.wire.transport.written) == 1
