"""One POST: what an HTTP server gets, and what is made of what it answers."""

from __future__ import annotations

import http.client
import ssl

import pytest

from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.http_post import MOST_BYTES, HttpAnswer, post
from dekaf._oidc.timed_socket import Deadline
from dekaf._oidc.token_request import TokenRequest, token_request
from dekaf._security.secret import Secret
from tests.certificates import Authority
from tests.oauth import Manner, TokenAnswer, TokenServer
from tests.unit.oidc.clients import SECRET, shop
from tests.unit.oidc.odd_server import OddServer, drips, is_silent, says

FORM = TokenRequest(Secret(b"grant_type=client_credentials"), None, ())


def posted(url: str, request: TokenRequest = FORM, *, cafile: str = "", seconds: float = 10.0) -> HttpAnswer:
    context = ssl.create_default_context(cafile=cafile) if cafile else None
    return post(EndpointUrl(url), request, context=context, proxy=None, deadline=Deadline(seconds))


def answer_of(body: bytes, *, seconds: float = 10.0) -> HttpAnswer:
    """Return what is made of an answer, headers and all."""
    with OddServer(says(body)) as server:
        return posted(f"http://localhost:{server.port}/token", seconds=seconds)


@pytest.mark.mistake("librdkafka #3192")
def test_request_keeps_to_http_and_oauth(server: TokenServer, authority: Authority) -> None:
    url = EndpointUrl(f"{server.url}?tenant=1")
    server.answer_next(TokenAnswer.of({}))

    posted(f"{server.url}?tenant=1", token_request(shop(server.url), None), cafile=str(authority.cafile))

    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/token?tenant=1")
    assert request.body == b"grant_type=client_credentials"
    assert request.credentials == ("shop", SECRET)
    assert dict(request.headers) | {"authorization": "", "user-agent": ""} == {
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": "",
        "cache-control": "no-cache",
        "connection": "close",
        "content-length": "29",
        "content-type": "application/x-www-form-urlencoded",
        "host": url.authority,
        "user-agent": "",
    }
    assert request.headers["user-agent"].startswith("dekaf-python/")
    assert server.violations == []


def test_request_without_a_secret_has_no_authorization(server: TokenServer, authority: Authority) -> None:
    posted(server.url, cafile=str(authority.cafile))

    assert "authorization" not in server.requests[0].headers


def test_answer_with_its_headers(server: TokenServer, authority: Authority) -> None:
    server.answer_next(TokenAnswer(status=429, headers={"Retry-After": "7", "Location": "https://a/"}, body=b"slowly"))

    answer = posted(server.url, cafile=str(authority.cafile))

    assert (answer.status, answer.body, answer.retry_after, answer.location) == (
        429,
        Secret(b"slowly"),
        "7",
        "https://a/",
    )


def test_redirect_is_not_followed(server: TokenServer, authority: Authority) -> None:
    server.answer_next(TokenAnswer.redirection(server.url, status=307))

    assert posted(server.url, cafile=str(authority.cafile)).status == 307
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}behind",
        b"HTTP/1.0 200 OK\r\n\r\n{}",  # until the connection is closed
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_answers_may_end_as_http_allows(body: bytes) -> None:
    assert answer_of(body).body == Secret(b"{}")


@pytest.mark.parametrize(
    "body",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsoon\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x03\x00\x02\x02\x46",
        b"",
    ],
)
def test_what_is_cut_off_or_is_no_http_raises(body: bytes) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        answer_of(body)


@pytest.mark.parametrize("size", [MOST_BYTES - 1, MOST_BYTES, MOST_BYTES + 1, MOST_BYTES + 100_000])
def test_no_more_of_a_body_is_read_than_shows_that_it_is_too_long(size: int) -> None:
    answer = answer_of(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    assert len(answer.body.reveal()) == min(size, MOST_BYTES + 1)


def test_body_of_a_terabyte_takes_no_memory() -> None:
    with OddServer(drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 70_000)) as server:
        answer = posted(f"http://localhost:{server.port}/token")

    assert len(answer.body.reveal()) == MOST_BYTES + 1


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_byte_now_and_then_does_not_extend_the_time(beginning: bytes) -> None:
    with OddServer(drips(beginning)) as server, pytest.raises(TimeoutError):
        posted(f"http://localhost:{server.port}/token", seconds=0.3)


@pytest.mark.parametrize("manner", [Manner.NEVER, Manner.DRIPPING])
def test_time_is_limited_over_tls(server: TokenServer, authority: Authority, manner: Manner) -> None:
    server.answer_next(TokenAnswer(manner=manner))

    with pytest.raises(TimeoutError):
        posted(server.url, cafile=str(authority.cafile), seconds=0.5)


def test_time_of_a_handshake_is_limited(authority: Authority) -> None:
    with OddServer(is_silent) as server, pytest.raises(TimeoutError):
        posted(f"https://localhost:{server.port}/", cafile=str(authority.cafile), seconds=0.3)


def test_connection_is_closed_afterwards(server: TokenServer, authority: Authority) -> None:
    """Warnings of sockets that are not are errors here."""
    server.answer_next(TokenAnswer(manner=Manner.CLOSED))

    with pytest.raises((http.client.HTTPException, OSError)):
        posted(server.url, cafile=str(authority.cafile))
    posted(server.url, cafile=str(authority.cafile))
