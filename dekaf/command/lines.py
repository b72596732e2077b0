"""The lines of a file, as bytes: numbered, without a byte order mark, and none longer than what may be held."""

from __future__ import annotations

import codecs
from typing import BinaryIO, Final, Self, final

__all__ = ("LONGEST", "BrokenLineError", "RawLines", "without_end")

LONGEST: Final = 32 * 1024 * 1024  # bytes, if nothing else is said: as much as a producer's buffer holds

_PIECE: Final = 1024 * 1024  # bytes, of what is passed over
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class BrokenLineError(ValueError):
    """A line is no message.

    Args:
        number: Of the line, from 1.
        reason: What is wrong with it.
    """

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number = number


@final
class RawLines:
    """Gives one line after the other, with its end; after an error it goes on with the next one.

    Args:
        file: Open for reading bytes.
        longest: The bytes that a line may have.
    """

    def __init__(self, file: BinaryIO, longest: int = LONGEST) -> None:
        self.number = 0  # of the line that was read last, from 1
        self._file: Final = file
        self._longest: Final = longest

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        raw = self._file.readline(self._longest + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        if len(raw) > self._longest and not raw.endswith(b"\n"):
            self._pass_over()
            raise BrokenLineError(self.number, f"it has more than {self._longest:,} bytes")
        if self.number > 1:
            return raw
        if raw.startswith(_UTF16):
            raise BrokenLineError(1, "the file is in UTF-16; save it as UTF-8")
        return raw.removeprefix(codecs.BOM_UTF8)

    def _pass_over(self) -> None:
        """Read to the end of a line that is too long."""
        while True:
            piece = self._file.readline(_PIECE)
            if not piece or piece.endswith(b"\n"):
                return


def without_end(raw: bytes) -> bytes:
    r"""Return a line without its ``\n`` or ``\r\n``."""
    return raw.removesuffix(b"\n").removesuffix(b"\r")
