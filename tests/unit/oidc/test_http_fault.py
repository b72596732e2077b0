"""What went wrong with a token endpoint, in words that say what to do."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl

import pytest

from dekaf._oidc.http_fault import HttpFault, fault_in, fault_of
from dekaf._oidc.http_post import MOST_BYTES, HttpAnswer
from dekaf._oidc.proxy import Proxy, ProxyRefusedError
from dekaf._oidc.token_answer import CHECK_OPTIONS
from dekaf._oidc.token_request import TokenRequest
from dekaf._security.secret import Secret
from tests.unit.security.tracebacks import everything_shown

WHERE = "The token endpoint https://id.example/token"
PROXY = Proxy("proxy.example", 3128, Secret(b"Basic s3cret"))
REQUEST = TokenRequest(Secret(b"x=s3cret"), None, [Secret(b"s3cret")])


def answered(status: int, body: bytes = b"", *, location: str = "", retry_after: str = "") -> HttpFault | None:
    return fault_in(HttpAnswer(status, Secret(body), location=location, retry_after=retry_after), WHERE, REQUEST)


def failed(error: Exception, proxy: Proxy | None = None) -> HttpFault:
    return fault_of(error, WHERE, proxy)


def certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, f"certificate verify failed: {message}")
    error.verify_code = code
    error.verify_message = message
    return error


@pytest.mark.parametrize("status", [200, 201, 204])
def test_successful_answer_has_no_fault(status: int) -> None:
    assert answered(status, b"x" * MOST_BYTES) is None


def test_answer_that_is_too_long_is_told() -> None:
    fault = answered(200, b"x" * (MOST_BYTES + 1))

    assert fault is not None
    assert (str(fault.error), fault.passes) == (f"{WHERE} answered with more than 64 KiB.", False)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_fault_that_passes(status: int) -> None:
    fault = answered(status)

    assert fault is not None
    assert fault.passes
    assert str(fault.error) == f"{WHERE} refused to give a token (HTTP {status})."


@pytest.mark.parametrize("status", [101, 300, 400, 401, 402, 403, 404, 405, 407, 409, 410, 501, 505])
def test_fault_that_lasts(status: int) -> None:
    fault = answered(status)

    assert fault is not None
    assert not fault.passes


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("", 0),
        ("-1", 0),
        ("1.5", 0),
        ("soon", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("9" * 100_000, 0),
    ],
)
def test_wish_to_be_left_alone(header: str, seconds: float) -> None:
    fault = answered(503, retry_after=header)

    assert fault is not None
    assert fault.retry_after == seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_told_with_its_target(status: int) -> None:
    fault = answered(status, location="https://elsewhere.example/token?code=s3cret")

    assert fault is not None
    assert str(fault.error) == (
        f"{WHERE} redirects to https://elsewhere.example/token (HTTP {status}), and redirects are not followed, for "
        "they could take a secret elsewhere: give the final URL in sasl_oauthbearer_token_endpoint_url."
    )


@pytest.mark.parametrize("location", ["", "no url", "https://a\x1b/", "\r\n"])
def test_redirect_without_a_target_that_can_be_shown(location: str) -> None:
    fault = answered(302, location=location)

    assert fault is not None
    assert str(fault.error).startswith(f"{WHERE} redirects (HTTP 302), and")


def test_target_of_a_redirect_is_bounded_and_without_secrets() -> None:
    fault = answered(302, location="https://elsewhere.example/s3cret/" + "x" * 60_000)

    assert fault is not None
    assert "https://elsewhere.example/***/x" in str(fault.error)
    assert len(str(fault.error)) < 700


def test_words_of_a_refusal_are_without_secrets() -> None:
    fault = answered(401, b'{"error":"invalid_client","error_description":"s3cret is wrong"}')

    assert fault is not None
    assert (
        str(fault.error)
        == f"{WHERE} refused to give a token (HTTP 401){CHECK_OPTIONS}. It says: invalid_client: *** is wrong."
    )


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        (
            20,
            "unable to get local issuer certificate",
            "not trusted here (unable to get local issuer certificate): add the authority's certificate to ssl_cafile,",
        ),
        (18, "self-signed certificate", "not trusted here (self-signed certificate): add"),
        (62, "Hostname mismatch", "for another host: use the name that it is for in the endpoint's URL."),
        (10, "certificate has expired", "shows a certificate that has expired: it needs a new one."),
        (9, "certificate is not yet valid", "check the clocks"),
        (26, "unsuitable certificate purpose", "is refused (unsuitable certificate purpose): it needs another one."),
    ],
)
def test_certificates(code: int, message: str, said: str) -> None:
    fault = failed(certificate_error(code, message))

    assert str(fault.error).startswith(WHERE)
    assert str(fault.error).endswith(said) or said in str(fault.error)
    assert not fault.passes


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)), ": Connection refused."),
        (ConnectionResetError(), ": ConnectionResetError."),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), ": EOF occurred in violation of protocol."),
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be resolved (Name or service not known)."),
        (http.client.RemoteDisconnected("x"), "cannot be reached: RemoteDisconnected."),
        (http.client.IncompleteRead(b"s3cret"), "broke off, or does not speak HTTP (IncompleteRead)."),
        (http.client.BadStatusLine("s3cret"), "broke off, or does not speak HTTP (BadStatusLine)."),
        (ValueError("s3cret"), "broke off, or does not speak HTTP (ValueError)."),
    ],
)
def test_faults_of_the_connection(error: Exception, said: str) -> None:
    fault = failed(error)

    assert str(fault.error).startswith(WHERE)
    assert str(fault.error).endswith(said)
    assert fault.passes
    assert not fault.is_timeout
    assert "s3cret" not in everything_shown(fault.error)


def test_time_that_is_over() -> None:
    fault = failed(TimeoutError("timed out"))

    assert str(fault.error) == f"{WHERE} did not answer in time; request_timeout_ms limits it."
    assert (fault.passes, fault.is_timeout) == (True, True)


def test_another_protocol_at_the_port() -> None:
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"

    fault = failed(error)

    assert "cannot be spoken to in TLS (WRONG_VERSION_NUMBER): check scheme, host and port" in str(fault.error)
    assert not fault.passes


@pytest.mark.parametrize(("status", "passes"), [(407, False), (403, False), (0, False), (503, True)])
def test_proxy_that_refuses(status: int, passes: bool) -> None:
    fault = failed(ProxyRefusedError(status, "HTTP/1.1 403 No"), PROXY)

    assert str(fault.error) == (
        f"{WHERE} cannot be reached through the proxy proxy.example:3128 (HTTPS_PROXY), which answers: HTTP/1.1 403 No."
    )
    assert fault.passes is passes


def test_proxy_on_the_way_is_named() -> None:
    assert "through the proxy proxy.example:3128 (HTTPS_PROXY): the proxy's name cannot be resolved" in str(
        failed(socket.gaierror(-2, "x"), PROXY).error
    )
    assert "in time through the proxy proxy.example:3128" in str(failed(TimeoutError(), PROXY).error)


def test_cause_is_without_the_frames_that_know_the_request() -> None:
    def reset(body: str) -> None:
        raise ConnectionResetError(errno.ECONNRESET, "reset") from KeyError(body)

    with pytest.raises(ConnectionResetError) as caught:
        reset("s3cret")

    fault = failed(caught.value)

    cause = fault.error.__cause__
    assert isinstance(cause, ConnectionResetError)
    assert (cause.__traceback__, cause.__context__, cause.__cause__) == (None, None, None)
    assert "s3cret" not in everything_shown(fault.error)
