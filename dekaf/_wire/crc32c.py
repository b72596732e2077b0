"""CRC-32C, the checksum of record batches (Castagnoli polynomial, RFC 3720 appendix B.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

__all__ = ("crc32c", "load_crc32c")

# 64 KiB take about 2 µs: less than giving the interpreter lock away and asking for it back.
_KEEP_GIL: Final = 0


@final
class _Package:
    """The package that computes it, once it is loaded."""

    def __init__(self) -> None:
        self.crc32c: Callable[[bytes, int, int], int] = _load_and_call


def load_crc32c() -> None:
    """Import the package crc32c: 25 ms, for it has a command line. So new producers do this, not `import dekaf`."""
    from crc32c import crc32c as checksum  # noqa: PLC0415 # the docstring says why

    _PACKAGE.crc32c = checksum


def crc32c(data: bytes, value: int = 0) -> int:
    """Checksum of ``data``, from 0 to 2**32 - 1.

    Args:
        data: the bytes.
        value: the checksum of the bytes before them, so that parts need not be joined:
            ``crc32c(b, crc32c(a)) == crc32c(a + b)``.
    """
    return _PACKAGE.crc32c(data, value, _KEEP_GIL)


def _load_and_call(data: bytes, value: int, keep_gil: int) -> int:
    load_crc32c()
    return _PACKAGE.crc32c(data, value, keep_gil)


_PACKAGE: Final = _Package()
