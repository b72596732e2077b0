"""Brokers that cheat, stall or refuse while a connection authenticates: an error in words, soon, and no hammering."""

from __future__ import annotations

import ssl
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from dekaf import AuthenticationError, BrokerConnectionError, ProduceError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster, SaslAccounts, SaslFault, Trigger
from tests.certificates import Authority
from tests.scenarios.faces import ThreadFace
from tests.scenarios.places import silent_server
from tests.scenarios.secured import PASSWORD, TOPIC, USER, secured_cluster, secured_options

PATIENCE_MS = 2_000  # on a busy machine, too, an attempt or two fail meanwhile
# Each attempt waits twice as long as the one before, beginning with 20 ms.
MOST_ATTEMPTS = 10
MIB = 1024 * 1024


def failure_of(servers: str, options: dict[str, Any]) -> ProduceError:
    """Return what a message fails with where nobody is let in: at once if it is refused, else when its time is over."""
    began = time.monotonic()
    given: dict[str, Any] = {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 1_000, **options}
    with ThreadFace(servers, produce_timeout_ms=PATIENCE_MS, close_timeout_ms=0, **given) as face:
        error = face.call(TOPIC, b"v").exception(10)
    assert isinstance(error, ProduceError)
    assert not error.may_be_persisted
    assert time.monotonic() - began < 10
    assert PASSWORD not in f"{error} {error.__cause__!r}"
    return error


SPOILT = {
    SaslFault.OTHER_NONCE: "did not continue our nonce",
    SaslFault.CLIENT_NONCE: "did not continue our nonce",
    SaslFault.MANDATORY_EXTENSION: "extension that this client does not know",
    SaslFault.ITERATION_BOMB: "iterations",
    SaslFault.FEW_ITERATIONS: "asks for 1 iterations",
    SaslFault.BAD_SALT: "a salt that is not base64",
    SaslFault.BAD_SIGNATURE: "proved to know another password: it may be an impostor",
    SaslFault.NO_SIGNATURE: "did not prove that it knows the password",
    SaslFault.SERVER_ERROR: "refused: other-error",
    SaslFault.GARBAGE: "not text",
}


@pytest.mark.parametrize("fault", SPOILT, ids=lambda fault: fault.value)
def test_broker_that_cheats_in_scram_is_not_believed(fault: SaslFault) -> None:
    with secured_cluster(None) as cluster:
        cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(fault, times=ALWAYS)

        error = failure_of(cluster.bootstrap_servers, secured_options("SCRAM-SHA-256"))

        assert isinstance(error.__cause__, AuthenticationError)
        assert SPOILT[fault] in str(error.__cause__)
        assert len(cluster.connections) <= MOST_ATTEMPTS
        assert cluster.log(TOPIC) == []


def wrong_password() -> dict[str, Any]:
    return {"sasl_password": f"{PASSWORD}-of-last-year"}


REFUSED: dict[str, tuple[str, Callable[[], dict[str, Any]], str]] = {
    "PLAIN, wrong password": ("PLAIN", wrong_password, "refused the password of user 'alice'"),
    "SCRAM-SHA-256, wrong password": ("SCRAM-SHA-256", wrong_password, "user 'alice'"),
    "SCRAM-SHA-512, wrong password": ("SCRAM-SHA-512", wrong_password, "user 'alice'"),
    "SCRAM-SHA-512, no such user": ("SCRAM-SHA-512", lambda: {"sasl_username": "bob"}, "user 'bob'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_credentials_that_are_refused_are_told_with_what_to_check(case: str) -> None:
    mechanism, changes, says = REFUSED[case]
    with secured_cluster(None) as cluster:
        error = failure_of(cluster.bootstrap_servers, secured_options(mechanism, **changes()))

        assert isinstance(error.__cause__, AuthenticationError)
        assert says in str(error.__cause__)
        assert "sasl_mechanism" in str(error.__cause__)
        assert len(cluster.connections) <= MOST_ATTEMPTS


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "OAUTHBEARER"])
def test_mechanism_that_is_off_is_told_with_those_that_are_on(mechanism: str) -> None:
    with secured_cluster(None, sasl=SaslAccounts({USER: PASSWORD}, mechanisms=["SCRAM-SHA-256"])) as cluster:
        error = failure_of(cluster.bootstrap_servers, secured_options(mechanism))

    assert isinstance(error.__cause__, AuthenticationError)
    assert f"does not offer {mechanism}" in str(error.__cause__)
    assert "SCRAM-SHA-256" in str(error.__cause__)


