"""CRC-32C, the checksum of record batches (Castagnoli polynomial, RFC 3720 appendix B.4)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Final, final

__all__ = ("crc32c", "load_crc32c")

_MODULE: Final = "crc32c._crc32c"

# 64 KiB take about 2 µs: less than giving the interpreter lock away and asking for it back.
_KEEP_GIL: Final = 0


@final
class _Package:
    """The package that computes it, once it is loaded."""

    def __init__(self) -> None:
        self.crc32c: Callable[[bytes, int, int], int] = _load_and_call


def load_crc32c() -> None:
    """Load the package crc32c, or only the machine code in it, where that is found.

    The package imports its command line: 25 ms in each process that produces, and so in each worker of a server. The
    machine code alone takes less than one.
    """
    found = _machine_code()
    _PACKAGE.crc32c = _of_package() if found is None else found


def _of_package() -> Callable[[bytes, int, int], int]:
    from crc32c import crc32c as checksum  # noqa: PLC0415 # what takes long, and is mostly not needed

    return checksum


def _machine_code() -> Callable[[bytes, int, int], int] | None:
    """Return the function of the module of machine code; None if the package is built in another way."""
    loaded = sys.modules.get(_MODULE)
    if loaded is None:
        try:
            package = PathFinder.find_spec("crc32c")
            spec = PathFinder.find_spec(_MODULE, None if package is None else package.submodule_search_locations)
            if spec is None or spec.loader is None:
                return None
            loaded = module_from_spec(spec)
            spec.loader.exec_module(loaded)
        except (ImportError, OSError):
            return None
        # The package, if another part of the application imports it, takes this one.
        loaded = sys.modules.setdefault(_MODULE, loaded)
    found: Callable[[bytes, int, int], int] | None = getattr(loaded, "crc32c", None)
    return found


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
