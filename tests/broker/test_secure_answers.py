"""What a real broker says to those whom it does not let in; the fake cluster and our error messages follow this.

Apache Kafka 4.3.1 on Java 17; Python 3.11 to 3.13 with OpenSSL 3.0; the same on asyncio and uvloop.

TLS: what arrives, in `create_connection` (CC) or, after `connection_made`, in `connection_lost` (CL)

| cause | TLS 1.3 | TLS 1.2 |
|---|---|---|
| no client certificate | CL: SSLError SSLV3_ALERT_BAD_CERTIFICATE | CC: the same |
| an unknown or expired one, demanded or only asked for | CL: SSLError SSLV3_ALERT_CERTIFICATE_UNKNOWN | CC: the same |
| broker's certificate expired | CC: SSLCertVerificationError, verify_code 10 | the same |
| … is not valid yet | CC: 9 | the same |
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
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from tests.certificates import Authority, KeyPair
from tests.kafka import SaslProbe, SecureCluster
from tests.kafka.sasl_answers import Dialler, SaslAnswers

PATIENCE = 10  # seconds
SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36
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
def test_an_unknown_or_expired_client_certificate(
    secure_cluster: SecureCluster, dialled: Dial, tmp_path: Path, version: str, listener: str
) -> None:
    for client in (Authority(tmp_path).client("mallory"), secure_cluster.authority.expired_client("carol")):
        seen = dialled(secure_cluster.port(listener), context(secure_cluster.authority.cafile, version, client))

        assert seen.where == ("connection_lost" if version == "1.3" else "create_connection")
        assert isinstance(seen.error, ssl.SSLError)
        assert "ALERT_CERTIFICATE_UNKNOWN" in seen.error.reason


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("listener", "host", "code"),
    [
        ("EXPIRED", "localhost", 10),
        ("FUTURE", "localhost", 9),
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


@pytest.fixture
def probe(secure_cluster: SecureCluster) -> Dialler:
    def dial(listener: str) -> SaslProbe:
        plain = secure_cluster.brokers[0].node.port
        return SaslProbe(plain if listener == "PLAINTEXT" else secure_cluster.port(listener))

    return dial


class TestSasl(SaslAnswers):
    """The rows about SASL and sessions."""


def test_all_apis_are_listed_at_every_listener(secure_cluster: SecureCluster) -> None:
    for port in (secure_cluster.brokers[0].node.port, secure_cluster.port("SASL_PLAINTEXT")):
        with SaslProbe(port) as client:
            listed = client.api_versions()
        assert listed is not None
        assert (listed[SASL_HANDSHAKE], listed[SASL_AUTHENTICATE]) == ((0, 1), (0, 2))
        assert len(listed) > 60
