"""Request and response headers, byte for byte."""

from __future__ import annotations

import pytest

from dekaf._protocol.api import ApiKey
from dekaf._protocol.headers import decode_response_header, encode_frame, encode_request_header
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import MalformedResponseError


@pytest.mark.parametrize(
    ("api", "version", "client_id", "expected"),
    [
        (ApiKey.METADATA, 7, b"c", "0003000700000002000163"),
        (ApiKey.METADATA, 7, None, "0003000700000002ffff"),
        (ApiKey.METADATA, 7, b"", "00030007000000020000"),
        (ApiKey.METADATA, 9, b"c", "000300090000000200016300"),
        (ApiKey.METADATA, 9, None, "0003000900000002ffff00"),
        (ApiKey.API_VERSIONS, 0, b"c", "0012000000000002000163"),
        (ApiKey.API_VERSIONS, 3, b"c", "001200030000000200016300"),
    ],
)
def test_request_header_follows_the_version(api: ApiKey, version: int, client_id: bytes | None, expected: str) -> None:
    writer = BytesWriter()

    encode_request_header(writer, api, version=version, correlation_id=2, client_id=client_id)

    assert writer.getvalue().hex() == expected


@pytest.mark.parametrize(
    ("version", "client_id", "body", "expected"),
    [
        (7, b"c", [b"body"], "0000000f 0003 0007 00000002 0001 63 626f6479"),
        (9, b"c", [b"bo", b"", b"dy"], "00000010 0003 0009 00000002 0001 63 00 626f6479"),
        (9, None, [], "0000000b 0003 0009 00000002 ffff 00"),
    ],
)
def test_a_frame_begins_with_its_size_and_ends_with_the_body(
    version: int, client_id: bytes | None, body: list[bytes], expected: str
) -> None:
    frame = encode_frame(ApiKey.METADATA, version, 2, client_id, body)

    assert frame == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("api", "version", "data"),
    [
        (ApiKey.METADATA, 7, "7ffffff6"),
        (ApiKey.METADATA, 9, "7ffffff600"),
        (ApiKey.METADATA, 9, "7ffffff60103020000"),
        (ApiKey.API_VERSIONS, 4, "7ffffff6"),
    ],
)
def test_response_header_gives_the_correlation_id_and_ends_where_the_body_begins(
    api: ApiKey, version: int, data: str
) -> None:
    reader = Reader(bytes.fromhex(data) + b"body")

    assert decode_response_header(reader, api, version) == 0x7FFFFFF6
    assert reader.remaining == 4


@pytest.mark.parametrize("size", range(5))
def test_response_header_cut_short_is_refused(size: int) -> None:
    reader = Reader(bytes.fromhex("0000000100")[:size])

    with pytest.raises(MalformedResponseError):
        decode_response_header(reader, ApiKey.METADATA, 12)
