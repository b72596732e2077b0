"""Errors of handshakes in words: the ones that real brokers cause, and the ones that real handshakes end with."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
import trustme

from dekaf._security.handshake_errors import (
    TlsPeer,
    closed_early_error,
    closed_unserved_error,
    handshake_error,
    tls_on_plain_port_error,
)
from dekaf._security.tls_context import new_context
from dekaf._security.tls_options import TlsOptions
from dekaf.errors import AuthenticationError, BrokerConnectionError
from tests.unit.security.certificates import Pair, handshake, pair_without_key_identifiers, server_context, source_of

HOST = "broker.example"


def a_peer(
    *, has_certificate: bool = False, has_cafile: bool = True, has_context: bool = False, host: str = HOST
) -> TlsPeer:
    return TlsPeer("b:9093", host, has_certificate, has_cafile, has_context)


def ssl_error(reason: str | None, text: str = "") -> ssl.SSLError:
    """Return an error as the ssl module makes it."""
    error = ssl.SSLError(1, text or f"[SSL: {reason}]")
    error.reason = reason  # type: ignore[assignment]  # None where Python knows no name
    return error


def explained(error: Exception, peer: TlsPeer) -> BrokerConnectionError:
    made = handshake_error(error, peer)
    assert made is not None
    assert made.__cause__ is error
    return made


# What Apache Kafka 4.3.1 was seen to answer, under TLS 1.2 and 1.3, on asyncio's loop and on uvloop's.


def test_kafka_that_demands_a_certificate_names_the_options_to_set() -> None:
    error = explained(ssl_error("SSLV3_ALERT_BAD_CERTIFICATE"), a_peer())

    assert type(error) is AuthenticationError
    assert str(error) == (
        "The broker at b:9093 demands a certificate of its clients (BAD_CERTIFICATE): set ssl_certfile and ssl_keyfile."
    )


def test_kafka_that_does_not_know_our_authority_names_both_sides() -> None:
    error = explained(ssl_error("SSLV3_ALERT_CERTIFICATE_UNKNOWN"), a_peer(has_certificate=True))

    assert type(error) is AuthenticationError
    assert str(error) == (
        "The broker at b:9093 refused our certificate (CERTIFICATE_UNKNOWN): check the one in ssl_certfile, that it "
        "has not expired, and that the broker's trust store holds the authority that issued it "
        "(ssl.truststore.location)."
    )


@pytest.mark.parametrize("reason", ["TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"])
def test_kafka_with_other_versions_or_ciphers_is_no_matter_of_identity(reason: str) -> None:
    error = explained(ssl_error(reason), a_peer(has_certificate=True))

    assert type(error) is BrokerConnectionError
    assert "no version of TLS, or no cipher, in common" in str(error)
    assert "ssl.enabled.protocols" in str(error)


def test_plaintext_port_of_kafka_closes_during_the_handshake() -> None:
    error = explained(ConnectionResetError(), a_peer())

    assert type(error) is BrokerConnectionError
    assert "b:9093 closed the connection during the TLS handshake" in str(error)
    assert "set security_protocol to PLAINTEXT or SASL_PLAINTEXT" in str(error)


def test_tls_port_of_kafka_answers_plain_text_with_an_alert() -> None:
    error = tls_on_plain_port_error("b:9093", bytes.fromhex("15030300020250"))

    assert type(error) is BrokerConnectionError
    assert "b:9093 answers in TLS" in str(error)
    assert "set security_protocol to SSL or SASL_SSL" in str(error)


# What other servers send.


@pytest.mark.parametrize(
    "reason",
    [
        "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "TLSV1_ALERT_UNKNOWN_CA",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "SSLV3_ALERT_NO_CERTIFICATE",
        "TLSV1_ALERT_ACCESS_DENIED",
        "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
    ],
)
@pytest.mark.parametrize("has_certificate", [True, False])
def test_every_alert_about_a_certificate_is_an_authentication_error(reason: str, has_certificate: bool) -> None:
    error = explained(ssl_error(reason), a_peer(has_certificate=has_certificate))

    assert type(error) is AuthenticationError
    assert "ssl_certfile" in str(error)


def test_handshake_failure_may_mean_that_a_certificate_is_missing() -> None:
    error = explained(ssl_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), a_peer())

    assert type(error) is AuthenticationError
    assert str(error).endswith("set ssl_certfile and ssl_keyfile, unless the two have no cipher in common.")


def test_certificate_of_a_users_context_is_looked_for_there() -> None:
    error = explained(ssl_error("SSLV3_ALERT_BAD_CERTIFICATE"), a_peer(has_context=True))

    assert "refused our certificate, or the lack of one (BAD_CERTIFICATE): check the one in ssl_context" in str(error)
    assert "ssl_certfile" not in str(error)


@pytest.mark.parametrize(
    "text",
    ["[SSL] ssl/tls alert bad certificate (_ssl.c:1006)", "sslv3 alert bad certificate (_ssl.c:2580)"],
)
def test_alert_that_python_has_no_name_for_is_known_by_its_text(text: str) -> None:
    error = explained(ssl_error(None, text), a_peer())

    assert type(error) is AuthenticationError
    assert "(BAD_CERTIFICATE)" in str(error)


@pytest.mark.parametrize("reason", ["WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"])
def test_port_that_does_not_speak_tls_names_the_protocol(reason: str) -> None:
    error = explained(ssl_error(reason), a_peer())

    assert type(error) is BrokerConnectionError
    assert "does not answer in TLS" in str(error)
    assert "security_protocol" in str(error)


def test_router_that_does_not_know_the_name_names_the_name() -> None:
    error = explained(ssl_error("TLSV1_UNRECOGNIZED_NAME"), a_peer())

    assert "does not know the name 'broker.example'" in str(error)
    assert "advertised.listeners" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        ssl.SSLEOFError(8, "EOF occurred in violation of protocol"),
        ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed"),
        BrokenPipeError(),
        ConnectionAbortedError(103, "Software caused connection abort"),
    ],
)
def test_end_of_the_stream_within_a_handshake_is_said_to_be_one(error: Exception) -> None:
    made = explained(error, a_peer())

    assert type(made) is BrokerConnectionError
    assert "closed the connection during the TLS handshake" in str(made)


def test_endless_handshake_is_said_to_be_one() -> None:
    error = ConnectionAbortedError("SSL handshake is taking longer than 5 seconds: aborting the connection")

    made = explained(error, a_peer())

    assert type(made) is BrokerConnectionError
    assert "did not complete the TLS handshake in time" in str(made)
    assert "socket_connection_setup_timeout_ms" in str(made)


def test_other_failures_of_tls_are_named() -> None:
    made = explained(ssl_error("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), a_peer())

    assert type(made) is BrokerConnectionError
    assert str(made) == "The TLS handshake with the broker at b:9093 failed: DECRYPTION_FAILED_OR_BAD_RECORD_MAC."


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(111, "refused"), TimeoutError(), OSError(113, "No route to host"), ValueError("other")],
)
def test_what_has_nothing_to_do_with_tls_is_left_to_others(error: Exception) -> None:
    assert handshake_error(error, a_peer()) is None


@pytest.mark.parametrize("received", [b"", b"\x15", b"\x00\x00\x00\x2e", b"HTTP/1.1 400", b"\x15\x00\x00\x00"])
def test_bytes_that_are_no_tls_are_left_to_others(received: bytes) -> None:
    assert tls_on_plain_port_error("b:9092", received) is None


def test_broker_that_closes_without_a_word_is_given_its_likely_reasons() -> None:
    assert "ssl_certfile" in str(closed_early_error("b:9093", is_encrypted=True))
    assert "set security_protocol to SSL or SASL_SSL" in str(closed_early_error("b:9093", is_encrypted=False))


@pytest.mark.parametrize(("is_encrypted", "protocol"), [(True, "SASL_SSL"), (False, "SASL_PLAINTEXT")])
def test_broker_that_closes_at_the_first_request_may_want_a_login(is_encrypted: bool, protocol: str) -> None:
    error = closed_unserved_error("b:9093", is_encrypted=is_encrypted)

    assert type(error) is BrokerConnectionError
    assert f"set security_protocol to {protocol}, and sasl_mechanism" in str(error)


# What we find wrong with a broker, from handshakes that really take place.


def failure_of(client: ssl.SSLContext, server: ssl.SSLContext, host: str = HOST) -> ssl.SSLCertVerificationError:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        handshake(client, server, host)
    return caught.value


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    return new_context(TlsOptions(cafile=source_of("ssl_cafile", authority.cert_pem.bytes().decode())))


@pytest.mark.parametrize("host", ["other.example", "127.0.0.2"])
@pytest.mark.parametrize(
    ("has_context", "remedy"), [(False, "ssl_check_hostname=False"), (True, "context.check_hostname = False")]
)
def test_wrong_host_is_named_with_every_remedy(
    host: str, has_context: bool, remedy: str, authority: trustme.CA, server_pair: Pair, tmp_path: Path
) -> None:
    raised = failure_of(trusting(authority), server_context(server_pair, tmp_path), host)

    error = explained(raised, a_peer(host=host, has_context=has_context))

    assert type(error) is AuthenticationError
    assert f"The certificate of the broker at b:9093 is not for '{host}', which we dialled" in str(error)
    assert "advertised.listeners" in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize(
    ("peer", "remedy"),
    [
        (a_peer(has_cafile=False), "set ssl_cafile to the certificate of the cluster's authority"),
        (a_peer(has_cafile=True), "ssl_cafile holds other authorities"),
        (a_peer(has_context=True), "load the certificate .* into the context in ssl_context"),
    ],
)
@pytest.mark.parametrize("is_self_signed", [True, False])
def test_unknown_authority_asks_for_the_right_one(
    peer: TlsPeer,
    remedy: str,
    is_self_signed: bool,
    authority: trustme.CA,
    other_authority: trustme.CA,
    tmp_path: Path,
) -> None:
    pair = Pair.of(other_authority.issue_cert(HOST))
    if is_self_signed:  # the chain ends with a root that is sent along
        pair = Pair(certificate=pair.certificate + other_authority.cert_pem.bytes().decode(), key=pair.key)
    raised = failure_of(trusting(authority), server_context(pair, tmp_path))

    error = explained(raised, peer)

    assert type(error) is AuthenticationError
    assert "is not from an authority that is trusted here" in str(error)
    with pytest.raises(AuthenticationError, match=remedy):
        raise error


@pytest.mark.parametrize(
    ("first_day", "last_day", "words"),
    [(2019, 2020, "has expired: the broker needs a new one"), (2090, 2099, "is not valid yet: check the clocks")],
)
def test_time_of_the_certificate_is_said_to_be_wrong(
    first_day: int, last_day: int, words: str, authority: trustme.CA, tmp_path: Path
) -> None:
    leaf = authority.issue_cert(
        HOST,
        not_before=datetime.datetime(first_day, 1, 1, tzinfo=datetime.UTC),
        not_after=datetime.datetime(last_day, 1, 1, tzinfo=datetime.UTC),
    )
    raised = failure_of(trusting(authority), server_context(Pair.of(leaf), tmp_path))

    error = explained(raised, a_peer())

    assert type(error) is AuthenticationError
    assert words in str(error)


def test_strictness_of_a_users_context_is_recognized(tmp_path: Path) -> None:
    authorities, pair = pair_without_key_identifiers(HOST)
    strict = ssl.create_default_context(cadata=authorities)
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    raised = failure_of(strict, server_context(pair, tmp_path))

    error = explained(raised, a_peer(has_context=True))

    assert type(error) is AuthenticationError
    assert "context.verify_flags &= ~ssl.VERIFY_X509_STRICT" in str(error)


def test_other_faults_of_a_certificate_are_quoted(authority: trustme.CA) -> None:
    raised = ssl.SSLCertVerificationError(1, "certificate verify failed")
    raised.verify_code = 23
    raised.verify_message = "certificate revoked"

    assert "is refused (certificate revoked)" in str(explained(raised, a_peer()))
