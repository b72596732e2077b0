"""SaslHandshake: name the mechanism by which the connection will authenticate.

https://kafka.apache.org/protocol#The_Messages_SaslHandshake, KIP-43, KIP-152
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from dekaf._protocol.fields import put_string, take_count, take_string
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter

__all__ = ("SaslHandshakeRequest", "SaslHandshakeResponse")


@final
@dataclass(frozen=True, kw_only=True)
class SaslHandshakeRequest:
    """Choose a mechanism; SaslAuthenticate requests follow.

    Args:
        mechanism: its name in SASL's registry, such as ``SCRAM-SHA-512``.
    """

    mechanism: str

    def encode(self, writer: BytesWriter, _version: int) -> None:
        """Append the body, which is the same in every version; none is flexible."""
        put_string(writer, self.mechanism, flexible=False)


@final
@dataclass(frozen=True, kw_only=True)
class SaslHandshakeResponse:
    """Whether the broker goes along, and the mechanisms its listener has enabled."""

    error_code: int
    mechanisms: tuple[str, ...]

    @staticmethod
    def decode(reader: Reader, _version: int) -> SaslHandshakeResponse:
        """Take the body of an answer, which is the same in every version."""
        error_code = int(reader.take_i16())
        count = take_count(reader, flexible=False)
        mechanisms = tuple([take_string(reader, flexible=False) for _ in range(count)])
        reader.expect_end()
        return SaslHandshakeResponse(error_code=error_code, mechanisms=mechanisms)