def test_token_that_is_refused_is_told_in_the_brokers_words() -> None:
    with secured_cluster(None, sasl=SaslAccounts(accept_token=lambda _token: None)) as cluster:
        error = failure_of(cluster.bootstrap_servers, secured_options("OAUTHBEARER"))

    assert isinstance(error.__cause__, AuthenticationError)
    assert "invalid_token" in str(error.__cause__)


STALLS: dict[str, Callable[[FakeCluster], Trigger]] = {
    "version request": lambda cluster: cluster.on(ApiKey.API_VERSIONS),
    "handshake of SASL": lambda cluster: cluster.on(ApiKey.SASL_HANDSHAKE),
    "first round": lambda cluster: cluster.on(ApiKey.SASL_AUTHENTICATE),
    "second round": lambda cluster: cluster.on(ApiKey.SASL_AUTHENTICATE, nth=2),
    "handshake of TLS": lambda cluster: cluster.on_tls_handshake(),
}


@pytest.mark.parametrize("stall", STALLS)
def test_broker_that_never_answers_is_left_within_the_setup_timeout(authority: Authority, stall: str) -> None:
    with secured_cluster(authority) as cluster:
        STALLS[stall](cluster).never_answer(times=ALWAYS)

        options = secured_options("SCRAM-SHA-256", authority, socket_connection_setup_timeout_ms=100)
        error = failure_of(cluster.bootstrap_servers, options)

        assert isinstance(error.__cause__, BrokerConnectionError)
        assert not isinstance(error.__cause__, AuthenticationError)
        assert "in time" in str(error.__cause__) or "socket_connection_setup_timeout_ms=100" in str(error.__cause__)
        assert 1 < len(cluster.connections) + len(cluster.handshakes) <= 2 * MOST_ATTEMPTS


def test_setup_timeout_covers_tls_and_sasl_together(authority: Authority) -> None:
    """A broker that takes its time for each must not get the whole of it twice."""
    with secured_cluster(authority) as cluster:
        cluster.on_tls_handshake().delay(1.4, times=ALWAYS)
        cluster.on(ApiKey.SASL_HANDSHAKE).never_answer(times=ALWAYS)
        options = secured_options("PLAIN", authority, socket_connection_setup_timeout_ms=2_000)
        with ThreadFace(cluster.bootstrap_servers, **{**options, "close_timeout_ms": 0}) as face:
            face.produce(TOPIC, b"v")
            cluster.wait_until(lambda: cluster.connections)
            began = cluster.handshakes[0].started_at
            cluster.wait_until(lambda: not cluster.connections[0].is_open)

            assert time.monotonic() - began < 3


@pytest.mark.parametrize("stall", ["handshake of SASL", "first round", "second round"])
def test_broker_that_hangs_up_while_we_authenticate_is_asked_again(stall: str) -> None:
    with secured_cluster(None) as cluster:
        STALLS[stall](cluster).close_before_append(times=2)
        with ThreadFace(cluster.bootstrap_servers, **secured_options("SCRAM-SHA-256")) as face:
            assert face.produce(TOPIC, b"v").result(10).has_offset

        assert len(cluster.connections) > 2


@pytest.mark.parametrize("mechanism", ["PLAIN", "OAUTHBEARER", "SCRAM-SHA-256"])
def test_answers_that_make_no_sense_end_the_connection(mechanism: str) -> None:
    with secured_cluster(None) as cluster:
        cluster.on(ApiKey.SASL_AUTHENTICATE).spoil(SaslFault.GARBAGE, times=ALWAYS)

        error = failure_of(cluster.bootstrap_servers, secured_options(mechanism))

        assert isinstance(error.__cause__, AuthenticationError)
        assert len(cluster.connections) <= MOST_ATTEMPTS


# TLS.


def demanding(authority: Authority, verify: ssl.VerifyMode = ssl.CERT_REQUIRED) -> ssl.SSLContext:
    """Return a broker's context that asks for certificates of clients."""
    server = authority.server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certfile, server.keyfile)
    context.load_verify_locations(authority.cafile)
    context.verify_mode = verify
    return context


def tls_options(authority: Authority, **options: Any) -> dict[str, Any]:
    return {"security_protocol": "SSL", "ssl_cafile": str(authority.cafile), **options}


