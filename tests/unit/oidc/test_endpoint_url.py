"""The URL of a token endpoint, and which are refused."""

from __future__ import annotations

import pytest

from dekaf import ConfigurationError
from dekaf._oidc.endpoint_url import EndpointUrl, shown_url
from tests.unit.security.tracebacks import everything_shown


@pytest.mark.parametrize(
    ("url", "host", "port", "target", "authority"),
    [
        ("https://id.example/token", "id.example", 443, "/token", "id.example"),
        ("HTTPS://ID.example:8443", "id.example", 8443, "/", "id.example:8443"),
        ("https://id.example:443/a?b=c&d=%20#e", "id.example", 443, "/a?b=c&d=%20", "id.example"),
        ("https://[::1]:9/t", "::1", 9, "/t", "[::1]:9"),
        ("https://bücher.example/tök", "xn--bcher-kva.example", 443, "/t%C3%B6k", "xn--bcher-kva.example"),
        ("http://localhost/t", "localhost", 80, "/t", "localhost"),
    ],
)
def test_url_is_taken_to_pieces(url: str, host: str, port: int, target: str, authority: str) -> None:
    parts = EndpointUrl(url)

    assert (parts.host, parts.port, parts.target, parts.authority) == (host, port, target, authority)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.8.7", "[::1]"])
def test_plain_http_is_for_loopback(host: str) -> None:
    url = EndpointUrl(f"http://{host}:14293/")

    assert url.is_loopback
    assert not url.is_secure


@pytest.mark.parametrize("host", ["id.example", "10.0.0.1", "localhost.example", "127.0.0.1.example", "[fe80::1]"])
def test_plain_http_is_refused_elsewhere(host: str) -> None:
    with pytest.raises(ConfigurationError, match="sasl_oauthbearer_token_endpoint_url: must begin with https://"):
        EndpointUrl(f"http://{host}/token")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "id.example/token",
        "ftp://id.example/",
        "https://",
        "https://a b/",
        "https://a/\n",
        "https://a:b/",
        f"https://{'a' * 70}.example/",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="is no URL"):
        EndpointUrl(url)


@pytest.mark.parametrize("url", ["https://shop:s3cret@id.example/", "https://shop:s3cret@id.example:port/"])
def test_password_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        EndpointUrl(url)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_errors_show_neither_query_nor_fragment() -> None:
    assert EndpointUrl("https://id.example/t?key=s3cret#s3cret").shown == "https://id.example/t"
    assert shown_url("https://a:s3cret@id.example/t") == "https://id.example/t"
    assert shown_url("/elsewhere?s3cret") == "/elsewhere"
    assert shown_url("no url") == ""
    assert "s3cret" not in everything_shown(ValueError(repr(EndpointUrl("https://id.example/t?s3cret"))))
