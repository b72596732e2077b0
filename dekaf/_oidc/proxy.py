"""The proxy that the environment names, and the tunnel through it to a token endpoint (HTTP's CONNECT).

Of the environment alone, not of the settings of macOS and Windows: those cannot be asked in a forked child.
"""

from __future__ import annotations

import base64
import urllib.request
from typing import Final, final
from urllib.parse import unquote_to_bytes, urlsplit

from mypy_extensions import mypyc_attr

from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.timed_socket import TimedSocket
from dekaf._security.broker_text import decoded_text
from dekaf._security.secret import Secret
from dekaf.errors import CredentialsUnavailableError

__all__ = ("Proxy", "ProxyRefusedError", "open_tunnel", "proxy_for")

_HTTP_PORT: Final = 80
_MOST_BYTES: Final = 8 * 1024  # of a proxy's answer


@final
class Proxy:
    """A proxy that speaks HTTP.

    Args:
        host: Its name or address.
        port: Its port.
        authorization: How it knows us; None if it need not.
    """

    def __init__(self, host: str, port: int, authorization: Secret | None) -> None:
        self.host: Final = host
        self.port: Final = port
        self.authorization: Final = authorization

    def __repr__(self) -> str:
        return f"<Proxy {self.shown}>"

    @property
    def shown(self) -> str:
        """How errors call it."""
        return f"{self.host}:{self.port}"


@mypyc_attr(native_class=False)
class ProxyRefusedError(OSError):
    """A proxy did not connect us.

    Args:
        status: HTTP's; 0 if it did not speak HTTP.
        said: What it said.
    """

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def proxy_for(url: EndpointUrl) -> Proxy | None:
    """Return the proxy on the way to an endpoint; None if there is none.

    ``HTTPS_PROXY`` and ``NO_PROXY``, in small letters, too, mean what they mean to Python. This machine's own endpoints
    are never asked through one.

    Raises:
        CredentialsUnavailableError: ``HTTPS_PROXY`` is no proxy that can be used here.
    """
    if not url.is_secure or url.is_loopback:
        return None
    given = Secret(urllib.request.getproxies_environment().get("https", "").encode(errors="surrogateescape"))
    if not given or urllib.request.proxy_bypass(f"{url.host}:{url.port}"):
        return None
    proxy = _proxy(given)
    if proxy is None:
        raise CredentialsUnavailableError(
            "HTTPS_PROXY must be http:// and the host and port of a proxy, or empty; proxies that are reached over "
            "TLS or SOCKS are not supported. NO_PROXY lists hosts that need none."
        )
    return proxy


def open_tunnel(connection: TimedSocket, url: EndpointUrl, proxy: Proxy) -> None:
    """Have a proxy connect us to the endpoint.

    Raises:
        ProxyRefusedError: It does not.
        OSError: The connection broke, or the time is over.
    """
    connection.sendall(_connect_request(url, proxy).reveal())
    line = _head(connection).partition(b"\r\n")[0]
    words = line.split()
    is_http = len(words) > 1 and words[0].startswith(b"HTTP/1.") and len(words[1]) == 3 and words[1].isdigit()
    status = int(words[1]) if is_http else 0
    if not 200 <= status < 300:
        raise ProxyRefusedError(status, decoded_text(line))


def _proxy(given: Secret) -> Proxy | None:
    text = given if b"://" in given.reveal() else Secret(b"http://" + given.reveal())
    try:
        parts = urlsplit(text.reveal())
        host = (parts.hostname or b"").decode("ascii")
        port = parts.port or _HTTP_PORT
    except ValueError:
        return None
    if parts.scheme.lower() != b"http" or not host:
        return None
    if parts.username is None:
        return Proxy(host, port, None)
    pair = Secret(unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or b""))
    return Proxy(host, port, Secret(b"Basic " + base64.b64encode(pair.reveal())))


def _connect_request(url: EndpointUrl, proxy: Proxy) -> Secret:
    host = f"[{url.host}]" if ":" in url.host else url.host
    lines = f"CONNECT {host}:{url.port} HTTP/1.1\r\nHost: {host}:{url.port}\r\n".encode()
    if proxy.authorization is None:
        return Secret(lines + b"\r\n")
    return Secret(lines + b"Proxy-Authorization: " + proxy.authorization.reveal() + b"\r\n\r\n")


def _head(connection: TimedSocket) -> bytes:
    """Return the head of an answer, and read nothing behind it: that is the endpoint's."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.receive(1)
        if not byte or len(head) >= _MOST_BYTES:
            raise ProxyRefusedError(0, decoded_text(bytes(head)) or "it closed the connection")
        head += byte
    return bytes(head)
