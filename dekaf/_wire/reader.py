"""Take Kafka's primitive types from received bytes, trusting none of them.

Whatever the bytes are, a call either returns a value or raises `MalformedResponseError`; it never reads past the end
and never allocates more than the bytes present justify.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i16_be, read_i32_be, read_i64_be
from mypy_extensions import i64

from dekaf.errors import MalformedResponseError, caused_error

__all__ = ("Reader",)

_UUID_SIZE: Final = 16
_INT64_MAX: Final = 0x7FFFFFFFFFFFFFFF


@final
class Reader:
    """A cursor over the bytes of one frame.

    Every ``take_…`` method returns the value under the cursor and moves behind it. Once one has raised, the position
    is meaningless: drop the reader and the connection the bytes came from.

    Args:
        data: the frame, without its size prefix.
        at: where to start, in bytes.
    """

    def __init__(self, data: bytes, at: i64 = 0) -> None:
        end: i64 = len(data)
        if at < 0 or at > end:
            raise MalformedResponseError(f"The message ends at byte {end}: nothing can be read at byte {at}.")
        self._data: bytes = data
        self._at: i64 = at
        self._end: i64 = end

    @property
    def at(self) -> i64:
        """The cursor: how many bytes of the frame lie behind it."""
        return self._at

    @property
    def remaining(self) -> i64:
        """How many bytes lie before the cursor."""
        return self._end - self._at

    # Fixed width. The one comparison per call keeps librt's reads inside the buffer.

    def take_i8(self) -> i64:
        """Take a signed 8-bit number."""
        value = self.take_u8()
        return value - 256 if value > 127 else value

    def take_u8(self) -> i64:
        """Take an unsigned 8-bit number."""
        at = self._at
        if at >= self._end:
            raise self._overrun_error(1)
        self._at = at + 1
        # Not `i64(...)`, here and below: interpreted, that is a call dearer than the rest.
        value: int = self._data[at]
        return value

    def take_i16(self) -> i64:
        """Take a signed 16-bit number."""
        at = self._at
        end = at + 2
        if end > self._end:
            raise self._overrun_error(2)
        self._at = end
        value: int = read_i16_be(self._data, at)
        return value

    def take_i32(self) -> i64:
        """Take a signed 32-bit number."""
        at = self._at
        end = at + 4
        if end > self._end:
            raise self._overrun_error(4)
        self._at = end
        value: int = read_i32_be(self._data, at)
        return value

    def take_i64(self) -> i64:
        """Take a signed 64-bit number."""
        at = self._at
        end = at + 8
        if end > self._end:
            raise self._overrun_error(8)
        self._at = end
        return read_i64_be(self._data, at)

    def take_bool(self) -> bool:
        """Take one byte; everything but 0 is true."""
        return self.take_u8() != 0

    def take_uuid(self) -> bytes:
        """Take the 16 bytes of a UUID; all zero means that there is none."""
        return self.take_bytes(_UUID_SIZE)

    # Variable width.

    def take_uvarint(self) -> i64:
        """Take an unsigned varint of at most 32 bits."""
        at = self._at
        if at < self._end:
            byte: i64 = self._data[at]
            if byte < 0x80:
                self._at = at + 1
                return byte
        return self._take_long_uvarint()

    def take_varint(self) -> i64:
        """Take a zig-zagged varint of at most 64 bits."""
        value: i64 = 0
        shift: i64 = 0
        while True:
            byte = self.take_u8()
            if shift == 63 and byte > 1:
                raise MalformedResponseError(f"A varint that ends at byte {self._at} is longer than 64 bits.")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return ((value >> 1) & _INT64_MAX) ^ -(value & 1)
            shift += 7

    # Strings and bytes.

    def take_string(self) -> str:
        """Take a STRING."""
        return self._take_text(self.take_i16())

    def take_nullable_string(self) -> str | None:
        """Take a NULLABLE_STRING."""
        size = self.take_i16()
        return None if size == -1 else self._take_text(size)

    def take_compact_string(self) -> str:
        """Take a COMPACT_STRING."""
        return self._take_text(self.take_uvarint() - 1)

    def take_compact_nullable_string(self) -> str | None:
        """Take a COMPACT_NULLABLE_STRING."""
        size = self.take_uvarint() - 1
        return None if size == -1 else self._take_text(size)

    def take_nullable_bytes(self) -> bytes | None:
        """Take NULLABLE_BYTES, or RECORDS."""
        size = self.take_i32()
        return None if size == -1 else self.take_bytes(size)

    def take_compact_nullable_bytes(self) -> bytes | None:
        """Take COMPACT_NULLABLE_BYTES, or COMPACT_RECORDS."""
        size = self.take_uvarint() - 1
        return None if size == -1 else self.take_bytes(size)

    def take_bytes(self, size: i64) -> bytes:
        """Take that many bytes as they are."""
        at = self._at
        self.skip(size)
        return self._data[at : at + size]

    def skip(self, size: i64) -> None:
        """Move that many bytes on."""
        if size < 0 or size > self._end - self._at:
            raise self._overrun_error(size)
        self._at += size

    # Arrays: a count no larger than the bytes left, since every element takes at least one.

    def take_array_count(self) -> i64:
        """Take the count of an ARRAY; -1 for a null array."""
        return self._checked_count(self.take_i32())

    def take_compact_array_count(self) -> i64:
        """Take the count of a COMPACT_ARRAY; -1 for a null array."""
        return self._checked_count(self.take_uvarint() - 1)

    # Tagged fields: a count, then for each its tag, its size and its bytes.
    # https://cwiki.apache.org/confluence/display/KAFKA/KIP-482

    def take_tagged_count(self) -> i64:
        """Take the number of tagged fields that follow; then, for each, `take_uvarint` its tag."""
        return self._checked_count(self.take_uvarint())

    def take_tagged_end(self) -> i64:
        """Take the size of a tagged field; return the position behind the field, to be given to `finish_tagged`."""
        size = self.take_uvarint()
        if size > self._end - self._at:
            raise self._overrun_error(size)
        return self._at + size

    def finish_tagged(self, end: i64) -> None:
        """Check that a known tagged field filled exactly its announced size."""
        if self._at != end:
            raise MalformedResponseError(f"A tagged field should end at byte {end}, not at byte {self._at}.")

    def skip_tagged(self) -> None:
        """Move over the size and the bytes of one tagged field whose tag was taken and means nothing to us."""
        self.skip(self.take_uvarint())

    def skip_tags(self) -> None:
        """Move over a whole section of tagged fields."""
        count = self.take_uvarint()
        if count == 0:
            return
        count = self._checked_count(count)
        while count > 0:
            self.take_uvarint()
            self.skip_tagged()
            count -= 1

    def expect_end(self) -> None:
        """Check that nothing is left: bytes behind a message mean that it was not understood."""
        if self._at != self._end:
            raise MalformedResponseError(
                f"The message should end at byte {self._at}, but {self._end - self._at} more bytes follow."
            )

    def _take_text(self, size: i64) -> str:
        at = self._at
        try:
            return self.take_bytes(size).decode()
        except UnicodeDecodeError as error:
            raise caused_error(MalformedResponseError(f"The string at byte {at} is not UTF-8."), error) from error

    def _take_long_uvarint(self) -> i64:
        value: i64 = 0
        shift: i64 = 0
        while True:
            byte = self.take_u8()
            if shift == 28 and byte > 0x0F:
                raise MalformedResponseError(f"An unsigned varint that ends at byte {self._at} is longer than 32 bits.")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def _checked_count(self, count: i64) -> i64:
        if count < -1 or count > self._end - self._at:
            raise MalformedResponseError(
                f"{count} elements are announced at byte {self._at}, where {self._end - self._at} bytes are left."
            )
        return count

    def _overrun_error(self, size: i64) -> MalformedResponseError:
        return MalformedResponseError(
            f"{size} bytes are expected at byte {self._at}, where {self._end - self._at} are left."
        )
