"""The model of a connection's states: whatever a broker says, and whenever, it is in the state that the model is in."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dekaf._network.connection import BrokerConnection, ConnectionState, Identity
from dekaf._network.requests import PendingRequest
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._security.credentials import Credentials
from dekaf._security.mechanism import Mechanism
from dekaf._security.salted_password import SaltedPassword, SaltedPasswords, SaltParameters
from dekaf._security.secret import Secret
from dekaf._wire.reader import Reader
from dekaf.errors import AuthenticationError, BrokerConnectionError, DekafError
from dekaf.security import OAuthToken
from dekaf.testing import SaslAccounts
from dekaf.testing.answers import sasl_authenticate_answer, sasl_handshake_answer
from dekaf.testing.received import ReceivedSaslAuthenticate, decode_header, decode_request
from dekaf.testing.sasl_exchange import Exchange, begin_exchange
from tests.oauth.tokens import unsecured_token
from tests.unit.network.wire import OFFERED, Wire, answer_frame, versions_answer

PASSWORD = "mArK-of-the-password"
OFFERED_WITH_SASL = {**OFFERED, ApiKey.SASL_HANDSHAKE: (0, 1), ApiKey.SASL_AUTHENTICATE: (0, 2)}
NEWEST_SASL = 2
READY_STATES = {ConnectionState.READY, ConnectionState.REAUTHENTICATING}
PROVING_STATES = {ConnectionState.AUTHENTICATING, ConnectionState.REAUTHENTICATING}
GONE = BrokerConnectionError("The test closes it.")

Tell = Callable[["SaltedPassword | None", "DekafError | None"], None]


class Asked(PendingRequest):
    """A request of the sender's, which counts how often it was told its end."""

    def __init__(self) -> None:
        super().__init__(ApiKey.PRODUCE)
        self.ends = 0

    def on_response(self, _reader: Reader, _version: int) -> None:
        self.ends += 1

    def on_lost(self, _error: DekafError) -> None:
        self.ends += 1


def credentials_of(mechanism: Mechanism) -> Credentials:
    if mechanism is Mechanism.OAUTHBEARER:
        token = OAuthToken(unsecured_token("alice"), time.time() + 3600, principal="alice")
        return Credentials(mechanism, token=token)
    return Credentials(mechanism, username="alice", password=Secret(PASSWORD.encode()))


