"""One POST over HTTP 1.1, from connecting to the last byte of the answer, within a time limit.

Not with `urllib.request`, whose time limit is that of each call of a socket: an endpoint that sends a byte now and then
would hold up the login for ever. Nor does it tell a redirect, which is not followed, from an answer.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Final, final

from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.proxy import Proxy, open_tunnel
from dekaf._oidc.timed_socket import Deadline, TimedSocket, dial
from dekaf._oidc.token_request import TokenRequest
from dekaf._security.peer_name import peer_name
from dekaf._security.secret import Secret
from dekaf._version import __version__

__all__ = ("MOST_BYTES", "HttpAnswer", "exchange", "post")

MOST_BYTES: Final = 64 * 1024  # of an answer; a token takes some kilobytes


@final
class HttpAnswer:
    """What came back.

    Args:
        status: HTTP's.
        body: The content; longer than `MOST_BYTES` if there was more.
        location: Where a redirect leads; empty without one.
        retry_after: The header of this name; empty without one.
    """

    def __init__(self, status: int, body: Secret, *, location: str = "", retry_after: str = "") -> None:
        self.status: Final = status
        self.body: Final = body
        self.location: Final = location
        self.retry_after: Final = retry_after


def post(
    url: EndpointUrl, request: TokenRequest, *, context: ssl.SSLContext | None, proxy: Proxy | None, deadline: Deadline
) -> HttpAnswer:
    """Post a form, and return the answer, whatever it says.

    Args:
        url: Where to.
        request: What.
        context: For TLS; None for a URL without it.
        proxy: Through which proxy; None without one.
        deadline: When to give up.

    Raises:
        OSError: The connection failed, its certificate was refused, or the time was over.
        http.client.HTTPException: What came is not HTTP, or was cut off. Its traceback and attributes may show secrets.
    """
    connection = _connected(url, context, proxy, deadline)
    try:
        return exchange(url, request, TimedSocket(connection, deadline))
    finally:
        connection.close()


def _connected(
    url: EndpointUrl, context: ssl.SSLContext | None, proxy: Proxy | None, deadline: Deadline
) -> socket.socket:
    connection = dial(url.host, url.port, deadline) if proxy is None else dial(proxy.host, proxy.port, deadline)
    try:
        if proxy is not None:
            open_tunnel(TimedSocket(connection, deadline), url, proxy)
        if context is None:
            return connection
        connection.settimeout(deadline.time_left())
        return context.wrap_socket(connection, server_hostname=peer_name(url.host))
    except BaseException:
        connection.close()
        raise


def exchange(url: EndpointUrl, request: TokenRequest, connection: TimedSocket) -> HttpAnswer:
    """Send the request over a connection that is made, and return the answer.

    Raises:
        OSError: As `post` does, and so does `http.client.HTTPException`.
    """
    client = http.client.HTTPConnection(url.host, url.port)
    client.sock = connection
    client.request("POST", url.target, request.body.reveal(), _headers(url, request))
    answer = client.getresponse()
    with answer:
        body = Secret(answer.read(MOST_BYTES + 1))
        if answer.length and len(body.reveal()) <= MOST_BYTES:
            raise http.client.IncompleteRead(b"")
        return HttpAnswer(
            answer.status,
            body,
            location=answer.getheader("Location") or "",
            retry_after=answer.getheader("Retry-After") or "",
        )


def _headers(url: EndpointUrl, request: TokenRequest) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Cache-Control": "no-cache",
        "Connection": "close",
        "Content-Type": "application/x-www-form-urlencoded",
        "Host": url.authority,
        "User-Agent": f"dekaf-python/{__version__}",
    }
    if request.authorization is not None:
        headers["Authorization"] = request.authorization.reveal_text()
    return headers
