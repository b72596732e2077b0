"""ApiVersions: what the broker speaks. The first request on every connection.

https://kafka.apache.org/protocol#The_Messages_ApiVersions, KIP-35, KIP-511
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, final

from dekaf._protocol.api import SUPPORTED, ApiKey, VersionRange, is_flexible
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.fields import end_struct, put_string, skip_struct_tags, take_count
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import MalformedResponseError

__all__ = ("ApiVersionsRequest", "ApiVersionsResponse", "software_token")

_ILLEGAL: Final = re.compile(r"[^a-zA-Z0-9.\-]+")


def software_token(text: str) -> str:
    """Make a name or version that brokers accept: letters, digits, dots and dashes, a letter or digit at both ends.

    A broker answers anything else with INVALID_REQUEST, and nothing works at all; a local version such as
    ``1.0+build`` would be enough.
    """
    return _ILLEGAL.sub("-", text).strip("-.") or "unknown"


@final
@dataclass(frozen=True, kw_only=True)
class ApiVersionsRequest:
    """Ask which APIs the broker speaks, and say who asks.

    Args:
        client_software_name: shown in the broker's metrics; made acceptable by `software_token`.
        client_software_version: likewise.
    """

    client_software_name: str
    client_software_version: str

    def encode(self, writer: BytesWriter, version: int) -> None:
        """Append the body; empty below version 3."""
        if version < 3:
            return
        put_string(writer, software_token(self.client_software_name), flexible=True)
        put_string(writer, software_token(self.client_software_version), flexible=True)
        end_struct(writer, flexible=True)


@final
@dataclass(frozen=True, kw_only=True)
class ApiVersionsResponse:
    """The broker's ranges by API key."""

    error_code: int
    ranges: dict[int, VersionRange]
    throttle_time_ms: int

    @property
    def version_to_retry(self) -> int:
        """The version to ask again in, on the same connection, after UNSUPPORTED_VERSION.

        Brokers before 2.4, and proxies, refuse without saying what they know; version 0 is known to all.
        """
        theirs = self.ranges.get(ApiKey.API_VERSIONS)
        ours = SUPPORTED[ApiKey.API_VERSIONS]
        return ours.min if theirs is None else max(ours.min, min(ours.max, theirs.max))

    @staticmethod
    def decode(reader: Reader, version: int) -> ApiVersionsResponse:
        """Take the body of an answer to a request of this version."""
        error_code = int(reader.take_i16())
        if error_code == ErrorCode.UNSUPPORTED_VERSION:
            return _decode_refusal(reader)
        flexible = is_flexible(ApiKey.API_VERSIONS, version)
        ranges: dict[int, VersionRange] = {}
        for _ in range(take_count(reader, flexible=flexible)):
            api = int(reader.take_i16())
            ranges[api] = VersionRange(int(reader.take_i16()), int(reader.take_i16()))
            skip_struct_tags(reader, flexible=flexible)
        throttle_time_ms = int(reader.take_i32()) if version >= 1 else 0
        skip_struct_tags(reader, flexible=flexible)
        reader.expect_end()
        return ApiVersionsResponse(error_code=error_code, ranges=ranges, throttle_time_ms=throttle_time_ms)


def _decode_refusal(reader: Reader) -> ApiVersionsResponse:
    """Take the rest of an answer that refuses the version asked in.

    A broker that does not know a version can only answer in the oldest one. Some (librdkafka's mock cluster) answer in
    the one they refuse all the same, so a body that makes no sense is no reason to give up: version 0 is known to all.
    """
    ranges: dict[int, VersionRange] = {}
    try:
        for _ in range(take_count(reader, flexible=False)):
            api = int(reader.take_i16())
            ranges[api] = VersionRange(int(reader.take_i16()), int(reader.take_i16()))
    except MalformedResponseError:
        ranges.clear()
    return ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, ranges=ranges, throttle_time_ms=0)
