"""A token endpoint that is asked, again where that helps, and not for longer than it may take."""

from __future__ import annotations

import base64
import json
import socket
import time
from pathlib import Path

import pytest

from dekaf import CredentialsUnavailableError
from dekaf._oidc.endpoint_trust import EndpointTrust
from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.token_endpoint import TokenEndpoint
from dekaf._oidc.token_request import token_request
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from tests.certificates import Authority, KeyPair
from tests.oauth import ConnectProxy, Manner, TokenAnswer, TokenServer
from tests.unit.oidc.clients import SECRET, shop
from tests.unit.oidc.odd_server import OddServer, drips, says
from tests.unit.security.tracebacks import everything_shown, frames_of_dekaf

UNAVAILABLE = TokenAnswer(status=503, body=b"busy")


class Clock:
    """A clock that goes on by what is slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def endpoint(url: str, cafile: PemSource | None, clock: Clock | None = None, *, seconds: float = 10.0) -> TokenEndpoint:
    trust = EndpointTrust(cafile)
    if clock is None:
        return TokenEndpoint(EndpointUrl(url), trust, seconds)
    return TokenEndpoint(EndpointUrl(url), trust, seconds, clock=clock.time, sleep=clock.sleep)


def ask(asked: TokenEndpoint, url: str) -> Secret:
    return asked.ask(token_request(shop(url), None))


def test_answer_of_the_endpoint(server: TokenServer, cafile: PemSource) -> None:
    body = ask(endpoint(server.url, cafile), server.url)

    assert json.loads(body.reveal())["access_token"] == server.issued[0]
    assert server.violations == []


def test_passing_faults_are_outlasted_with_growing_pauses(server: TokenServer, cafile: PemSource, clock: Clock) -> None:
    """KIP-768: 100 ms, doubled each time."""
    server.answer_next(
        UNAVAILABLE,
        TokenAnswer(status=429),
        TokenAnswer(manner=Manner.CLOSED),
        TokenAnswer(body=b'{"access_token":"half of it"}', manner=Manner.CUT),
        TokenAnswer(status=408),
    )

    ask(endpoint(server.url, cafile, clock), server.url)

    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert len(server.requests) == 6


def test_fault_that_does_not_pass_in_time_is_told(server: TokenServer, cafile: PemSource, clock: Clock) -> None:
    server.answer_always(UNAVAILABLE)

    with pytest.raises(CredentialsUnavailableError, match=r"/token refused to give a token \(HTTP 503\)\.$"):
        ask(endpoint(server.url, cafile, clock, seconds=2.0), server.url)

    assert clock.slept == [0.1, 0.2, 0.4, 0.8]  # 1.6 would be too late


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_refusal_is_told_at_once(server: TokenServer, cafile: PemSource, clock: Clock, status: int) -> None:
    server.answer_always(TokenAnswer.refusal("invalid_client", status=status))

    with pytest.raises(CredentialsUnavailableError, match=rf"\(HTTP {status}\).*\. It says: invalid_client: the test"):
        ask(endpoint(server.url, cafile, clock), server.url)

    assert clock.slept == []
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_told_and_not_followed(
    server: TokenServer, cafile: PemSource, key_pair: KeyPair, status: int
) -> None:
    with TokenServer(key_pair, clients={"shop": SECRET}) as elsewhere:
        server.answer_next(TokenAnswer.redirection(elsewhere.url, status=status))

        with pytest.raises(CredentialsUnavailableError, match=f"redirects to {elsewhere.url}"):
            ask(endpoint(server.url, cafile), server.url)

        assert elsewhere.requests == []


def test_redirect_to_nowhere_is_told(server: TokenServer, cafile: PemSource) -> None:
    server.answer_next(TokenAnswer(status=302))

    with pytest.raises(CredentialsUnavailableError, match=r"redirects \(HTTP 302\)"):
        ask(endpoint(server.url, cafile), server.url)


def test_endpoints_wish_to_be_left_alone_is_granted(server: TokenServer, cafile: PemSource, clock: Clock) -> None:
    server.answer_next(TokenAnswer(status=429, headers={"Retry-After": "3"}), UNAVAILABLE)

    ask(endpoint(server.url, cafile, clock), server.url)

    assert clock.slept == [3.0, 0.2]


def test_endpoint_that_wants_to_be_left_alone_for_long_is_given_up(
    server: TokenServer, cafile: PemSource, clock: Clock
) -> None:
    server.answer_next(TokenAnswer(status=503, headers={"Retry-After": "3600"}))

    with pytest.raises(CredentialsUnavailableError, match="HTTP 503"):
        ask(endpoint(server.url, cafile, clock), server.url)

    assert clock.slept == []


@pytest.mark.parametrize("manner", [Manner.NEVER, Manner.DRIPPING])
def test_endpoint_that_never_ends_is_given_up_in_time(server: TokenServer, cafile: PemSource, manner: Manner) -> None:
    server.answer_always(TokenAnswer(manner=manner))
    began = time.monotonic()

    with pytest.raises(CredentialsUnavailableError, match=r"did not answer in time; request_timeout_ms limits it\.$"):
        ask(endpoint(server.url, cafile, seconds=0.5), server.url)

    assert time.monotonic() - began < 5.0


def test_drip_within_the_headers_is_given_up_in_time() -> None:
    with OddServer(drips(b"HTTP/1.1 200 OK\r\nX: ")) as odd:
        url = f"http://localhost:{odd.port}/"

        with pytest.raises(CredentialsUnavailableError, match="did not answer in time"):
            ask(endpoint(url, None, seconds=0.3), url)


def test_earlier_fault_is_told_where_the_last_was_only_time(server: TokenServer, cafile: PemSource) -> None:
    server.answer_next(UNAVAILABLE)
    server.answer_always(TokenAnswer(manner=Manner.NEVER))

    with pytest.raises(CredentialsUnavailableError, match="HTTP 503"):
        ask(endpoint(server.url, cafile, seconds=1.0), server.url)

    assert len(server.requests) == 2


def test_large_answer_is_refused_at_once(server: TokenServer, cafile: PemSource) -> None:
    server.answer_next(TokenAnswer.oversized(70_000))

    with pytest.raises(CredentialsUnavailableError, match="answered with more than 64 KiB"):
        ask(endpoint(server.url, cafile), server.url)

    assert len(server.requests) == 1


@pytest.mark.mistake(
    "librdkafka #3751", "librdkafka #4761", "confluent-kafka-python #1702", "confluent-kafka-python #1782"
)
def test_unknown_authority_names_the_endpoint_and_the_option(server: TokenServer, other_authority: Authority) -> None:
    """librdkafka#3751: the endpoint's certificate was verified against others, and the error did not say whose."""
    url = server.url
    others = PemSource("ssl_cafile", path=str(other_authority.cafile))

    with pytest.raises(CredentialsUnavailableError, match=rf"^The token endpoint {url} shows.*ssl_cafile"):
        ask(endpoint(url, others), url)

    assert server.requests == []
    assert server.failed_handshakes <= 1  # it was not tried again


