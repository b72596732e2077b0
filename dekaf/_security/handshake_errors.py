"""What an error of a TLS handshake means, in words and with a remedy.

The names are those that OpenSSL gives to alerts (https://datatracker.ietf.org/doc/html/rfc8446#section-6.2). Which of
them Apache Kafka 4.3 sends was tried: to a client without a certificate bad_certificate, to one whose certificate is of
an unknown authority or has expired certificate_unknown, to one without a common cipher handshake_failure. Those about
certificates come within the handshake under TLS 1.2, and after it under 1.3, when `connection_made` has run. Servers
built on OpenSSL send others.
"""

from __future__ import annotations

import re
import ssl
from typing import Final, NamedTuple

from dekaf.errors import AuthenticationError, BrokerConnectionError, caused_error

__all__ = ("TlsPeer", "closed_early_error", "closed_unserved_error", "handshake_error", "tls_on_plain_port_error")

# OpenSSL's verification results: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST: Final = frozenset({62, 64})  # a name, an address
# What only VERIFY_X509_STRICT minds, such as a missing key identifier.
_STRICT: Final = frozenset(range(80, 94))

_NOTHING_IN_COMMON: Final = frozenset(
    {
        "HANDSHAKE_FAILURE",
        "INSUFFICIENT_SECURITY",
        "NO_CIPHERS_AVAILABLE",
        "NO_PROTOCOLS_AVAILABLE",
        "PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
    }
)
_NOT_TLS: Final = frozenset(
    {"HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE", "WRONG_VERSION_NUMBER"}
)

# OpenSSL's names of alerts that were received begin so; the text of an error has only the second half.
_ALERT: Final = re.compile(r"(?:^(?:SSLV3|TLSV13?)_(?:ALERT_)?|ALERT_)([A-Z_]+)")


class TlsPeer(NamedTuple):
    """Whom a handshake was with, and what we brought to it.

    Args:
        address: the broker, as errors call it.
        host: the name or address that its certificate must be for.
        has_certificate: whether we have a certificate to show; of a user's context that is not known.
        has_cafile: whether ``ssl_cafile`` is given.
        has_context: whether the context is the user's.
    """

    address: str
    host: str
    has_certificate: bool
    has_cafile: bool
    has_context: bool


def handshake_error(error: Exception, peer: TlsPeer) -> BrokerConnectionError | None:
    """Say what went wrong between the connection of TCP and the broker's first answer.

    Of an error that ``create_connection`` raised, or with which ``connection_lost`` was called before anything was
    received. Both event loops deliver the same.

    Args:
        error: what was delivered.
        peer: whom the handshake was with.

    Returns:
        An AuthenticationError if a certificate was refused, by either side; another BrokerConnectionError if the two
        do not understand each other; None if TLS has nothing to do with it. The error given is its cause.
    """
    made = _error_for(error, peer)
    return None if made is None else caused_error(made, error)


def _error_for(error: Exception, peer: TlsPeer) -> BrokerConnectionError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return AuthenticationError(f"The certificate of the broker at {peer.address} {_fault_of_theirs(error, peer)}")
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionResetError, BrokenPipeError)):
        return _closed_error(peer)
    if isinstance(error, ConnectionAbortedError):  # how event loops end a handshake that takes too long
        if "handshake" not in str(error):
            return _closed_error(peer)
        return BrokerConnectionError(
            f"The broker at {peer.address} did not complete the TLS handshake in time: if its port is plaintext, set "
            "security_protocol to PLAINTEXT or SASL_PLAINTEXT; otherwise it is overloaded, or raise "
            "socket_connection_setup_timeout_ms."
        )
    if isinstance(error, ssl.SSLError):
        return _refusal_error(_reason_of(error), peer)
    return None


def _refusal_error(reason: str, peer: TlsPeer) -> BrokerConnectionError:
    alert = _ALERT.search(reason)
    name = reason if alert is None else alert.group(1).strip("_")
    if alert is not None and _is_about_our_certificate(name, peer):
        return AuthenticationError(f"The broker at {peer.address} {_fault_of_ours(name, peer)}")
    if name in _NOTHING_IN_COMMON:
        return BrokerConnectionError(
            f"The broker at {peer.address} and this client have no version of TLS, or no cipher, in common ({name}): "
            "dekaf speaks TLS 1.2 and 1.3; enable one of them in the broker's ssl.enabled.protocols, and ciphers for "
            "the kind of key its certificate has."
        )
    if name == "UNRECOGNIZED_NAME":
        return BrokerConnectionError(
            f"The broker at {peer.address} does not know the name {peer.host!r}: check bootstrap_servers and the "
            "broker's advertised.listeners."
        )
    if name in _NOT_TLS:
        return BrokerConnectionError(
            f"The broker at {peer.address} does not answer in TLS ({name}): its port is plaintext, or another "
            "protocol's: set security_protocol to PLAINTEXT or SASL_PLAINTEXT, or use the port of its TLS listener."
        )
    return BrokerConnectionError(f"The TLS handshake with the broker at {peer.address} failed: {name}.")


