"""InitProducerId: the identity under which a producer's batches are numbered.

https://kafka.apache.org/protocol#The_Messages_InitProducerId
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from dekaf._protocol.api import ApiKey, is_flexible
from dekaf._protocol.fields import end_struct, put_nullable_string, skip_struct_tags
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter, write_i16_be, write_i32_be, write_i64_be

__all__ = ("NO_TRANSACTION_TIMEOUT_MS", "InitProducerIdRequest", "InitProducerIdResponse")

# Brokers demand a positive number even where there are no transactions.
NO_TRANSACTION_TIMEOUT_MS: Final = 2**31 - 1

_EPOCH_BUMP: Final = 3  # the first version that can raise the epoch of a known id


@final
@dataclass(frozen=True, kw_only=True)
class InitProducerIdRequest:
    """Ask for a producer id, or for a higher epoch of one.

    Args:
        transactional_id: None for a producer that is idempotent only.
        transaction_timeout_ms: how long a transaction may stay open.
        producer_id: with `producer_epoch`, the identity whose epoch shall grow; -1 for a new one. Below version 3 the
            broker is not told, and always gives a new one.
        producer_epoch: see `producer_id`.
    """

    transactional_id: str | None = None
    transaction_timeout_ms: int = NO_TRANSACTION_TIMEOUT_MS
    producer_id: int = -1
    producer_epoch: int = -1

    def encode(self, writer: BytesWriter, version: int) -> None:
        """Append the body."""
        flexible = is_flexible(ApiKey.INIT_PRODUCER_ID, version)
        put_nullable_string(writer, self.transactional_id, flexible=flexible)
        write_i32_be(writer, self.transaction_timeout_ms)
        if version >= _EPOCH_BUMP:
            write_i64_be(writer, self.producer_id)
            write_i16_be(writer, self.producer_epoch)
        end_struct(writer, flexible=flexible)


@final
@dataclass(frozen=True, kw_only=True)
class InitProducerIdResponse:
    """The identity to use; both numbers are -1 on an error."""

    throttle_time_ms: int
    error_code: int
    producer_id: int
    producer_epoch: int

    @staticmethod
    def decode(reader: Reader, version: int) -> InitProducerIdResponse:
        """Take the body of an answer to a request of this version."""
        response = InitProducerIdResponse(
            throttle_time_ms=int(reader.take_i32()),
            error_code=int(reader.take_i16()),
            producer_id=int(reader.take_i64()),
            producer_epoch=int(reader.take_i16()),
        )
        skip_struct_tags(reader, flexible=is_flexible(ApiKey.INIT_PRODUCER_ID, version))
        reader.expect_end()
        return response