def test_systems_authorities_are_trusted_beside_those_of_the_option(
    server: TokenServer, authority: Authority, other_authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.cafile))

    ask(endpoint(server.url, PemSource("ssl_cafile", path=str(other_authority.cafile))), server.url)

    assert len(server.issued) == 1


def test_certificate_for_another_host_is_refused(authority: Authority, cafile: PemSource) -> None:
    with TokenServer(authority.server("elsewhere", "elsewhere.example"), clients={"shop": SECRET}) as server:
        with pytest.raises(CredentialsUnavailableError, match="shows a certificate for another host"):
            ask(endpoint(server.url, cafile), server.url)

        assert server.requests == []


def test_expired_certificate_is_refused(authority: Authority, cafile: PemSource) -> None:
    with (
        TokenServer(authority.expired_server(), clients={"shop": SECRET}) as server,
        pytest.raises(CredentialsUnavailableError, match="shows a certificate that has expired"),
    ):
        ask(endpoint(server.url, cafile), server.url)


def test_port_that_does_not_speak_tls_is_told_at_once(cafile: PemSource, clock: Clock) -> None:
    with OddServer(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as odd:
        url = f"https://localhost:{odd.port}/"

        with pytest.raises(CredentialsUnavailableError, match="cannot be spoken to in TLS"):
            ask(endpoint(url, cafile, clock), url)

    assert clock.slept == []


def test_endpoint_that_is_not_there_is_asked_again_until_the_time_is_over(cafile: PemSource, clock: Clock) -> None:
    with OddServer(says(b"")) as odd:
        url = f"https://localhost:{odd.port}/"

    with pytest.raises(CredentialsUnavailableError, match=r"cannot be reached: Connection refused\.$") as caught:
        ask(endpoint(url, cafile, clock), url)

    assert clock.slept == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_plain_http_on_loopback() -> None:
    """Google's recipe for clients in other languages: a server on localhost that speaks for its library."""
    with TokenServer(None, clients={"shop": SECRET}) as server:
        ask(endpoint(server.url, None), server.url)

        assert len(server.issued) == 1


# Through a proxy.


@pytest.fixture
def hidden(authority: Authority) -> TokenServer:
    """An endpoint under a name that only the proxy can resolve."""
    return TokenServer(authority.server("hidden", "tokens.invalid"), clients={"shop": SECRET})


def test_endpoint_behind_a_proxy(hidden: TokenServer, cafile: PemSource, monkeypatch: pytest.MonkeyPatch) -> None:
    with hidden, ConnectProxy(hidden.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://al:ice@127.0.0.1:{proxy.port}")

        ask(endpoint("https://tokens.invalid:8443/token", cafile), "https://tokens.invalid:8443/token")

        assert len(hidden.issued) == 1
        assert hidden.requests[0].headers["host"] == "tokens.invalid:8443"
        assert proxy.requests == [
            b"CONNECT tokens.invalid:8443 HTTP/1.1\r\nHost: tokens.invalid:8443\r\n"
            b"Proxy-Authorization: Basic " + base64.b64encode(b"al:ice") + b"\r\n\r\n"
        ]


def test_endpoint_is_verified_behind_a_proxy(
    hidden: TokenServer, cafile: PemSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hidden, ConnectProxy(hidden.port) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")

        with pytest.raises(CredentialsUnavailableError, match="shows a certificate for another host"):
            ask(endpoint("https://other.invalid/token", cafile), "https://other.invalid/token")


def test_host_of_no_proxy_is_asked_directly(
    hidden: TokenServer, cafile: PemSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hidden, ConnectProxy(hidden.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", ".invalid")
        found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", hidden.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

        ask(endpoint("https://tokens.invalid/token", cafile), "https://tokens.invalid/token")

        assert (len(hidden.issued), proxy.requests) == (1, [])


def test_proxy_that_wants_a_password_is_named(cafile: PemSource, monkeypatch: pytest.MonkeyPatch) -> None:
    with ConnectProxy(1, answer=b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

        with pytest.raises(CredentialsUnavailableError, match=rf"through the proxy 127.0.0.1:{proxy.port}.* 407 Proxy"):
            ask(endpoint("https://tokens.invalid/token", cafile), "https://tokens.invalid/token")

        assert len(proxy.requests) == 1


# What errors show.


@pytest.mark.parametrize(
    "answer",
    [
        TokenAnswer.refusal(f"{SECRET} is no secret", status=401),
        TokenAnswer.redirection(f"https://elsewhere.example/{SECRET}"),
        TokenAnswer(status=503, body=SECRET.encode()),
        TokenAnswer(manner=Manner.CLOSED),
        TokenAnswer(body=f'{{"access_token":"{SECRET}"}}'.encode() * 2, manner=Manner.CUT),
        TokenAnswer(manner=Manner.NEVER),
        TokenAnswer.oversized(70_000),
    ],
)
def test_errors_do_not_show_secrets(server: TokenServer, cafile: PemSource, answer: TokenAnswer) -> None:
    server.answer_always(answer)
    encoded = base64.b64encode(f"shop:{SECRET}".encode()).decode()

    with pytest.raises(CredentialsUnavailableError) as caught:
        ask(endpoint(server.url, cafile, seconds=0.5), server.url)

    shown = everything_shown(caught.value)
    assert SECRET not in shown
    assert encoded not in shown
    assert "access_token" not in shown
    assert "xxxxx" not in shown


@pytest.mark.parametrize("talk", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
def test_errors_of_http_do_not_show_secrets(talk: bytes, clock: Clock) -> None:
    with OddServer(says(talk)) as odd:
        url = f"http://localhost:{odd.port}/"

        with pytest.raises(CredentialsUnavailableError) as caught:
            ask(endpoint(url, None, clock), url)

    assert base64.b64encode(f"shop:{SECRET}".encode()).decode() not in everything_shown(caught.value)


@pytest.mark.interpreted
def test_variables_are_looked_at_in_these_tests(tmp_path: Path, clock: Clock) -> None:
    with OddServer(says(b"")) as odd:
        url = f"http://localhost:{odd.port}/"

        with pytest.raises(CredentialsUnavailableError) as caught:
            ask(endpoint(url, None, clock), url)

    assert frames_of_dekaf(caught.value) > 0
