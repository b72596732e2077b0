"""The header in front of every request and response, and the frame around a request.

https://kafka.apache.org/protocol#protocol_messages
"""

from __future__ import annotations

from mypy_extensions import i64

from dekaf._protocol.api import ApiKey, request_header_version, response_header_version
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter, write_empty_tags, write_i16_be, write_i32, write_i32_be

__all__ = ("decode_response_header", "encode_frame", "encode_request_header")


def encode_request_header(
    writer: BytesWriter, api: ApiKey, *, version: int, correlation_id: int, client_id: bytes | None
) -> None:
    """Append a request header, version 1 or 2 as the API's version demands.

    Args:
        writer: where the request is built; the frame's size goes in front of all this.
        api: the API called.
        version: the API's version the request is encoded in.
        correlation_id: the number the broker will put into the response's header.
        client_id: the name brokers show in logs, metrics and quotas, in UTF-8.
    """
    write_i16_be(writer, int(api))
    write_i16_be(writer, version)
    write_i32_be(writer, correlation_id)
    # Even header version 2 keeps the int16 length here, so that a broker can read the header of an ApiVersions request
    # whose version it does not know.
    if client_id is None:
        write_i16_be(writer, -1)
    else:
        write_i16_be(writer, len(client_id))
        writer.write(client_id)
    if request_header_version(api, version) >= 2:
        write_empty_tags(writer)


def encode_frame(api: ApiKey, version: int, correlation_id: i64, client_id: bytes | None, body: list[bytes]) -> bytes:
    """Return a whole request: its size, its header, and the pieces of its body.

    Args:
        api: the API called.
        version: the API's version the body is encoded in.
        correlation_id: the number the broker will put into the response's header.
        client_id: as in the header.
        body: what follows the header; each piece is copied once.
    """
    header = BytesWriter()
    encode_request_header(header, api, version=version, correlation_id=int(correlation_id), client_id=client_id)
    size: i64 = len(header)
    for piece in body:
        size += len(piece)
    prefix = BytesWriter()
    write_i32(prefix, size)
    return b"".join([prefix.getvalue(), header.getvalue(), *body])


def decode_response_header(reader: Reader, api: ApiKey, version: int) -> int:
    """Take a response header and return its correlation id.

    Args:
        reader: the response's frame.
        api: the API that was called.
        version: the version it was called in.
    """
    correlation_id = reader.take_i32()
    if response_header_version(api, version) >= 1:
        reader.skip_tags()
    return correlation_id