def _is_about_our_certificate(alert: str, peer: TlsPeer) -> bool:
    """Return whether an alert is about a client's certificate, or about its absence."""
    if alert == "HANDSHAKE_FAILURE":  # what servers built on OpenSSL say under TLS 1.2 to a client without one
        return not peer.has_certificate
    return "CERTIFICATE" in alert or alert in {"ACCESS_DENIED", "UNKNOWN_CA"}


def _fault_of_theirs(error: ssl.SSLCertVerificationError, peer: TlsPeer) -> str:
    code = error.verify_code
    if code in _WRONG_HOST:
        remedy = "context.check_hostname = False" if peer.has_context else "ssl_check_hostname=False"
        return (
            f"is not for {peer.host!r}, which we dialled: use a name that it holds, in bootstrap_servers and in the "
            f"broker's advertised.listeners, or have one issued that holds this name. {remedy} leaves the name "
            "unchecked."
        )
    if code in _UNKNOWN_AUTHORITY:
        return f"is not from an authority that is trusted here ({error.verify_message}): {_authority_remedy(peer)}"
    if code == _EXPIRED:
        return "has expired: the broker needs a new one; as soon as it has one, connections succeed."
    if code == _NOT_YET_VALID:
        return "is not valid yet: check the clocks of this machine and of the one that issued it."
    if code in _STRICT and peer.has_context:
        return (
            f"lacks what only strict contexts demand ({error.verify_message}): "
            "context.verify_flags &= ~ssl.VERIFY_X509_STRICT accepts it, as dekaf's own contexts do."
        )
    return f"is refused ({error.verify_message}): the broker needs another one."


def _authority_remedy(peer: TlsPeer) -> str:
    if peer.has_context:
        return "load the certificate of the cluster's authority into the context in ssl_context."
    if peer.has_cafile:
        return "ssl_cafile holds other authorities; it needs the certificate of the one that issued the broker's."
    return "set ssl_cafile to the certificate of the cluster's authority."


def _fault_of_ours(alert: str, peer: TlsPeer) -> str:
    unless = ", unless the two have no cipher in common" if alert == "HANDSHAKE_FAILURE" else ""
    accepted = "that it has not expired, and that the broker's trust store holds the authority that issued it"
    if peer.has_context:
        return (
            f"refused our certificate, or the lack of one ({alert}): check the one in ssl_context, {accepted}{unless}."
        )
    if peer.has_certificate:
        return (
            f"refused our certificate ({alert}): check the one in ssl_certfile, {accepted} (ssl.truststore.location)."
        )
    return f"demands a certificate of its clients ({alert}): set ssl_certfile and ssl_keyfile{unless}."


def _closed_error(peer: TlsPeer) -> BrokerConnectionError:
    return BrokerConnectionError(
        f"The broker at {peer.address} closed the connection during the TLS handshake: if its port is plaintext, set "
        "security_protocol to PLAINTEXT or SASL_PLAINTEXT; otherwise its log has the reason."
    )


def tls_on_plain_port_error(address: str, received: bytes) -> BrokerConnectionError | None:
    """Say that the first bytes received over an unencrypted connection are TLS; None if they are not.

    A port that expects TLS answers plain text with an alert.

    Args:
        address: the broker.
        received: the first two bytes, or more.
    """
    # A record begins with its type, 20 to 23, and the major version 3: as the size of a frame, 335 MB at least.
    if len(received) < 2 or not 20 <= received[0] <= 23 or received[1] != 3:
        return None
    return BrokerConnectionError(
        f"The broker at {address} answers in TLS, and this connection is not encrypted: set security_protocol to SSL "
        "or SASL_SSL, or use the port of its plaintext listener."
    )


def closed_early_error(address: str, *, is_encrypted: bool) -> BrokerConnectionError:
    """Make the error for a connection that the broker closed, without a word, before its first answer."""
    if is_encrypted:
        return BrokerConnectionError(
            f"The broker at {address} closed the connection before it answered: it may demand a certificate of its "
            "clients (ssl_certfile); its log has the reason."
        )
    return BrokerConnectionError(
        f"The broker at {address} closed the connection before it answered: if its port expects TLS, set "
        "security_protocol to SSL or SASL_SSL; otherwise its log has the reason."
    )


def closed_unserved_error(address: str, *, is_encrypted: bool) -> BrokerConnectionError:
    """Make the error for a connection without a login that the broker closed at its first request.

    Brokers that want a login tell their versions to everybody, and close the connection at anything else.

    Args:
        address: The broker.
        is_encrypted: Whether the connection is.
    """
    protocol = "SASL_SSL" if is_encrypted else "SASL_PLAINTEXT"
    return BrokerConnectionError(
        f"The broker at {address} closed the connection at the first request: if its listener wants a login, set "
        f"security_protocol to {protocol}, and sasl_mechanism; otherwise its log has the reason."
    )


def _reason_of(error: ssl.SSLError) -> str:
    # Not as an attribute: typeshed says text, machine code believes it, and of an error that this Python has no name
    # for it is None.
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, str) else str(error).upper().replace(" ", "_")[:200]
