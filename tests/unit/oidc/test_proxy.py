"""Proxies that the environment names."""

from __future__ import annotations

import pytest

from dekaf import CredentialsUnavailableError
from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.proxy import Proxy, ProxyRefusedError, open_tunnel, proxy_for
from dekaf._oidc.timed_socket import Deadline, TimedSocket, dial
from dekaf._security.secret import Secret
from tests.unit.oidc.odd_server import OddServer, drips, says
from tests.unit.security.tracebacks import everything_shown

URL = EndpointUrl("https://id.example/token")


def test_no_proxy_by_default() -> None:
    assert proxy_for(URL) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("value", ["http://proxy.example:3128", "proxy.example:3128", "HTTP://proxy.example:3128/"])
def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    proxy = proxy_for(URL)

    assert proxy is not None
    assert (proxy.host, proxy.port, proxy.authorization) == ("proxy.example", 3128, None)


def test_proxy_is_asked_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://al%3Aice:w%40nder@proxy.example")

    proxy = proxy_for(URL)

    assert proxy is not None
    assert proxy.authorization == Secret(b"Basic YWw6aWNlOndAbmRlcg==")
    assert (proxy.port, repr(proxy)) == (80, "<Proxy proxy.example:80>")


@pytest.mark.parametrize("bypass", ["id.example", ".example", "other, example", "*", "id.example:443"])
def test_hosts_that_need_no_proxy(monkeypatch: pytest.MonkeyPatch, bypass: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", bypass)

    assert proxy_for(URL) is None


@pytest.mark.parametrize("bypass", ["", "other.example", "id.example:8443"])
def test_other_hosts_need_the_proxy(monkeypatch: pytest.MonkeyPatch, bypass: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", bypass)

    assert proxy_for(URL) is not None


@pytest.mark.parametrize("url", ["https://localhost:9/", "https://127.0.0.1/", "http://localhost/"])
def test_loopback_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")

    assert proxy_for(EndpointUrl(url)) is None


@pytest.mark.parametrize(
    "value", ["https://a:s3cret@proxy.example", "socks5://a:s3cret@proxy", "http://", "http://a:s3cret@proxy:port"]
)
def test_proxy_that_cannot_be_used_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)

    with pytest.raises(CredentialsUnavailableError, match=r"^HTTPS_PROXY must be http://") as caught:
        proxy_for(URL)

    assert "s3cret" not in everything_shown(caught.value)


def tunnelled(server: OddServer, url: EndpointUrl, *, seconds: float = 10.0) -> bytes:
    """Open a tunnel, and return what comes first behind the proxy's answer."""
    deadline = Deadline(seconds)
    with dial("127.0.0.1", server.port, deadline) as connection:
        timed = TimedSocket(connection, deadline)
        open_tunnel(timed, url, Proxy("127.0.0.1", server.port, None))
        return timed.receive(100)


def test_what_is_behind_the_answer_is_the_endpoints() -> None:
    with OddServer(says(b"HTTP/1.0 200\r\n\r\nendpoint")) as server:
        assert tunnelled(server, URL) == b"endpoint"


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 407, "HTTP/1.1 407 Proxy Authentication Required"),
        (b"HTTP/1.1 502 Bad\x1b[2J\xff Gateway\r\n\r\n", 502, "HTTP/1.1 502 Bad\\x1b[2J\ufffd Gateway"),
        (b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere/\r\n\r\n", 301, "HTTP/1.1 301 Moved"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", 0, "HTTP/1.1 2000 OK"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "SSH-2.0-OpenSSH_9.2"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 0, "SSH-2.0-OpenSSH_9.2\\r\\n"),
        (b"", 0, "it closed the connection"),
    ],
)
def test_proxy_that_refuses_is_quoted(answer: bytes, status: int, said: str) -> None:
    with OddServer(says(answer)) as server, pytest.raises(ProxyRefusedError) as caught:
        tunnelled(server, URL)

    assert (caught.value.status, str(caught.value)) == (status, said)


def test_answer_without_end_is_refused() -> None:
    with OddServer(says(b"HTTP/1.1 200 OK\r\n" + b"x" * 20_000)) as server, pytest.raises(ProxyRefusedError) as caught:
        tunnelled(server, URL)

    assert len(str(caught.value)) < 400


def test_proxy_that_drips_does_not_extend_the_time() -> None:
    with OddServer(drips(b"HTTP/1.1 200 OK\r\n")) as server, pytest.raises(TimeoutError):
        tunnelled(server, URL, seconds=0.3)
