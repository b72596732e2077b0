"""What tests compress and decompress with beside dekaf, also on Pythons for which there is no lz4 or zstandard yet."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from typing import Final

import pytest

__all__ = (
    "CODECS",
    "HAS_OWN_ZSTD",
    "needs_lz4",
    "needs_zstd",
    "what_brings_codec",
    "zstd_content_size",
    "zstd_decompress",
)

HAS_OWN_ZSTD: Final = find_spec("_zstd") is not None  # Python itself, from 3.14 on, if it was built with it

needs_lz4: Final = pytest.mark.skipif(
    find_spec("lz4") is None, reason="lz4 is not installed: it has no wheel for Python 3.15 yet"
)
needs_zstd: Final = pytest.mark.skipif(
    not HAS_OWN_ZSTD and find_spec("zstandard") is None,
    reason="zstandard is not installed: it has no wheel for Python 3.15 yet, and this one was built without zstd",
)

CODECS: Final = ("gzip", "snappy", pytest.param("lz4", marks=needs_lz4), pytest.param("zstd", marks=needs_zstd))


def what_brings_codec(name: str) -> str:
    """Return what an error tells users to install when a codec's library is missing."""
    return "zstandard" if name == "zstd" and sys.hexversion >= 0x030E0000 else f"'dekaf[{name}]'"  # 3.14


# The library that dekaf does not use where both are there.
if HAS_OWN_ZSTD:
    zstd = importlib.import_module("compression.zstd")

    def zstd_decompress(frame: bytes) -> bytes:
        decompressed: bytes = zstd.decompress(frame)
        return decompressed

    def zstd_content_size(frame: bytes) -> int | None:
        """Return what a frame says about its size, or None when it says nothing."""
        size: int | None = zstd.get_frame_info(frame).decompressed_size
        return size


else:
    __lazy_modules__ = ("zstandard",)
    import zstandard

    def zstd_decompress(frame: bytes) -> bytes:
        return zstandard.decompress(frame)

    def zstd_content_size(frame: bytes) -> int | None:
        """Return what a frame says about its size, or None when it says nothing."""
        size = zstandard.frame_content_size(frame)
        return None if size < 0 else size
