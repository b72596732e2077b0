"""Messages reach a secured Kafka by every way in: each mechanism, encrypted or not, and certificates alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from dekaf import AsyncProducer, AuthenticationError, ProduceError, Producer
from dekaf.security import OAuthToken
from tests.kafka.read_back import read_back
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.users import MECHANISMS, USERS
from tests.oauth.tokens import unsecured_token

pytestmark = pytest.mark.broker

Options = Callable[..., dict[str, Any]]


def token() -> OAuthToken:
    """Give what a provider gives: a token of an hour, for alice."""
    return OAuthToken(unsecured_token("alice"), time.time() + 3600)


@pytest.fixture
def options(secure_cluster: SecureCluster) -> Options:
    """Return the options for a listener."""

    def make(listener: str, protocol: str, mechanism: str = "") -> dict[str, Any]:
        given: dict[str, Any] = {
            "bootstrap_servers": secure_cluster.servers(listener),
            "security_protocol": protocol,
        }
        if protocol.endswith("SSL"):
            given["ssl_cafile"] = str(secure_cluster.authority.cafile)
        if mechanism:
            given["sasl_mechanism"] = mechanism
            if mechanism == "OAUTHBEARER":
                given["sasl_oauth_token_provider"] = token
            else:
                given |= {"sasl_username": "alice", "sasl_password": USERS["alice"]}
        return given

    return make


@pytest.mark.mistake("Dekaf/.NET #884")
@pytest.mark.asyncio
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_both_faces_are_let_in(
    secure_cluster: SecureCluster, options: Options, protocol: str, mechanism: str
) -> None:
    topic = f"in-{protocol}-{mechanism}"
    given = options(protocol, protocol, mechanism)
    async with AsyncProducer(**given) as coroutines:
        await coroutines.produce(topic, "k", "coroutines")
    threads = Producer(**given)
    await threads.as_async().produce(topic, "k", "threads")
    await threads.as_async().flush()

    records = read_back(secure_cluster.bootstrap_servers, topic, 2)
    assert [record.value for record in records] == [b"coroutines", b"threads"]
    threads.close()


def test_sessions_are_renewed_on_the_connection_they_belong_to(secure_cluster: SecureCluster, options: Options) -> None:
    """KIP-368: sessions of two seconds, under load, over SCRAM, which takes two rounds."""
    with Producer(**options("SHORT_SSL", "SASL_SSL", "SCRAM-SHA-256")) as producer:
        producer.produce("renewed", "k", "v")
        connected = producer.status().connected_brokers
        deadline = time.monotonic() + 6
        produced = 1
        while time.monotonic() < deadline:
            producer.produce("renewed", "k", "v")
            produced += 1
        status = producer.status()

    assert (status.retries_total, status.failed_total, status.last_error) == (0, 0, None)
    assert (status.connected_brokers, status.delivered_total) == (connected, produced)


def test_client_certificate_is_shown(secure_cluster: SecureCluster, options: Options) -> None:
    client = secure_cluster.authority.client("alice")
    files: dict[str, Any] = {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}
    with Producer(**options("MTLS", "SSL"), **files) as producer:
        assert producer.produce("mutual", "k", "v").has_offset


@pytest.mark.parametrize(
    ("listener", "remedy"),
    [
        ("EXPIRED", "has expired"),
        ("WRONG_NAME", "ssl_check_hostname=False"),
        ("UNKNOWN_CA", "ssl_cafile"),
        ("MTLS", "ssl_certfile"),
    ],
)
def test_refusal_of_a_certificate_is_told_in_words(options: Options, listener: str, remedy: str) -> None:
    with (
        Producer(**options(listener, "SSL"), produce_timeout_ms=1_000, close_timeout_ms=0) as producer,
        pytest.raises(ProduceError, match=remedy) as caught,
    ):
        producer.produce("t", "k", "v")

    assert isinstance(caught.value.__cause__, AuthenticationError)


def test_wrong_password_is_told_and_not_shown(options: Options) -> None:
    given = options("SASL_SSL", "SASL_SSL", "PLAIN") | {"sasl_password": "not-this-one"}
    with (
        Producer(**given, produce_timeout_ms=1_000, close_timeout_ms=0) as producer,
        pytest.raises(ProduceError, match="refused the password of user 'alice'") as caught,
    ):
        producer.produce("t", "k", "v")

    assert isinstance(caught.value.__cause__, AuthenticationError)
    assert "not-this-one" not in f"{caught.value} {caught.value.__cause__!r} {producer!r}"
