"""Token endpoints as they are fuzzed: what they answer, from HTTP's first line to the token, and files with one."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Final

from dekaf._oidc.endpoint_url import EndpointUrl
from dekaf._oidc.http_fault import HttpFault, fault_in, fault_of
from dekaf._oidc.http_post import MOST_BYTES, HttpAnswer, exchange
from dekaf._oidc.timed_socket import Deadline, TimedSocket
from dekaf._oidc.token_answer import token_of_answer, token_of_text
from dekaf._oidc.token_request import TokenRequest
from dekaf._security.secret import Secret
from dekaf.security import OAuthToken

__all__ = ("FILE", "HTTP", "JSON", "endpoint_inputs", "read_token")

HTTP, JSON, FILE = range(3)  # what the bytes are

_NOW: Final = 1_700_000_000.0
_WHERE: Final = "The token endpoint https://id.example/token"
_SECRET: Final = "s3cret-of-ours"
_REQUEST: Final = TokenRequest(Secret(_SECRET.encode()), None, [Secret(_SECRET.encode())])
_URL: Final = EndpointUrl("http://localhost/token")
_JWT: Final = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSIsImV4cCI6MTcwMDAwMDYwMC41fQ."
_ANSWER: Final = {"access_token": _JWT, "token_type": "Bearer", "expires_in": 3600, "scope": "kafka"}
_LONGEST_ERROR: Final = 1000  # characters


def endpoint_inputs() -> Iterator[tuple[int, bytes]]:
    """Return good inputs, and what each is."""
    body = json.dumps(_ANSWER).encode()
    for answer in (_ANSWER, {"id_token": "opaque", "expires_in": "60"}, {"access_token": _JWT}):
        yield JSON, json.dumps(answer).encode()
    yield FILE, _JWT.encode()
    yield FILE, b"opaque"
    yield HTTP, b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    yield HTTP, b"HTTP/1.0 200 OK\r\nX-Y: z\r\n\r\n" + body
    chunks = b"10\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (body[:16], len(body) - 16, body[16:])
    yield HTTP, b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks


def read_token(kind: int, data: bytes) -> OAuthToken:
    """Return the token, as a login does; the error of what is none can be shown."""
    if kind == FILE:
        return token_of_text(Secret(data), unix_time=_NOW, extensions={}, where="The file")
    answer = HttpAnswer(200, Secret(data)) if kind == JSON else _exchanged(data)
    fault = answer if isinstance(answer, HttpFault) else fault_in(answer, _WHERE, _REQUEST)
    if fault is not None:
        text = str(fault.error)
        assert text.isprintable(), "unprintable text would reach an error message"
        assert len(text) <= _LONGEST_ERROR, "an error message as long as the endpoint likes"
        assert 0.0 <= fault.retry_after < 10.0**9
        raise fault.error
    assert isinstance(answer, HttpAnswer)
    return token_of_answer(answer.body, unix_time=_NOW, extensions={}, where=_WHERE)


def _exchanged(data: bytes) -> HttpAnswer | HttpFault:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[:MOST_BYTES])
        theirs.shutdown(socket.SHUT_WR)
        try:
            return exchange(_URL, _REQUEST, TimedSocket(ours, Deadline(10.0)))
        except Exception as error:
            return fault_of(error, _WHERE, None)
