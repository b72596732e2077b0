"""The token server, asked with the standard library's HTTP client."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.oauth import (
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    JWT_CLIENT_ASSERTION,
    Manner,
    TokenAnswer,
    TokenServer,
)

SECRET = "a+b/ü%:c"  # everything that is easily spoilt: standard base64, percent signs, a colon
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[TokenServer]:
    with TokenServer(
        authority.server("tokens"), clients={"shop": SECRET}, assertions=lambda text: text == "signed"
    ) as server:
        yield server


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


@pytest.fixture
def ask(server: TokenServer, authority: Authority) -> Ask:
    """Return a function that sends a form and returns the status and the answer."""

    def ask(form: dict[str, str], *, credentials: str | None = None, timeout: float = 5) -> tuple[int, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if credentials is not None:
            headers["Authorization"] = credentials
        context = ssl.create_default_context(cafile=str(authority.cafile))
        client = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=timeout)
        try:
            client.request("POST", "/token", urllib.parse.urlencode(form), headers)
            answer = client.getresponse()
            body = answer.read()
        finally:
            client.close()
        return answer.status, json.loads(body) if body else None

    return ask


def claims(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    decoded: dict[str, object] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return decoded


def test_a_known_client_gets_a_token(server: TokenServer, ask: Ask) -> None:
    status, answer = ask({"grant_type": CLIENT_CREDENTIALS, "scope": "kafka orders"}, credentials=basic("shop", SECRET))

    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)
    assert server.issued == [answer["access_token"]]
    found = claims(answer["access_token"])
    assert (found["sub"], found["scope"]) == ("shop", "kafka orders")
    assert server.violations == []


@pytest.mark.parametrize("credentials", [None, basic("shop", "wrong"), basic("mall", SECRET)])
def test_a_wrong_secret_is_refused(server: TokenServer, ask: Ask, credentials: str | None) -> None:
    assert ask({"grant_type": CLIENT_CREDENTIALS}, credentials=credentials)[0] == 401
    assert server.issued == []


def test_base64_for_urls_is_a_violation(server: TokenServer, ask: Ask) -> None:
    encoded = basic("shop", "?" * 10).replace("/", "_")
    assert "_" in encoded

    assert ask({"grant_type": CLIENT_CREDENTIALS}, credentials=encoded)[0] == 400
    assert server.violations == ["the Authorization header is not base64 in the standard alphabet"]


def test_an_assertion_stands_for_a_client(server: TokenServer, ask: Ask) -> None:
    form = {
        "grant_type": CLIENT_CREDENTIALS,
        "client_id": "shop",
        "client_assertion_type": JWT_CLIENT_ASSERTION,
        "client_assertion": "signed",
    }

    status, answer = ask(form)
    assert (status, claims(answer["access_token"])["sub"]) == (200, "shop")
    assert ask({**form, "client_assertion": "forged"})[0] == 400
    assert server.violations == []

    assert ask(form, credentials=basic("shop", SECRET))[0] == 400
    assert server.violations == ["a secret beside a client assertion"]


def test_an_assertion_is_a_grant(ask: Ask) -> None:
    assert ask({"grant_type": JWT_BEARER, "assertion": "signed"})[0] == 200
    assert ask({"grant_type": JWT_BEARER, "assertion": "forged"}) == (
        400,
        {"error": "invalid_grant", "error_description": "the test server says invalid_grant"},
    )


def test_answers_are_scripted(server: TokenServer, ask: Ask) -> None:
    server.answer_next(TokenAnswer.refusal("temporarily_unavailable", status=503), TokenAnswer.oversized(100_000))
    form = {"grant_type": CLIENT_CREDENTIALS}

    assert ask(form)[0] == 503
    assert len(ask(form)[1]["access_token"]) == 100_000
    assert ask(form)[0] == 401
    assert len(server.wait_for_requests(3)) == 3


def test_a_redirection_names_the_place(server: TokenServer, ask: Ask) -> None:
    server.answer_always(TokenAnswer.redirection("https://localhost/elsewhere"))

    assert ask({"grant_type": CLIENT_CREDENTIALS}) == (302, None)


@pytest.mark.parametrize(
    ("manner", "error"),
    [
        (Manner.NEVER, TimeoutError),
        (Manner.CLOSED, http.client.RemoteDisconnected),
        (Manner.CUT, http.client.IncompleteRead),
    ],
)
def test_answers_that_do_not_arrive(server: TokenServer, ask: Ask, manner: Manner, error: type[Exception]) -> None:
    server.answer_always(TokenAnswer(body=b"{}", manner=manner))

    with pytest.raises(error):
        ask({"grant_type": CLIENT_CREDENTIALS}, timeout=0.3)


def test_an_answer_without_end_goes_on(server: TokenServer, authority: Authority) -> None:
    server.answer_always(TokenAnswer(body=b"{", manner=Manner.DRIPPING))
    context = ssl.create_default_context(cafile=str(authority.cafile))
    client = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=5)
    client.request("POST", "/token", "", {"Content-Type": "application/x-www-form-urlencoded"})

    assert client.getresponse().read(4) == b"{   "
    client.close()


def test_a_body_that_is_shorter_than_announced_is_a_violation(server: TokenServer, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.cafile))
    head = b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(head + b"grant_type=client_credential")  # 28 of 30

        assert client.recv(1) == b""

    assert server.violations == ["the body is not as long as announced"]
    assert server.requests == []


def test_a_client_that_does_not_trust_the_certificate_is_counted(server: TokenServer, tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=str(Authority(tmp_path).cafile))
    client = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=5)

    with pytest.raises(ssl.SSLCertVerificationError):
        client.request("GET", "/token")

    with server.changed:
        assert server.changed.wait_for(lambda: server.failed_handshakes == 1, timeout=5)
    assert server.requests == []


def test_it_speaks_plain_http_too() -> None:
    with TokenServer() as server:
        assert server.url.startswith("http://localhost:")
        client = http.client.HTTPConnection("localhost", server.port, timeout=5)
        client.request("GET", "/token")

        assert client.getresponse().status == 400
        assert server.violations == ["GET /token instead of POST /token"]
        client.close()
