"""What Kafka refuses, and what it is told in: an error of the right kind, in words, with the option to change."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dekaf import AuthenticationError, BrokerConnectionError, ProduceError, Producer
from dekaf.security import OAuthToken
from tests.broker.secure_ways import WAYS, Way, local_ports, way_options
from tests.certificates import Authority
from tests.kafka.secure_cluster import SecureCluster

Changes = Callable[[SecureCluster, Authority], dict[str, Any]]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the brokers do not know."""
    return Authority(tmp_path_factory.mktemp("foreign"))


def cause_of(options: dict[str, Any]) -> BaseException:
    """Return why a message cannot be sent, which is known within seconds."""
    began = time.monotonic()
    given = {"produce_timeout_ms": 2_000, "close_timeout_ms": 0, **options}
    with Producer(**given) as producer, pytest.raises(ProduceError) as caught:
        producer.produce("t", "k", "v")
    assert time.monotonic() - began < 10
    cause = caught.value.__cause__
    assert cause is not None
    return cause


def nothing(_cluster: SecureCluster, _foreign: Authority) -> dict[str, Any]:
    return {}


def foreign_client(_cluster: SecureCluster, foreign: Authority) -> dict[str, Any]:
    client = foreign.client("mallory")
    return {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}


def expired_client(cluster: SecureCluster, _foreign: Authority) -> dict[str, Any]:
    client = cluster.authority.expired_client("late")
    return {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}


def no_client(_cluster: SecureCluster, _foreign: Authority) -> dict[str, Any]:
    return {"ssl_certfile": None, "ssl_keyfile": None}


REFUSED: dict[str, tuple[Way, Changes, tuple[str, ...]]] = {
    "expired": (Way("EXPIRED"), nothing, ("has expired",)),
    "not yet valid": (Way("FUTURE"), nothing, ("not valid yet",)),
    "of another host": (Way("WRONG_NAME"), nothing, ("ssl_check_hostname=False", "advertised.listeners")),
    "of another authority": (Way("UNKNOWN_CA"), nothing, ("ssl_cafile",)),
    "no client certificate": (Way("MTLS"), no_client, ("ssl_certfile",)),
    "a foreign client certificate": (Way("MTLS"), foreign_client, ("ssl_certfile",)),
    "an expired client certificate": (Way("MTLS"), expired_client, ("ssl_certfile",)),
    "a foreign one where none is demanded": (Way("MTLS_OPTIONAL"), foreign_client, ("ssl_certfile",)),
    "a wrong password": (
        Way("SASL_SSL", "PLAIN"),
        lambda _cluster, _foreign: {"sasl_password": "not-this-one"},
        ("user 'alice'", "sasl_password"),
    ),
    "a wrong password of SCRAM": (
        Way("SASL_PLAINTEXT", "SCRAM-SHA-512"),
        lambda _cluster, _foreign: {"sasl_password": "not-this-one"},
        ("user 'alice'", "sasl_password"),
    ),
    "an unknown user": (
        Way("SASL_SSL", "SCRAM-SHA-256"),
        lambda _cluster, _foreign: {"sasl_username": "mallory"},
        ("user 'mallory'",),
    ),
    "a bad token": (
        Way("SASL_SSL", "OAUTHBEARER"),
        lambda _cluster, _foreign: {"sasl_oauth_token_provider": lambda: OAuthToken("a.b.c", time.time() + 60)},
        ("invalid_token",),
    ),
    "a mechanism that is off": (Way("PLAIN_ONLY", "SCRAM-SHA-256"), nothing, ("it offers PLAIN", "sasl_mechanism")),
}


@pytest.mark.mistake("kafka-python #2572")
@pytest.mark.parametrize("case", REFUSED)
def test_refusal_is_an_authentication_error_in_words(
    secure_cluster: SecureCluster, foreign: Authority, case: str
) -> None:
    way, changes, says = REFUSED[case]
    given = way_options(secure_cluster, way)
    protocol = "SASL_PLAINTEXT" if way.listener == "PLAIN_ONLY" else given["security_protocol"]

    cause = cause_of({**given, "security_protocol": protocol, **changes(secure_cluster, foreign)})

    assert isinstance(cause, AuthenticationError)
    for words in says:
        assert words in str(cause)
    assert "not-this-one" not in str(cause)