class ConnectionMachine(RuleBasedStateMachine):
    """A broker that answers, refuses, talks nonsense or hangs up at any moment, and the state that must follow."""

    passwords = SaltedPasswords()
    accounts = SaslAccounts({"alice": PASSWORD})

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.state = ConnectionState.CONNECTING
        self.awaited: deque[str] = deque()  # what the broker owes, in order
        self.asked: list[Asked] = []
        self.salting: tuple[SaltParameters, Secret, Tell] | None = None
        self.exchange: Exchange | None = None
        self.is_lost = False
        self.written = 0  # when it was closed
        self.patience = 0  # steps until the broker may misbehave, or most stories would be short

    def teardown(self) -> None:
        if not self.is_lost:
            self.lose()
        assert [one.ends for one in self.asked] == [1] * len(self.asked)
        self.loop.close()

    # What drives it.

    def on_loop(self, call: Callable[[], Any]) -> Any:
        """Call something where the connection's event loop runs."""

        async def run() -> Any:
            return call()

        return self.loop.run_until_complete(run())

    def arrive(self, body: bytes) -> None:
        """Have the answer to the oldest request arrive."""
        self.awaited.popleft()
        number = int(self.connection.pending[0].correlation_id)
        self.on_loop(lambda: self.connection.data_received(answer_frame(number, body)))

    def close(self) -> None:
        """Take note that the connection gave up; its transport tells it so on the loop's next round."""
        if self.state is not ConnectionState.CLOSED:
            self.state = ConnectionState.CLOSED
            self.written = len(self.wire.transport.written)

    def begin(self) -> None:
        self.awaited.append("handshake")
        self.exchange = begin_exchange(self.mechanism.value, self.accounts)

    def may_misbehave(self) -> bool:
        """Return whether the worst may happen now."""
        return self.patience <= 0 and self.state not in {ConnectionState.CONNECTING, ConnectionState.CLOSED}

    def is_serving(self) -> bool:
        """Return whether it is ready for the sender."""
        return self.state is ConnectionState.READY

    def is_due(self, what: str) -> bool:
        """Return whether the broker's next answer is one of these."""
        is_open = self.state is not ConnectionState.CLOSED
        return is_open and bool(self.awaited) and self.awaited[0] == what

    def last_message(self) -> bytes:
        """Return the mechanism's bytes that were written last."""
        reader = Reader(self.wire.transport.written[-1][4:])
        request = decode_request(reader, decode_header(reader, node_id=1, connection=1), lambda _id: "t")
        assert isinstance(request, ReceivedSaslAuthenticate)
        return request.auth_bytes

    @initialize(mechanism=st.sampled_from([None, *Mechanism, *Mechanism]), patience=st.sampled_from([3, 8, 15, 25]))
    def make(self, mechanism: Mechanism | None, patience: int) -> None:
        """Make a connection with or without SASL, to which nothing bad happens for a while."""
        self.patience = patience
        self.mechanism = mechanism or Mechanism.PLAIN
        self.identity = None if mechanism is None else Identity(credentials_of(mechanism), self.salt)

        def wire() -> Wire:
            return Wire(offered=OFFERED_WITH_SASL, identity=self.identity)

        self.wire = self.on_loop(wire)
        self.wire.owner._is_closed = True  # the model has no second connection
        self.connection: BrokerConnection = self.wire.connection
        self.it_is_in_the_models_state()
        self.connect()

    def salt(self, parameters: SaltParameters, password: Secret, tell: Tell) -> None:
        self.salting = (parameters, password, tell)

    # What happens.

    def connect(self) -> None:
        """TCP, and TLS, are there."""
        self.on_loop(lambda: self.connection.connection_made(self.wire.transport))
        self.state = ConnectionState.NEGOTIATING
        self.awaited.append("versions")

    @precondition(lambda self: self.is_due("versions"))
    @rule()
    def tell_versions(self) -> None:
        """The broker says what it speaks."""
        self.arrive(versions_answer(OFFERED_WITH_SASL))
        self.state = ConnectionState.READY if self.identity is None else ConnectionState.AUTHENTICATING
        if self.identity is not None:
            self.begin()

    @precondition(lambda self: self.may_misbehave() and self.is_due("versions"))
    @rule(code=st.sampled_from([ErrorCode.CLUSTER_AUTHORIZATION_FAILED, ErrorCode.INVALID_REQUEST]))
    def refuse_versions(self, code: int) -> None:
        """The broker does not negotiate."""
        self.arrive(int(code).to_bytes(2, "big") + b"\x01" + bytes(5))
        self.close()

    @precondition(lambda self: self.is_due("handshake"))
    @rule()
    def shake_hands(self) -> None:
        """The mechanism is on."""
        self.arrive(sasl_handshake_answer(error_code=0, mechanisms=[self.mechanism.value]))
        self.awaited.append("authenticate")

    @precondition(lambda self: self.may_misbehave() and self.is_due("handshake"))
    @rule(
        code=st.sampled_from(
            [
                ErrorCode.UNSUPPORTED_SASL_MECHANISM,
                ErrorCode.ILLEGAL_SASL_STATE,
                ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
            ]
        )
    )
    def refuse_handshake(self, code: int) -> None:
        """The mechanism is off, or the listener has none."""
        self.arrive(sasl_handshake_answer(error_code=code, mechanisms=["GSSAPI"]))
        self.close()

    @precondition(lambda self: self.is_due("authenticate"))
    @rule(lifetime_ms=st.sampled_from([0, 3_600_000]))
    def step(self, lifetime_ms: int) -> None:
        """The broker takes its turn in the exchange, as Kafka does."""
        assert self.exchange is not None
        step = self.exchange.step(self.last_message())
        is_over = step.principal is not None
        self.arrive(
            b"\0"
            + sasl_authenticate_answer(
                NEWEST_SASL,
                error_code=0,
                auth_bytes=step.auth_bytes,
                session_lifetime_ms=lifetime_ms if is_over else 0,
            )
        )
        if is_over:
            self.state = ConnectionState.READY

    @precondition(lambda self: self.may_misbehave() and self.is_due("authenticate"))
    @rule(code=st.sampled_from([ErrorCode.SASL_AUTHENTICATION_FAILED, ErrorCode.ILLEGAL_SASL_STATE]))
    def refuse(self, code: int) -> None:
        """The credentials are not accepted."""
        self.arrive(b"\0" + sasl_authenticate_answer(NEWEST_SASL, error_code=code, error_message="No."))
        self.close()

    @precondition(lambda self: self.may_misbehave() and self.is_due("authenticate"))
    @rule()
    def cheat(self) -> None:
        """The broker says what no mechanism says; to OAUTHBEARER any words are a refusal, which it answers."""
        self.arrive(b"\0" + sasl_authenticate_answer(NEWEST_SASL, error_code=0, auth_bytes=b"\xff\x00nonsense"))
        if self.mechanism is Mechanism.OAUTHBEARER and not self.has_complained():
            self.awaited.append("complaint")
        else:
            self.close()

    def has_complained(self) -> bool:
        return self.connection.state is ConnectionState.CLOSED

    @precondition(lambda self: self.is_due("complaint"))
    @rule(code=st.sampled_from([0, int(ErrorCode.SASL_AUTHENTICATION_FAILED)]))
    def end_complaint(self, code: int) -> None:
        """The broker refuses after its complaint, or consents, which is not believed."""
        self.arrive(b"\0" + sasl_authenticate_answer(NEWEST_SASL, error_code=code))
        self.close()

    @precondition(lambda self: self.salting is not None)
    @rule(is_possible=st.sampled_from([True, True, True, False]))
    def salted(self, is_possible: bool) -> None:  # hypothesis gives arguments by name
        """The login thread has salted the password, or could not."""
        assert self.salting is not None
        (parameters, password, tell), self.salting = self.salting, None
        result = self.passwords.salt(parameters, password) if is_possible else None
        error = None if is_possible else AuthenticationError("It could not.")
        self.on_loop(lambda: tell(result, error))
        if self.state is ConnectionState.CLOSED:
            return  # told too late: nothing comes of it
        if is_possible:
            self.awaited.append("authenticate")
        else:
            self.close()

    @precondition(lambda self: self.state is ConnectionState.READY)
    @rule()
    def send(self) -> None:
        """The sender sends a request."""
        request = Asked()
        self.asked.append(request)
        self.on_loop(lambda: self.connection.send(request, 7, [b"body"]))
        self.awaited.append("answer")

    @precondition(lambda self: self.is_due("answer"))
    @rule()
    def answer(self) -> None:
        """The broker answers the sender's oldest request, be it while the connection authenticates anew."""
        first = next(one for one in self.asked if one.ends == 0)
        self.arrive(b"\0\0\0\1")
        assert first.ends == 1

    @precondition(lambda self: self.identity is not None and (self.may_misbehave() or self.is_serving()))
    @rule()
    def reauthenticate(self) -> None:
        """The session ends soon; of use only where the connection is ready."""
        identity = self.identity
        assert identity is not None
        self.on_loop(lambda: self.connection.reauthenticate(identity))
        if self.state is ConnectionState.READY:
            self.state = ConnectionState.REAUTHENTICATING
            self.begin()

    @precondition(lambda self: self.may_misbehave())
    @rule(garbage=st.sampled_from([b"\0\0\0\x08\x7f\xff\xff\xff\0\0\0\0", b"\xff" * 16, b"HTTP/1.1 400 no\r\n\r\n"]))
    def babble(self, garbage: bytes) -> None:
        """Bytes come that are no answer."""
        self.on_loop(lambda: self.connection.data_received(garbage))
        self.close()

    @precondition(lambda self: self.may_misbehave())
    @rule()
    def close_it(self) -> None:
        """The client closes it."""
        self.on_loop(lambda: self.connection.close(GONE))
        self.close()

    @precondition(lambda self: not self.is_lost and (self.may_misbehave() or self.state is ConnectionState.CLOSED))
    @rule()
    def lose(self) -> None:
        """The connection is gone, by whomever."""
        self.on_loop(lambda: self.connection.connection_lost(None))
        self.is_lost = True
        self.close()
        assert not self.connection.pending

    @precondition(lambda self: self.is_lost)
    @rule()
    def close_again(self) -> None:
        """What comes after the end changes nothing."""
        self.on_loop(lambda: self.connection.close(GONE))

    # What always holds.

    @invariant()
    def it_is_in_the_models_state(self) -> None:
        """Of the two that decide whether a request may be sent, none is ahead of the other."""
        if not hasattr(self, "connection"):
            return
        self.patience -= 1
        event(f"{self.state} {len(self.awaited)}")
        assert self.connection.state is self.state
        assert self.connection.is_ready() == (self.state in READY_STATES)
        assert self.connection.takes_requests(time.monotonic()) == (self.state is ConnectionState.READY)
        assert (self.connection.security is not None) == (self.state in READY_STATES)

    @invariant()
    def it_waits_for_what_the_broker_owes(self) -> None:
        """Nothing is sent twice, and nothing after the end."""
        if not hasattr(self, "connection"):
            return
        if self.state is ConnectionState.CLOSED:
            assert len(self.wire.transport.written) == self.written
        else:
            assert len(self.connection.pending) == len(self.awaited)

    @invariant()
    def it_shows_no_secret(self) -> None:
        """Not in its repr, nor in what it publishes."""
        if hasattr(self, "connection"):
            assert PASSWORD not in f"{self.connection!r} {self.connection.security!r}"


TestConnectionStates = ConnectionMachine.TestCase
TestConnectionStates.settings = settings(stateful_step_count=30)
