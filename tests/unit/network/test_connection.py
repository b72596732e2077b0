"""One connection: versions first, answers in the order of the requests, and no trust after a wrong byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest

from dekaf._network.authentication import TellSalted
from dekaf._network.connection import (
    IDLE_AFTER,
    LAST_CORRELATION_ID,
    WRITE_BUFFER_LIMIT,
    ConnectionState,
    Identity,
)
from dekaf._network.requests import PendingRequest
from dekaf._protocol.api import ApiKey
from dekaf._protocol.api_versions import ApiVersionsRequest
from dekaf._security.credentials import Credentials
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPassword, SaltedPasswords, SaltParameters
from dekaf._security.secret import Secret
from dekaf._wire.reader import Reader
from dekaf.errors import BrokerConnectionError, DekafError, MalformedResponseError
from dekaf.reports import ConnectionSecurity
from tests.unit.network.wire import OFFERED, Wire, answer_frame
from tests.unit.protocol.requests import frame
from tests.unit.protocol.responses import API_VERSIONS
from tests.unit.security.tracebacks import everything_shown, frames_of_dekaf

pytestmark = pytest.mark.asyncio

UNSUPPORTED_VERSION = "0023"
ENDED = BrokerConnectionError("The broker is gone.")


class Asked(PendingRequest):
    """A request that notes how it ended."""

    def __init__(self, error: MalformedResponseError | None = None) -> None:
        super().__init__(ApiKey.PRODUCE)
        self.answers: list[int] = []
        self.losses: list[DekafError] = []
        self.is_written = False
        self._error = error

    def on_response(self, reader: Reader, _version: int) -> None:
        if self._error is not None:
            raise self._error
        self.answers.append(int(reader.take_i32()))

    def on_lost(self, error: DekafError) -> None:
        self.losses.append(error)

    def on_written(self) -> None:
        self.is_written = True


def ask(wire: Wire, *requests: Asked) -> None:
    """Send Produce requests, numbered from 2 on."""
    for request in requests:
        wire.connection.send(request, 7, [b"body"])


# Negotiating.


async def test_versions_are_asked_for_first_and_nothing_else_is_sent_before_they_are_known() -> None:
    wire = Wire()
    connection = wire.connection

    connection.connection_made(wire.transport)

    question = ApiVersionsRequest(client_software_name="dekaf-python", client_software_version="1.0")
    assert b"".join(wire.transport.written).hex() == frame(ApiKey.API_VERSIONS, 4, 1, question)
    assert wire.transport.limit == WRITE_BUFFER_LIMIT
    assert connection.state is ConnectionState.NEGOTIATING
    assert not connection.takes_requests(monotonic())


async def test_it_is_ready_with_the_versions_both_sides_speak() -> None:
    wire = Wire()

    connection = wire.open()

    assert connection.state is ConnectionState.READY
    assert connection.takes_requests(monotonic())
    assert connection.version(ApiKey.PRODUCE) == 13
    assert connection.version(ApiKey.PRODUCE, at_most=12) == 12
    with pytest.raises(BrokerConnectionError, match="does not offer METADATA"):
        connection.version(ApiKey.METADATA)
    assert wire.changes > 0


async def test_broker_that_does_not_know_the_version_of_the_question_is_asked_again_in_one_it_knows() -> None:
    wire = Wire()
    wire.connection.connection_made(wire.transport)
    wire.transport.written.clear()

    wire.answer(1, bytes.fromhex(UNSUPPORTED_VERSION + "00000001" + "001200000002"))  # it knows 0 to 2

    question = ApiVersionsRequest(client_software_name="", client_software_version="")
    assert b"".join(wire.transport.written).hex() == frame(ApiKey.API_VERSIONS, 2, 2, question)
    assert not wire.transport.is_aborted
    wire.answer(2, bytes.fromhex(API_VERSIONS[2]))
    assert wire.connection.is_ready()


async def test_broker_that_throttles_its_very_first_answer_is_left_alone_for_so_long() -> None:
    wire = Wire()
    wire.connection.connection_made(wire.transport)

    wire.answer(1, bytes.fromhex(API_VERSIONS[4]))  # throttled for 7 ms

    assert wire.connection.is_ready()
    assert not wire.connection.takes_requests(wire.connection.throttled_until - 0.001)
    assert wire.connection.takes_requests(wire.connection.throttled_until)


async def test_broker_that_refuses_to_negotiate_is_left() -> None:
    wire = Wire()
    wire.connection.connection_made(wire.transport)

    wire.answer(1, bytes.fromhex("0021" + "01" + "00" * 5))

    assert wire.transport.is_aborted
    assert wire.connection.state is ConnectionState.CLOSED


@pytest.mark.parametrize("answer", ["15030300020246", "1503010002020a", "16030300400100"])
async def test_port_that_answers_in_tls_is_told_from_damaged_bytes(answer: str) -> None:
    wire = Wire()
    wire.connection.connection_made(wire.transport)

    wire.connection.data_received(bytes.fromhex(answer))
    wire.connection.connection_lost(None)

    assert wire.transport.is_aborted
    assert isinstance(wire.owner.last_error, BrokerConnectionError)
    assert "security_protocol" in str(wire.owner.last_error)


async def test_connection_that_was_closed_while_it_was_being_made_does_not_come_to_life() -> None:
    wire = Wire()
    wire.connection.close(ENDED)

    wire.connection.connection_made(wire.transport)

    assert wire.transport.is_aborted
    assert wire.transport.written == []
    assert wire.connection.state is ConnectionState.CLOSED


# What it is protected by.


async def test_connection_tells_how_it_is_protected_while_it_serves() -> None:
    wire = Wire()
    assert wire.connection.security is None

    connection = wire.open()
    assert connection.security == ConnectionSecurity(broker="b:9092")

    connection.close(ENDED)
    assert connection.security is None


@pytest.mark.interpreted
async def test_body_that_is_secret_is_shown_by_no_traceback() -> None:
    wire = Wire()
    wire.open()

    def refuse(_data: bytes) -> None:
        raise RuntimeError("the transport is closing")

    wire.transport.write = refuse  # type: ignore[method-assign, assignment]  # the test's own
    with pytest.raises(RuntimeError) as caught:
        wire.connection.send_secret(Asked(), 2, Secret(b"wonder"))

    assert frames_of_dekaf(caught.value)
    assert "wonder" not in everything_shown(caught.value)


async def test_password_that_is_salted_too_late_is_not_proved() -> None:
    told: list[Callable[[SaltedPassword | None, DekafError | None], None]] = []

    def salt(_parameters: SaltParameters, _password: Secret, tell: TellSalted) -> None:
        told.append(tell)

    alice = Credentials(Mechanism.SCRAM_SHA_256, username="alice", password=Secret(b"wonder"))
    offered = {**OFFERED, ApiKey.SASL_HANDSHAKE: (1, 1), ApiKey.SASL_AUTHENTICATE: (0, 2)}
    wire = Wire(offered=offered, identity=Identity(alice, salt))
    wire.open()
    wire.answer(2, b"\0\0" + bytes(4))
    nonce = wire.transport.written[-1].partition(b",r=")[2][:-1]
    first = b"r=" + nonce + b"more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    wire.answer(3, b"\0" + b"\0\0" + b"\0" + bytes([len(first) + 1]) + first + bytes(9))
    written = len(wire.transport.written)

    wire.connection.close(ENDED)
    told[0](SaltedPasswords().salt(SaltParameters(Mechanism.SCRAM_SHA_256, b"salt", 4096), Secret(b"wonder")), None)

    assert len(wire.transport.written) == written


# Requests and answers.


async def test_answers_reach_the_requests_in_the_order_these_were_sent_in() -> None:
    wire = Wire()
    wire.open()
    first, second = Asked(), Asked()
    ask(wire, first, second)

    wire.connection.data_received(answer_frame(2, b"\0\0\0\1") + answer_frame(3, b"\0\0\0\2"))

    assert (first.answers, second.answers) == ([1], [2])
    assert not wire.connection.pending


async def test_answer_may_come_in_pieces_of_any_size() -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    ask(wire, request)

    for byte in answer_frame(2, b"\0\0\0\7"):
        assert request.answers == []
        wire.connection.data_received(bytes([byte]))

    assert request.answers == [7]


@pytest.mark.parametrize(
    ("arrives", "says"),
    [
        (answer_frame(3, b"body"), "answered request 3 where 2 was due"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"\xff\xff\xff\xff", "-1 bytes"),
        (answer_frame(2, b"bo"), "bytes"),
    ],
    ids=["another's", "http", "negative size", "too short"],
)
async def test_after_a_wrong_byte_every_request_is_lost_and_the_connection_closed(
    arrives: bytes, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    wire = Wire()
    wire.open()
    requests = [Asked(), Asked()]
    ask(wire, *requests)

    wire.connection.data_received(arrives)
    assert wire.transport.is_aborted
    wire.connection.connection_lost(None)

    for request in requests:
        (error,) = request.losses
        assert isinstance(error, MalformedResponseError)
        assert says in str(error)
        assert request.answers == []
    assert not wire.connection.pending

    assert "b:9092" in caplog.text


async def test_answer_that_was_not_understood_counts_as_lost_and_later_ones_are_not_looked_at() -> None:
    wire = Wire()
    wire.open()
    reason = MalformedResponseError("on purpose")
    spoilt, later = Asked(reason), Asked()
    ask(wire, spoilt, later)

    wire.connection.data_received(answer_frame(2, b"\0\0\0\1") + answer_frame(3, b"\0\0\0\2"))
    wire.connection.connection_lost(None)

    assert (spoilt.losses, later.losses) == ([reason], [reason])
    assert later.answers == []


async def test_answer_that_nothing_asked_for_closes_the_connection() -> None:
    wire = Wire()
    wire.open()

    wire.answer(2, b"body")

    assert wire.transport.is_aborted


async def test_numbers_of_requests_begin_again_below_the_last_one() -> None:
    wire = Wire()
    connection = wire.open()
    connection._correlation_id = LAST_CORRELATION_ID - 1
    last, first = Asked(), Asked()

    ask(wire, last, first)

    assert (int(last.correlation_id), int(first.correlation_id)) == (LAST_CORRELATION_ID, 0)


# Ends.


async def test_lost_connection_tells_every_request_what_ended_it() -> None:
    wire = Wire()
    wire.open()
    answered, request = Asked(), Asked()
    ask(wire, answered, request)
    wire.answer(2, b"\0\0\0\0\1")

    wire.connection.connection_lost(ConnectionResetError("reset by peer"))

    (error,) = request.losses
    assert str(error) == "The broker at b:9092 closed the connection: reset by peer."
    assert not wire.connection.ended_idle


async def test_reason_given_to_close_is_the_one_that_requests_hear() -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    ask(wire, request)

    wire.connection.close(ENDED)
    wire.connection.close(BrokerConnectionError("later"))
    assert request.losses == []  # on the loop's next round
    wire.connection.connection_lost(None)

    assert request.losses == [ENDED]


async def test_request_without_an_answer_in_time_closes_the_connection_and_names_the_option() -> None:
    wire = Wire(request_timeout=0.02)
    wire.open()
    request = Asked()
    ask(wire, request)

    while not wire.transport.is_aborted:
        await asyncio.sleep(0.001)
    assert monotonic() >= request.deadline
    wire.connection.connection_lost(None)

    (error,) = request.losses
    assert str(error) == "The broker at b:9092 did not answer within request_timeout_ms=20."


async def test_timer_of_a_request_that_was_answered_looks_for_the_next_ones_deadline() -> None:
    wire = Wire(request_timeout=0.02)
    wire.open()
    answered, waiting = Asked(), Asked()
    ask(wire, answered, waiting)
    wire.answer(2, b"body")

    while not wire.transport.is_aborted:
        await asyncio.sleep(0.001)

    assert monotonic() >= waiting.deadline
    assert answered.losses == []


async def test_connection_that_nobody_used_for_a_while_ends_without_being_in_trouble() -> None:
    wire = Wire()
    wire.open()
    wire.connection.last_used -= IDLE_AFTER

    wire.connection.connection_lost(None)

    assert wire.connection.ended_idle


# Holding back.


async def test_throttling_moves_the_deadlines_of_what_is_under_way_and_ends_by_itself() -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    ask(wire, request)
    deadline = request.deadline
    changes = wire.changes

    wire.connection.throttle(20)

    assert request.deadline == pytest.approx(deadline + 0.02)
    assert not wire.connection.takes_requests(monotonic())
    while wire.changes == changes:
        await asyncio.sleep(0.001)
    assert wire.connection.takes_requests(monotonic())


async def test_no_throttling_holds_nothing_back() -> None:
    wire = Wire()
    wire.open()

    wire.connection.throttle(0)
    wire.connection.throttle(-5)

    assert wire.connection.takes_requests(monotonic())


async def test_no_broker_is_left_alone_for_longer_than_five_minutes_whatever_it_says() -> None:
    wire = Wire()
    wire.open()

    wire.connection.throttle(2**31 - 1)  # 24 days

    assert not wire.connection.takes_requests(monotonic() + 290.0)
    assert wire.connection.takes_requests(monotonic() + 301.0)


async def test_socket_that_does_not_keep_up_gets_no_requests_until_it_does() -> None:
    wire = Wire()
    wire.open()
    changes = wire.changes

    wire.connection.pause_writing()
    assert not wire.connection.takes_requests(monotonic())
    assert wire.changes == changes
    wire.connection.resume_writing()

    assert wire.connection.takes_requests(monotonic())
    assert wire.changes == changes + 1


# Without acknowledgements.


async def test_request_without_an_answer_is_written_and_not_waited_for() -> None:
    wire = Wire()
    wire.open()
    request = Asked()

    wire.connection.send_unanswered(request, 7, [b"bo", b"dy"])
    wire.connection.connection_lost(None)

    (sent,) = wire.transport.written
    assert sent.endswith(b"body")
    assert request.is_written
    assert request.losses == []


async def test_request_without_an_answer_is_written_only_when_the_socket_took_its_last_byte() -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    wire.transport.buffered = 1

    wire.connection.send_unanswered(request, 7, [b"body"])
    wire.connection.pause_writing()
    was_written = request.is_written
    was_busy = wire.connection.is_busy()
    wire.transport.buffered = 0
    wire.connection.resume_writing()

    assert not was_written
    assert was_busy
    assert request.is_written
    assert not wire.connection.is_busy()
    assert wire.transport.limit == 0


async def test_request_that_the_socket_did_not_take_is_lost_with_its_connection() -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    wire.transport.buffered = 1
    wire.connection.send_unanswered(request, 7, [b"body"])

    wire.connection.connection_lost(None)

    assert not request.is_written
    assert len(request.losses) == 1


async def test_buffer_that_was_dropped_with_the_connection_is_not_taken_for_written() -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    wire.transport.is_aborted = True

    wire.connection.send_unanswered(request, 7, [b"body"])
    wire.connection.connection_lost(None)

    assert not request.is_written
    assert len(request.losses) == 1


async def test_socket_that_takes_nothing_for_the_time_of_a_request_is_given_up() -> None:
    wire = Wire(request_timeout=0.02)
    wire.open()
    request = Asked()
    wire.transport.buffered = 1

    wire.connection.send_unanswered(request, 7, [b"body"])
    while not wire.transport.is_aborted:
        await asyncio.sleep(0.005)
    wire.connection.connection_lost(None)

    assert "did not take what it was sent within request_timeout_ms=20" in str(request.losses[0])


async def test_end_of_a_connection_that_carried_such_requests_may_be_a_refusal() -> None:
    wire = Wire()
    wire.open()
    witness = Asked()
    wire.connection.send_unanswered(Asked(), 7, [b"body"])
    ask(wire, witness)

    wire.connection.connection_lost(None)

    assert "With acks='none' that is how it refuses messages" in str(witness.losses[0])


async def test_representation_shows_the_place_the_state_and_what_is_under_way() -> None:
    wire = Wire()
    wire.open()
    ask(wire, Asked())

    assert repr(wire.connection) == "<BrokerConnection -1 b:9092 ready, 1 pending>"


@pytest.mark.parametrize("error", [None, ConnectionResetError("reset by peer"), BrokenPipeError("broken pipe")])
async def test_a_broker_that_closes_at_the_first_request_may_want_a_login(error: OSError | None) -> None:
    wire = Wire()
    wire.open()
    request = Asked()
    ask(wire, request)

    wire.connection.connection_lost(error)

    (loss,) = request.losses
    assert "if its listener wants a login, set security_protocol to SASL_PLAINTEXT" in str(loss)


async def test_a_broker_that_has_served_us_wants_no_login() -> None:
    wire = Wire()
    wire.open()
    answered, lost = Asked(), Asked()
    ask(wire, answered, lost)
    wire.answer(2, b"\0\0\0\0\1")

    wire.connection.connection_lost(None)

    (error,) = lost.losses
    assert str(error) == "The broker at b:9092 closed the connection."
