"""Frames of requests, as tests compare them."""

from __future__ import annotations

from typing import Protocol

from dekaf._protocol.api import ApiKey
from dekaf._protocol.headers import encode_request_header
from dekaf._wire.writer import BytesWriter


class Request(Protocol):
    """A request that can append its body."""

    def encode(self, writer: BytesWriter, version: int) -> None: ...


def frame(api: ApiKey, version: int, correlation_id: int, request: Request) -> str:
    """The whole frame, from a client called ``c``, in hexadecimal."""
    writer = BytesWriter()
    encode_request_header(writer, api, version=version, correlation_id=correlation_id, client_id=b"c")
    request.encode(writer, version)
    body = writer.getvalue()
    return (len(body).to_bytes(4, "big") + body).hex()