BAD_CERTIFICATES: dict[str, tuple[Callable[[Authority, Authority], tuple[Any, Any]], str]] = {
    "expired": (lambda ours, _other: _files(ours.expired_server()), "has expired"),
    "not yet valid": (lambda ours, _other: _files(ours.future_server()), "not valid yet"),
    "of another host": (lambda ours, _other: _files(ours.server("other", "kafka.example")), "ssl_check_hostname"),
    "of another authority": (lambda _ours, other: _files(other.server()), "ssl_cafile"),
}


def _files(pair: Any) -> tuple[Any, Any]:
    return pair.certfile, pair.keyfile


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other-authority"))


@pytest.mark.parametrize("case", BAD_CERTIFICATES)
def test_broker_with_a_bad_certificate_is_told_in_words(
    authority: Authority, other_authority: Authority, case: str
) -> None:
    make, says = BAD_CERTIFICATES[case]
    with FakeCluster(topics={TOPIC: 1}, tls=make(authority, other_authority), host="localhost") as cluster:
        error = failure_of(cluster.bootstrap_servers, tls_options(authority))

        assert isinstance(error.__cause__, AuthenticationError)
        assert says in str(error.__cause__)
        assert len(cluster.handshakes) <= MOST_ATTEMPTS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", ["none", "foreign"])
def test_broker_that_wants_another_certificate_of_us_is_told_in_words(
    authority: Authority, other_authority: Authority, version: ssl.TLSVersion, shown: str
) -> None:
    context = demanding(authority)
    context.maximum_version = context.minimum_version = version
    options = tls_options(authority)
    if shown == "foreign":
        client = other_authority.client("mallory")
        options |= {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}
    with FakeCluster(topics={TOPIC: 1}, tls=context, host="localhost") as cluster:
        error = failure_of(cluster.bootstrap_servers, options)

        assert isinstance(error.__cause__, AuthenticationError)
        assert "ssl_certfile" in str(error.__cause__)
        assert len(cluster.handshakes) <= MOST_ATTEMPTS


@pytest.mark.mistake("librdkafka #4900")
def test_foreign_certificate_is_refused_where_none_at_all_would_do(
    authority: Authority, other_authority: Authority
) -> None:
    """librdkafka #4900: it was sent, and refused, where going without would have been let in.

    Dekaf sends what it was told to send: the error says so, and leaving the option out is the remedy.
    """
    client = other_authority.client("mallory")
    shown = {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}
    optional = demanding(authority, ssl.CERT_OPTIONAL)
    with FakeCluster(topics={TOPIC: 1}, tls=optional, host="localhost") as cluster:
        error = failure_of(cluster.bootstrap_servers, tls_options(authority, **shown))
        with ThreadFace(cluster.bootstrap_servers, **tls_options(authority)) as face:
            assert face.produce(TOPIC, b"v").result(10).has_offset

    assert isinstance(error.__cause__, AuthenticationError)
    assert "ssl_certfile" in str(error.__cause__)


@pytest.mark.mistake("KAFKA-4493", "logstash-input-kafka #153", "kafkajs #1643")
def test_plain_text_and_tls_that_meet_are_told_apart_at_the_cost_of_nothing(authority: Authority) -> None:
    """KAFKA-4493: the answer in TLS was taken for the size of a frame, and 352 MB were allocated for it."""
    tracemalloc.start()
    try:
        with FakeCluster(topics={TOPIC: 1}) as plain:
            to_plain = failure_of(plain.bootstrap_servers, tls_options(authority))
        with secured_cluster(authority) as secured:
            to_tls = failure_of(secured.bootstrap_servers, {})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    for error in (to_plain, to_tls):
        assert isinstance(error.__cause__, BrokerConnectionError)
        assert not isinstance(error.__cause__, AuthenticationError)
        assert "security_protocol" in str(error.__cause__)
    assert peak < 32 * MIB


def test_port_that_takes_connections_and_says_nothing_is_left_in_time(authority: Authority) -> None:
    with silent_server() as address:
        options = tls_options(authority, socket_connection_setup_timeout_ms=100, ssl_check_hostname=False)
        error = failure_of(address, options)

    assert isinstance(error.__cause__, BrokerConnectionError)
    assert not isinstance(error.__cause__, AuthenticationError)
