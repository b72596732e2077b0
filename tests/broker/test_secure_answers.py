"""What a real broker says to those whom it does not let in; the fake cluster and our error messages follow this.

Apache Kafka 4.3.1 on Java 17; Python 3.11 to 3.13 with OpenSSL 3.0; the same on asyncio and uvloop.

TLS: what arrives, in `create_connection` (CC) or, after `connection_made`, in `connection_lost` (CL)

| cause | TLS 1.3 | TLS 1.2 |
|---|---|---|
| no client certificate | CL: SSLError SSLV3_ALERT_BAD_CERTIFICATE | CC: the same |
| an unknown one, demanded or only asked for | CL: SSLError SSLV3_ALERT_CERTIFICATE_UNKNOWN | CC: the same |
| broker's certificate expired | CC: SSLCertVerificationError, verify_code 10 | the same |
| … is for another name (another address) | CC: 62 (64) | the same |
| … is from an unknown authority | CC: 20 | the same |
| TLS to a port without it | CC: ConnectionResetError | the same |
| plaintext to a TLS port | CL: None, after the bytes 15 03 03 00 02 02 50 (alert: internal error) | |

SASL: error codes, texts, and what becomes of the connection

| cause | answer | then |
|---|---|---|
| mechanism off | SaslHandshake: 33 and the mechanisms that are on | closed |
| SASL to a listener without it | SaslHandshake: 34 and an empty list; SaslAuthenticate: 34 | goes on |
| PLAIN: unknown user, wrong password | 58 "Authentication failed: Invalid username or password" | closed |
| PLAIN: another authorization id | 58 "Authentication failed: Client requested an authorization id …" | closed |
| PLAIN: not a message of it | 58 "Invalid SASL/PLAIN response: expected 3 tokens, got 1" | closed |
| SCRAM: unknown user, wrong proof, … | 58 "… invalid credentials with SASL mechanism SCRAM-SHA-256" (1) | closed |
| OAUTHBEARER: bad token | 0, auth_bytes {"status":"invalid_token"}; to 0x01: 58, the JSON as text | closed |
| OAUTHBEARER: not a message of it | 58 "… invalid credentials with SASL mechanism OAUTHBEARER" (1) | closed |
| any API but ApiVersions and SaslHandshake at first | nothing | closed |
| ApiVersions a second time before SaslHandshake | nothing | closed |
| any API but SaslAuthenticate after the handshake | 34 as that API's error | closed |

(1) "Authentication failed during authentication due to …"; "during re-authentication" later. For SCRAM this is also the
answer to channel binding and to names that are not ASCII. Every answer with 58 comes some 0.3 s late
(`connection.failed.authentication.delay.ms`, and what the selector adds).

Sessions (KIP-368)

| cause | answer | then |
|---|---|---|
| success | session_lifetime_ms: `connections.max.reauth.ms` or what is left of the token, the lesser (2) | |
| a request after the session's end | nothing | closed |
| authenticating again after the session's end | as usual | goes on |
| … again less than a second after the last time | SaslHandshake: 34; SaslAuthenticate: 34 | goes on |
| … where sessions do not end | the same | goes on |
| … as another principal | 58 "Cannot change principals during re-authentication from User.alice: User.zoe" | closed |
| … with wrong credentials | as at first | closed |
| … with another mechanism | SaslHandshake: 0; SaslAuthenticate: nothing | closed |
| … with one that is off | nothing | closed |
| a request between handshake and the rest | 34 as that API's error | closed |

(2) A token's end counts where the first is not set, too. Not so in 2.8: there the answer is 0, and the session goes on.

ApiVersions lists all APIs at every listener, before as after authentication, those of SASL included.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from tests.certificates import Authority, KeyPair
from tests.kafka import MECHANISMS, SaslProbe, SecureCluster
from tests.kafka.users import PLAIN_ONLY_USER, USERS
from tests.oauth import unsecured_token

PATIENCE = 10  # seconds
SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 17, 18, 36
UNSUPPORTED_MECHANISM, ILLEGAL_STATE, FAILED = 33, 34, 58
ALICE = b"\0alice\0" + USERS["alice"].encode()
ZOE = b"\0zoe\0" + USERS["zoe"].encode()
INVALID_CREDENTIALS = "Authentication failed during authentication due to invalid credentials with SASL mechanism "
INVALID_TOKEN = b'{"status":"invalid_token"}'
A_REQUEST = b"\0\0\0\x0e\0\x12\0\0\0\0\0\1\0\4test"  # ApiVersions 0

VERSIONS = {"1.3": ssl.TLSVersion.TLSv1_3, "1.2": ssl.TLSVersion.TLSv1_2}


class Seen(NamedTuple):
    """What became of a connection."""

    where: str
    error: BaseException | None
    data: bytes


class Watcher(asyncio.Protocol):
    def __init__(self) -> None:
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.data = b""

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


async def dial(port: int, context: ssl.SSLContext | None, host: str = "localhost") -> Seen:
    """Connect, ask for the API versions, and see what becomes of it."""
    loop = asyncio.get_running_loop()
    name = None if context is None else host
    try:
        transport, watcher = await loop.create_connection(Watcher, "127.0.0.1", port, ssl=context, server_hostname=name)
    except OSError as error:
        return Seen("create_connection", error, b"")
    transport.write(A_REQUEST)
    return Seen("connection_lost", await asyncio.wait_for(watcher.lost, PATIENCE), watcher.data)


Dial = Callable[..., Seen]


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def dialled(request: pytest.FixtureRequest) -> Dial:
    """Return a function that dials on an event loop of this kind."""

    def run(*arguments: object) -> Seen:
        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(dial(*arguments))  # type: ignore[arg-type]  # as the tests below pass them

    return run


def context(cafile: Path, version: str = "1.3", client: KeyPair | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=str(cafile))
    made.maximum_version = VERSIONS[version]
    if client is not None:
        made.load_cert_chain(client.certfile, client.keyfile)
    return made


@pytest.mark.parametrize("version", VERSIONS)
def test_a_missing_client_certificate(secure_cluster: SecureCluster, dialled: Dial, version: str) -> None:
    seen = dialled(secure_cluster.port("MTLS"), context(secure_cluster.authority.cafile, version))

    assert seen.where == ("connection_lost" if version == "1.3" else "create_connection")
    assert isinstance(seen.error, ssl.SSLError)
    assert "ALERT_BAD_CERTIFICATE" in seen.error.reason


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("listener", ["MTLS", "MTLS_OPTIONAL"])
def test_an_unknown_client_certificate(
    secure_cluster: SecureCluster, dialled: Dial, tmp_path: Path, version: str, listener: str
) -> None:
    foreign = Authority(tmp_path).client("mallory")

    seen = dialled(secure_cluster.port(listener), context(secure_cluster.authority.cafile, version, foreign))

    assert seen.where == ("connection_lost" if version == "1.3" else "create_connection")
    assert isinstance(seen.error, ssl.SSLError)
    assert "ALERT_CERTIFICATE_UNKNOWN" in seen.error.reason


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("listener", "host", "code"),
    [
        ("EXPIRED", "localhost", 10),
        ("WRONG_NAME", "localhost", 62),
        ("WRONG_NAME", "127.0.0.1", 64),
        ("UNKNOWN_CA", "localhost", 20),
    ],
)
def test_a_certificate_that_the_client_refuses(
    secure_cluster: SecureCluster, dialled: Dial, version: str, listener: str, host: str, code: int
) -> None:
    seen = dialled(secure_cluster.port(listener), context(secure_cluster.authority.cafile, version), host)

    assert seen.where == "create_connection"
    assert isinstance(seen.error, ssl.SSLCertVerificationError)
    assert seen.error.verify_code == code


@pytest.mark.parametrize("version", VERSIONS)
def test_tls_to_a_plaintext_port(secure_cluster: SecureCluster, dialled: Dial, version: str) -> None:
    for port in (secure_cluster.brokers[0].node.port, secure_cluster.port("SASL_PLAINTEXT")):
        seen = dialled(port, context(secure_cluster.authority.cafile, version))

        assert seen.where == "create_connection"
        assert isinstance(seen.error, ConnectionResetError)


@pytest.mark.parametrize("listener", ["SSL", "MTLS", "SASL_SSL"])
def test_plaintext_to_a_tls_port(secure_cluster: SecureCluster, dialled: Dial, listener: str) -> None:
    seen = dialled(secure_cluster.port(listener), None)

    assert seen == Seen("connection_lost", None, bytes.fromhex("15030300020250"))


# SASL.


@pytest.fixture
def probe(secure_cluster: SecureCluster) -> Callable[[str], SaslProbe]:
    return lambda listener: SaslProbe(secure_cluster.port(listener))


Dialler = Callable[[str], SaslProbe]


def oauth(token: str, *, header: str = "n,,") -> bytes:
    return f"{header}\x01auth=Bearer {token}\x01\x01".encode()


def refused(message: str) -> tuple[int, str, bytes, int]:
    return FAILED, message, b"", 0


def test_a_mechanism_that_is_off(probe: Dialler) -> None:
    with probe("PLAIN_ONLY") as client:
        assert client.handshake("SCRAM-SHA-512") == (UNSUPPORTED_MECHANISM, ["PLAIN"])
        assert client.is_closed_by_broker


def test_all_apis_are_listed_at_every_listener(secure_cluster: SecureCluster) -> None:
    for port in (secure_cluster.brokers[0].node.port, secure_cluster.port("SASL_PLAINTEXT")):
        with SaslProbe(port) as client:
            listed = client.api_versions()
        assert listed is not None
        assert (listed[SASL_HANDSHAKE], listed[SASL_AUTHENTICATE]) == ((0, 1), (0, 2))
        assert len(listed) > 60


def test_sasl_to_a_listener_without_it(secure_cluster: SecureCluster) -> None:
    with SaslProbe(secure_cluster.brokers[0].node.port) as client:
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
def test_wrong_credentials_of_plain(probe: Dialler, response: bytes, message: str) -> None:
    with probe("SASL_PLAINTEXT") as client:
        assert client.handshake("PLAIN") == (0, client_mechanisms())

        assert client.authenticate(response) == refused(message)
        assert client.is_closed_by_broker


def client_mechanisms() -> list[str]:
    return ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256", "OAUTHBEARER"]


@pytest.mark.parametrize("mechanism", [one for one in MECHANISMS if one.startswith("SCRAM")])
@pytest.mark.parametrize(
    "first",
    ["n,,n=mallory,r=abcdefgh", "y,,n=alice,r=abcdefgh", f"n,,n={PLAIN_ONLY_USER},r=abcdefgh", "garbage"],
    ids=["unknown user", "channel binding", "name not ASCII", "garbage"],
)
def test_first_messages_that_scram_refuses(probe: Dialler, mechanism: str, first: str) -> None:
    with probe("SASL_PLAINTEXT") as client:
        client.handshake(mechanism)

        assert client.authenticate(first.encode()) == refused(INVALID_CREDENTIALS + mechanism)
        assert client.is_closed_by_broker


@pytest.mark.parametrize(("mechanism", "size"), [("SCRAM-SHA-256", 32), ("SCRAM-SHA-512", 64)])
@pytest.mark.parametrize("nonce", ["the broker's", "another"])
def test_last_messages_that_scram_refuses(probe: Dialler, mechanism: str, size: int, nonce: str) -> None:
    with probe("SASL_PLAINTEXT") as client:
        client.handshake(mechanism)
        first = client.authenticate(b"n,,n=alice,r=abcdefgh")
        assert first is not None
        offered = first.auth_bytes.decode().split(",")[0]
        assert offered.startswith("r=abcdefgh")

        proof = base64.b64encode(bytes(size)).decode()
        answered = client.authenticate(f"c=biws,{offered if nonce == 'the brokers' else 'r=x'},p={proof}".encode())

        assert answered == refused(INVALID_CREDENTIALS + mechanism)
        assert client.is_closed_by_broker


@pytest.mark.parametrize(
    "token", [unsecured_token("alice", lifetime=-10), unsecured_token("", claims={}), "abc.def.ghi", "nonsense"]
)
def test_a_token_that_is_refused(probe: Dialler, token: str) -> None:
    with probe("SASL_PLAINTEXT") as client:
        client.handshake("OAUTHBEARER")

        assert client.authenticate(oauth(token)) == (0, "", INVALID_TOKEN, 0)
        assert client.authenticate(b"\x01") == refused(INVALID_TOKEN.decode())
        assert client.is_closed_by_broker


def test_other_messages_that_oauthbearer_refuses(probe: Dialler) -> None:
    with probe("SASL_PLAINTEXT") as client:
        client.handshake("OAUTHBEARER")
        assert client.authenticate(b"hello") == refused(f"{INVALID_CREDENTIALS}OAUTHBEARER")

    with probe("SASL_PLAINTEXT") as client:
        client.handshake("OAUTHBEARER")
        assert client.authenticate(oauth(unsecured_token("alice"), header="n,a=zoe,")) == refused(
            "Authentication failed: Client requested an authorization id (zoe) that is different from the token's"
            " principal name (alice)"
        )


def test_extensions_are_ignored(probe: Dialler) -> None:
    with probe("SASL_PLAINTEXT") as client:
        answer = client.log_in("OAUTHBEARER", oauth(f"{unsecured_token('alice')}\x01logicalCluster=lkc-1"))

        assert answer is not None
        assert answer.error_code == 0


def test_requests_before_their_time(probe: Dialler) -> None:
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


def test_a_session_lasts_as_long_as_the_broker_or_the_token_allows(probe: Dialler) -> None:
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


def test_what_becomes_of_a_session_that_has_ended(probe: Dialler) -> None:
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


def test_authenticating_again_too_soon(probe: Dialler) -> None:
    with probe("SHORT_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)
        assert client.log_in("PLAIN", ALICE) == (0, "", b"", 2000)

        assert client.handshake("PLAIN") == (ILLEGAL_STATE, [])
        answer = client.authenticate(ALICE)
        assert answer is not None
        assert answer.error_code == ILLEGAL_STATE
        assert client.is_served()


def test_authenticating_again_where_sessions_do_not_end(probe: Dialler) -> None:
    with probe("SASL_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)

        assert client.handshake("PLAIN") == (ILLEGAL_STATE, [])
        assert client.is_served()


def test_authenticating_again_as_somebody_else(probe: Dialler) -> None:
    with probe("SHORT_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)

        answer = client.log_in("PLAIN", ZOE)

        assert answer == refused("Cannot change principals during re-authentication from User.alice: User.zoe")
        assert client.is_closed_by_broker


def test_authenticating_again_with_a_wrong_password(probe: Dialler) -> None:
    with probe("SHORT_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)

        assert client.log_in("PLAIN", b"\0alice\0wrong") == refused(
            "Authentication failed: Invalid username or password"
        )
        assert client.is_closed_by_broker


def test_authenticating_again_with_another_mechanism(probe: Dialler) -> None:
    with probe("SHORT_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)
        assert client.handshake("OAUTHBEARER") == (0, client_mechanisms())
        assert client.authenticate(oauth(unsecured_token("alice"))) is None

    with probe("SHORT_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)
        assert client.handshake("GSSAPI") is None


def test_a_request_in_the_middle_of_authenticating_again(probe: Dialler) -> None:
    with probe("SHORT_PLAINTEXT") as client:
        client.log_in("PLAIN", ALICE)
        client.handshake("PLAIN")

        assert client.api_versions() == {}  # with ILLEGAL_SASL_STATE
        assert client.is_closed_by_broker
