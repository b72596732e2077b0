"""SaslAnswers: what a broker says to those who authenticate, well or badly; the same of a real and of a fake one."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.kafka.sasl_probe import SaslProbe
from tests.kafka.users import MECHANISMS, PLAIN_ONLY_USER, USERS
from tests.oauth import unsecured_token

__all__ = ("Dialler", "SaslAnswers")

UNSUPPORTED_MECHANISM, ILLEGAL_STATE, FAILED = 33, 34, 58
ALICE = b"\0alice\0" + USERS["alice"].encode()
ZOE = b"\0zoe\0" + USERS["zoe"].encode()
INVALID_CREDENTIALS = "Authentication failed during authentication due to invalid credentials with SASL mechanism "
INVALID_TOKEN = b'{"status":"invalid_token"}'

# Connects to the listener of that name: PLAINTEXT, SASL_PLAINTEXT, SHORT_PLAINTEXT (sessions of 2 s), PLAIN_ONLY.
Dialler: TypeAlias = Callable[[str], SaslProbe]


def oauth(token: str, *, header: str = "n,,") -> bytes:
    return f"{header}\x01auth=Bearer {token}\x01\x01".encode()


def refused(message: str) -> tuple[int, str, bytes, int]:
    return FAILED, message, b"", 0


class SaslAnswers:
    """Tests; a subclass of this in a test module needs a fixture `probe` there, which is a `Dialler`."""

    def test_a_mechanism_that_is_off(self, probe: Dialler) -> None:
        with probe("PLAIN_ONLY") as client:
            assert client.handshake("SCRAM-SHA-512") == (UNSUPPORTED_MECHANISM, ["PLAIN"])
            assert client.is_closed_by_broker

    def test_sasl_to_a_listener_without_it(self, probe: Dialler) -> None:
        with probe("PLAINTEXT") as client:
            assert client.handshake("PLAIN") == (ILLEGAL_STATE, [])
            answer = client.authenticate(ALICE)
            assert answer is not None
            assert answer.error_code == ILLEGAL_STATE
            assert client.is_served()

    @pytest.mark.parametrize(
        ("response", "message"),
        [
            (b"\0alice\0wrong", "Authentication failed: Invalid username or password"),
            (b"\0mallory\0wrong", "Authentication failed: Invalid username or password"),
            (
                b"zoe" + ALICE,
                "Authentication failed: Client requested an authorization id that is different from username",
            ),
            (b"hello", "Invalid SASL/PLAIN response: expected 3 tokens, got 1"),
        ],
    )
    def test_wrong_credentials_of_plain(self, probe: Dialler, response: bytes, message: str) -> None:
        with probe("SASL_PLAINTEXT") as client:
            assert client.handshake("PLAIN") == (0, list(MECHANISMS))

            assert client.authenticate(response) == refused(message)
            assert client.is_closed_by_broker

    @pytest.mark.parametrize("mechanism", [one for one in MECHANISMS if one.startswith("SCRAM")])
    @pytest.mark.parametrize(
        "first",
        ["n,,n=mallory,r=abcdefgh", "y,,n=alice,r=abcdefgh", f"n,,n={PLAIN_ONLY_USER},r=abcdefgh", "garbage"],
        ids=["unknown user", "channel binding", "name not ASCII", "garbage"],
    )
    def test_first_messages_that_scram_refuses(self, probe: Dialler, mechanism: str, first: str) -> None:
        with probe("SASL_PLAINTEXT") as client:
            client.handshake(mechanism)

            assert client.authenticate(first.encode()) == refused(INVALID_CREDENTIALS + mechanism)
            assert client.is_closed_by_broker

    @pytest.mark.parametrize(("mechanism", "size"), [("SCRAM-SHA-256", 32), ("SCRAM-SHA-512", 64)])
    @pytest.mark.parametrize("nonce", ["offered", "another"])
    def test_last_messages_that_scram_refuses(self, probe: Dialler, mechanism: str, size: int, nonce: str) -> None:
        with probe("SASL_PLAINTEXT") as client:
            client.handshake(mechanism)
            first = client.authenticate(b"n,,n=alice,r=abcdefgh")
            assert first is not None
            offered = first.auth_bytes.decode().split(",")[0]
            assert offered.startswith("r=abcdefgh")

            proof = base64.b64encode(bytes(size)).decode()
            answered = client.authenticate(f"c=biws,{offered if nonce == 'offered' else 'r=x'},p={proof}".encode())

            assert answered == refused(INVALID_CREDENTIALS + mechanism)
            assert client.is_closed_by_broker

    @pytest.mark.parametrize(
        "token",
        [unsecured_token("alice", lifetime=-10), unsecured_token("", claims={}), "abc.def.ghi", "nonsense"],
        ids=["expired", "nobody's", "of nothing", "of one part"],  # a token says when it was made: no name for a test
    )
    def test_a_token_that_is_refused(self, probe: Dialler, token: str) -> None:
        with probe("SASL_PLAINTEXT") as client:
            client.handshake("OAUTHBEARER")

            assert client.authenticate(oauth(token)) == (0, "", INVALID_TOKEN, 0)
            assert client.authenticate(b"\x01") == refused(INVALID_TOKEN.decode())
            assert client.is_closed_by_broker

    def test_other_messages_that_oauthbearer_refuses(self, probe: Dialler) -> None:
        with probe("SASL_PLAINTEXT") as client:
            client.handshake("OAUTHBEARER")
            assert client.authenticate(b"hello") == refused(f"{INVALID_CREDENTIALS}OAUTHBEARER")

        with probe("SASL_PLAINTEXT") as client:
            client.handshake("OAUTHBEARER")
            assert client.authenticate(oauth(unsecured_token("alice"), header="n,a=zoe,")) == refused(
                "Authentication failed: Client requested an authorization id (zoe) that is different from the token's"
                " principal name (alice)"
            )

    def test_extensions_are_ignored(self, probe: Dialler) -> None:
        with probe("SASL_PLAINTEXT") as client:
            answer = client.log_in("OAUTHBEARER", oauth(f"{unsecured_token('alice')}\x01logicalCluster=lkc-1"))

            assert answer is not None
            assert answer.error_code == 0

    def test_requests_before_their_time(self, probe: Dialler) -> None:
        with probe("SASL_PLAINTEXT") as client:
            assert not client.is_served()
            assert client.is_closed_by_broker

        with probe("SASL_PLAINTEXT") as client:
            assert client.authenticate(ALICE) is None

        with probe("SASL_PLAINTEXT") as client:
            assert client.api_versions()
            assert client.api_versions() is None

        with probe("SASL_PLAINTEXT") as client:
            client.handshake("PLAIN")
            assert client.api_versions() == {}  # with ILLEGAL_SASL_STATE
            assert client.is_closed_by_broker

    # Sessions.

    def test_a_session_lasts_as_long_as_the_broker_or_the_token_allows(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as client:
            assert client.log_in("PLAIN", ALICE) == (0, "", b"", 2000)
        with probe("SASL_PLAINTEXT") as client:
            assert client.log_in("PLAIN", ALICE) == (0, "", b"", 0)

        with probe("SHORT_PLAINTEXT") as client:
            answer = client.log_in("OAUTHBEARER", oauth(unsecured_token("alice", lifetime=1.5)))
            assert answer is not None
            assert 0 < answer.session_lifetime_ms <= 1500
        with probe("SASL_PLAINTEXT") as client:
            answer = client.log_in("OAUTHBEARER", oauth(unsecured_token("alice", lifetime=300)))
            assert answer is not None
            assert 200_000 < answer.session_lifetime_ms <= 300_000

    def test_what_becomes_of_a_session_that_has_ended(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as late, probe("SHORT_PLAINTEXT") as renewed, probe("SASL_PLAINTEXT") as by_token:
            late.log_in("PLAIN", ALICE)
            renewed.log_in("PLAIN", ALICE)
            by_token.log_in("OAUTHBEARER", oauth(unsecured_token("alice", lifetime=1.5)))
            assert late.is_served()
            time.sleep(2.1)  # only the broker's clock says when a session is over

            assert not late.is_served()
            assert not by_token.is_served()
            assert renewed.log_in("PLAIN", ALICE) == (0, "", b"", 2000)
            assert renewed.is_served()

    def test_authenticating_again_too_soon(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)
            assert client.log_in("PLAIN", ALICE) == (0, "", b"", 2000)

            assert client.handshake("PLAIN") == (ILLEGAL_STATE, [])
            answer = client.authenticate(ALICE)
            assert answer is not None
            assert answer.error_code == ILLEGAL_STATE
            assert client.is_served()

    def test_authenticating_again_where_sessions_do_not_end(self, probe: Dialler) -> None:
        with probe("SASL_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)

            assert client.handshake("PLAIN") == (ILLEGAL_STATE, [])
            assert client.is_served()

    def test_authenticating_again_as_somebody_else(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)

            answer = client.log_in("PLAIN", ZOE)

            assert answer == refused("Cannot change principals during re-authentication from User.alice: User.zoe")
            assert client.is_closed_by_broker

    def test_authenticating_again_with_a_wrong_password(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)

            assert client.log_in("PLAIN", b"\0alice\0wrong") == refused(
                "Authentication failed: Invalid username or password"
            )
            assert client.is_closed_by_broker

    def test_authenticating_again_with_another_mechanism(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)
            assert client.handshake("OAUTHBEARER") == (0, list(MECHANISMS))
            assert client.authenticate(oauth(unsecured_token("alice"))) is None

        with probe("SHORT_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)
            assert client.handshake("GSSAPI") is None

    def test_a_request_in_the_middle_of_authenticating_again(self, probe: Dialler) -> None:
        with probe("SHORT_PLAINTEXT") as client:
            client.log_in("PLAIN", ALICE)
            client.handshake("PLAIN")

            assert client.api_versions() == {}  # with ILLEGAL_SASL_STATE
            assert client.is_closed_by_broker
