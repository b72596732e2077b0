"""What Apache Kafka does about each mistake is told in the words of the page on refused connections."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dekaf import AuthenticationError, BrokerConnectionError, DeliveryTimeoutError, ProduceError, Producer
from dekaf.security import OAuthToken
from tests.docs.error_table import ErrorTable
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.users import USERS
from tests.oauth.tokens import unsecured_token

pytestmark = pytest.mark.broker

PAGE = Path(__file__).parents[2] / "docs" / "connection-refused.md"
ALICE = {"sasl_username": "alice", "sasl_password": USERS["alice"]}


def raised_by(servers: str, options: Mapping[str, Any], **more: Any) -> ProduceError:
    """Return what `produce` raises."""
    given: dict[str, Any] = {"produce_timeout_ms": 1_500, "close_timeout_ms": 0, **options, **more}
    with Producer(bootstrap_servers=servers, **given) as producer, pytest.raises(ProduceError) as caught:
        producer.produce("mistaken", "k", "v")
    return caught.value


def row_about(error: ProduceError) -> str:
    """Return the row of the page's table that says what this error says."""
    assert isinstance(error.__cause__, BrokerConnectionError), error
    return ErrorTable(PAGE.read_text(encoding="utf-8")).take(str(error))


@pytest.fixture
def trusting(secure_cluster: SecureCluster) -> dict[str, Any]:
    """Return the options for TLS that are right."""
    return {"security_protocol": "SSL", "ssl_cafile": str(secure_cluster.authority.cafile)}


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def of_version(request: pytest.FixtureRequest, secure_cluster: SecureCluster) -> dict[str, Any]:
    """Return the options for TLS of one version alone, which take a context."""
    context = ssl.create_default_context(cafile=str(secure_cluster.authority.cafile))
    context.minimum_version = context.maximum_version = ssl.TLSVersion[request.param]
    return {"security_protocol": "SSL", "ssl_context": context}


@pytest.mark.parametrize(
    ("listener", "row"),
    [
        ("EXPIRED", "has expired"),
        ("FUTURE", "is not valid yet"),
        ("WRONG_NAME", "is not for"),
        ("UNKNOWN_CA", "ssl_cafile holds other authorities"),
        ("MTLS", "demands a certificate"),
    ],
)
def test_certificates(secure_cluster: SecureCluster, trusting: dict[str, Any], listener: str, row: str) -> None:
    error = raised_by(secure_cluster.servers(listener), trusting)

    assert row in row_about(error)
    assert type(error) is ProduceError
    assert isinstance(error.__cause__, AuthenticationError)


def test_a_certificate_without_key_identifiers_is_accepted(secure_cluster: SecureCluster) -> None:
    """Strict contexts, the default from Python 3.13 on, refuse it (strimzi/strimzi-kafka-operator#11375)."""
    options: dict[str, Any] = {"security_protocol": "SSL", "ssl_cafile": str(secure_cluster.bare_cafile)}
    with Producer(bootstrap_servers=secure_cluster.servers("BARE"), **options) as producer:
        assert producer.produce("bare", "k", "v").has_offset


def test_no_authority_at_all(secure_cluster: SecureCluster) -> None:
    error = raised_by(secure_cluster.servers("SSL"), {"security_protocol": "SSL"})

    assert "set ssl_cafile to the certificate" in row_about(error)


def test_a_certificate_of_ours_that_the_broker_does_not_know(
    secure_cluster: SecureCluster, trusting: dict[str, Any], tmp_path: Path
) -> None:
    strangers = type(secure_cluster.authority)(tmp_path).client("stranger")
    files = {"ssl_certfile": str(strangers.certfile), "ssl_keyfile": str(strangers.keyfile)}

    error = raised_by(secure_cluster.servers("MTLS"), trusting, **files)

    assert "refused our certificate" in row_about(error)


def test_a_missing_certificate_under_each_version(secure_cluster: SecureCluster, of_version: dict[str, Any]) -> None:
    error = raised_by(secure_cluster.servers("MTLS"), of_version)

    assert isinstance(error.__cause__, AuthenticationError)
    assert "refused our certificate, or the lack of one" in str(error)


def test_tls_to_a_plaintext_port(secure_cluster: SecureCluster, trusting: dict[str, Any]) -> None:
    error = raised_by(secure_cluster.bootstrap_servers, trusting)

    assert "during the TLS handshake: if its port is plaintext" in row_about(error)
    assert type(error) is DeliveryTimeoutError


@pytest.mark.parametrize("listener", ["SSL", "SASL_SSL", "MTLS"])
def test_plaintext_to_a_tls_port(secure_cluster: SecureCluster, listener: str) -> None:
    error = raised_by(secure_cluster.servers(listener), {})

    assert "answers in TLS" in row_about(error)


@pytest.mark.parametrize(("listener", "protocol"), [("SASL_SSL", "SSL"), ("SASL_PLAINTEXT", "PLAINTEXT")])
def test_no_login_where_one_is_wanted(
    secure_cluster: SecureCluster, trusting: dict[str, Any], listener: str, protocol: str
) -> None:
    options = trusting if protocol == "SSL" else {}

    error = raised_by(secure_cluster.servers(listener), options)

    assert f"set security_protocol to {listener}, and sasl_mechanism" in str(error)
    if listener == "SASL_SSL":
        row_about(error)


def test_a_login_where_none_is_wanted(secure_cluster: SecureCluster, trusting: dict[str, Any]) -> None:
    error = raised_by(
        secure_cluster.servers("SSL"), {**trusting, "security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}, **ALICE
    )

    assert "does not authenticate clients" in row_about(error)


def test_a_mechanism_that_is_off(secure_cluster: SecureCluster) -> None:
    options = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512", **ALICE}

    error = raised_by(secure_cluster.servers("PLAIN_ONLY"), options)

    assert "does not offer SCRAM-SHA-512 on this listener; it offers PLAIN: set sasl_mechanism" in str(error)
    assert isinstance(error.__cause__, AuthenticationError)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("change", [{"sasl_password": "wrong-4711"}, {"sasl_username": "nobody"}])
def test_a_wrong_password_or_user(
    secure_cluster: SecureCluster, trusting: dict[str, Any], mechanism: str, change: dict[str, str]
) -> None:
    options = {**trusting, "security_protocol": "SASL_SSL", "sasl_mechanism": mechanism, **ALICE, **change}
    began = time.monotonic()

    error = raised_by(secure_cluster.servers("SASL_SSL"), options, produce_timeout_ms=20_000)

    user = options["sasl_username"]
    assert f"refused the password of user {user!r} ({mechanism}): check sasl_username, sasl_password" in str(error)
    assert "4711" not in str(error)
    assert time.monotonic() - began < 10  # not produce_timeout_ms
    assert type(error) is ProduceError


@pytest.mark.parametrize("kind", ["expired", "nonsense"])
def test_a_wrong_token(secure_cluster: SecureCluster, trusting: dict[str, Any], kind: str) -> None:
    def token() -> OAuthToken:
        value = "nonsense" if kind == "nonsense" else unsecured_token("alice", lifetime=-60)
        return OAuthToken(value, time.time() + 900)

    options = {
        **trusting,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": token,
    }

    error = raised_by(secure_cluster.servers("SASL_SSL"), options)

    assert "refused the token (OAUTHBEARER)" in row_about(error)
