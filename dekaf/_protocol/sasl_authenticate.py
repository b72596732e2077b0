"""SaslAuthenticate: one round of the exchange that the mechanism defines.

https://kafka.apache.org/protocol#The_Messages_SaslAuthenticate, KIP-152, KIP-368
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, final

from dekaf._protocol.api import ApiKey, is_flexible
from dekaf._protocol.fields import end_struct, put_bytes, skip_struct_tags, take_bytes, take_nullable_string
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter

__all__ = ("SaslAuthenticateRequest", "SaslAuthenticateResponse")

_WITH_LIFETIME: Final = 1  # the first version that tells how long the session lasts


@final
@dataclass(frozen=True, kw_only=True)
class SaslAuthenticateRequest:
    """Send what the mechanism says.

    Args:
        auth_bytes: the mechanism's bytes; they may hold a password or a token, so no repr shows them.
    """

    auth_bytes: bytes = field(repr=False)

    def encode(self, writer: BytesWriter, version: int) -> None:
        """Append the body."""
        flexible = is_flexible(ApiKey.SASL_AUTHENTICATE, version)
        put_bytes(writer, self.auth_bytes, flexible=flexible)
        end_struct(writer, flexible=flexible)


@final
@dataclass(frozen=True, kw_only=True)
class SaslAuthenticateResponse:
    """The broker's turn in the exchange.

    Args:
        error_code: 58, SASL_AUTHENTICATION_FAILED, if the broker refused.
        error_message: why, in the broker's words.
        auth_bytes: the broker's bytes for the mechanism.
        session_lifetime_ms: how long the connection may be used before it has to authenticate anew (KIP-368); 0 for
            ever, and in version 0, which does not tell.
    """

    error_code: int
    error_message: str | None
    auth_bytes: bytes = field(repr=False)
    session_lifetime_ms: int

    @staticmethod
    def decode(reader: Reader, version: int) -> SaslAuthenticateResponse:
        """Take the body of an answer to a request of this version."""
        flexible = is_flexible(ApiKey.SASL_AUTHENTICATE, version)
        response = SaslAuthenticateResponse(
            error_code=int(reader.take_i16()),
            error_message=take_nullable_string(reader, flexible=flexible),
            auth_bytes=take_bytes(reader, flexible=flexible),
            session_lifetime_ms=int(reader.take_i64()) if version >= _WITH_LIFETIME else 0,
        )
        skip_struct_tags(reader, flexible=flexible)
        reader.expect_end()
        return response