@pytest.mark.parametrize("changes", [no_client, foreign_client])
def test_refusal_of_a_certificate_is_the_same_with_tls_1_2(
    secure_cluster: SecureCluster, foreign: Authority, changes: Changes
) -> None:
    context = ssl.create_default_context(cafile=str(secure_cluster.authority.cafile))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    files = changes(secure_cluster, foreign)
    if files["ssl_certfile"]:
        context.load_cert_chain(files["ssl_certfile"], files["ssl_keyfile"])

    cause = cause_of(
        {
            "bootstrap_servers": secure_cluster.servers("MTLS"),
            "security_protocol": "SSL",
            "ssl_context": context,
        }
    )

    assert isinstance(cause, AuthenticationError)
    assert "ssl_context" in str(cause)


MISMATCHES: dict[str, tuple[str, Way]] = {
    "plain text to TLS": ("SSL", Way("PLAINTEXT")),
    "plain SASL to TLS": ("SASL_SSL", Way("SASL_PLAINTEXT", "PLAIN")),
    "TLS to plain text": ("PLAINTEXT", Way("SSL")),
    "TLS to plain SASL": ("SASL_PLAINTEXT", Way("SASL_SSL", "PLAIN")),
    "no SASL to SASL": ("SASL_PLAINTEXT", Way("PLAINTEXT")),
    "SASL to no SASL": ("PLAINTEXT", Way("SASL_PLAINTEXT", "PLAIN")),
}


@pytest.mark.mistake("KAFKA-4493", "kafkajs #1643")
@pytest.mark.parametrize("case", MISMATCHES)
def test_protocols_that_do_not_match_are_no_matter_of_identity(secure_cluster: SecureCluster, case: str) -> None:
    listener, way = MISMATCHES[case]
    servers = secure_cluster.bootstrap_servers if listener == "PLAINTEXT" else secure_cluster.servers(listener)
    if way.listener == "PLAINTEXT":
        options: dict[str, Any] = {}
    else:
        options = way_options(secure_cluster, way)

    cause = cause_of({**options, "bootstrap_servers": servers})

    assert isinstance(cause, BrokerConnectionError)
    assert not isinstance(cause, AuthenticationError)
    assert "security_protocol" in str(cause)


@pytest.mark.mistake("cpython #138193")
def test_certificates_without_the_usual_extensions_are_let_in(secure_cluster: SecureCluster) -> None:
    """Python 3.13 would refuse them, as strimzi-kafka-operator #11375 tells; Java, librdkafka and Go do not."""
    options = way_options(secure_cluster, Way("BARE"), ssl_cafile=str(secure_cluster.bare_cafile))
    with Producer(**options) as producer:
        assert producer.produce("bare", "k", "v").has_offset


@pytest.mark.mistake("aiokafka #855")
def test_name_may_be_left_unchecked_and_the_chain_is_checked_all_the_same(
    secure_cluster: SecureCluster, tmp_path: Path
) -> None:
    unchecked = way_options(secure_cluster, Way("WRONG_NAME"), ssl_check_hostname=False)
    with Producer(**unchecked) as producer:
        assert producer.produce("unchecked", "k", "v").has_offset

    cause = cause_of(way_options(secure_cluster, Way("UNKNOWN_CA"), ssl_check_hostname=False))
    assert isinstance(cause, AuthenticationError)


def test_chain_of_an_intermediate_authority_is_sent(secure_cluster: SecureCluster) -> None:
    client = secure_cluster.authority.intermediate("ours").client("carol")
    files = {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}
    with Producer(**way_options(secure_cluster, Way("MTLS"), **files)) as producer:
        assert producer.produce("chain", "k", "v").has_offset


@pytest.mark.parametrize("way", [way for way in WAYS if way.mechanism], ids=lambda way: way.name)
def test_no_connection_is_left_open_by_a_producer_that_ends(secure_cluster: SecureCluster, way: Way) -> None:
    port = secure_cluster.port(way.listener)
    before = local_ports(port)
    with Producer(**way_options(secure_cluster, way)) as producer:
        producer.produce("left-open", "k", "v")
        assert local_ports(port) - before

    deadline = time.monotonic() + 5
    while local_ports(port) - before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
