"""Decompress the records of a batch as a broker does, and refuse what a broker refuses.

The output is bounded, so that a few bytes cannot fill the memory of a test run.
"""

from __future__ import annotations

import importlib
import io
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import IO, Final

from dekaf.errors import ConfigurationError

__all__ = ("MAX_DECOMPRESSED_BYTES", "UndecodableError", "decompress")

# Far more than any batch a broker accepts grows to in a test.
MAX_DECOMPRESSED_BYTES: Final = 256 * 1024 * 1024

_PIECE_BYTES: Final = 256 * 1024
_GZIP_WINDOW: Final = 31
_XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16
_LZ4_MAGIC: Final = b"\x04\x22\x4d\x18"
_LZ4_VERSION: Final = 0b01 << 6
_LZ4_VERSION_BITS: Final = 0b11 << 6
_LZ4_INDEPENDENT_BIT: Final = 1 << 5
_LZ4_RESERVED_BITS: Final = 0b11
_ZSTD_WINDOW: Final = 27  # Java's limit, as a power of two


class UndecodableError(ValueError):
    """A broker could not decompress these bytes."""


def decompress(codec: int, data: bytes, limit: int = MAX_DECOMPRESSED_BYTES) -> bytes:
    """Return the records area of a batch, decompressed.

    Args:
        codec: the number in the batch's attributes; 0 returns the bytes as they are.
        data: what follows the batch's header.
        limit: the most bytes to return.

    Raises:
        UndecodableError: the bytes are damaged, framed in a way brokers do not read, or exceed the limit.
        ConfigurationError: the library for the codec is missing.
    """
    if codec == 0:
        return data
    decoder = _DECODERS.get(codec)
    if decoder is None:
        raise UndecodableError(f"there is no compression codec {codec}")
    try:
        return decoder(data, limit)
    except (UndecodableError, ConfigurationError):
        raise
    except Exception as error:  # each library has exceptions of its own
        raise UndecodableError(f"codec {codec}: {error}") from error


def _gunzip(data: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit
    while data:  # several members may follow each other
        member = zlib.decompressobj(_GZIP_WINDOW)
        part = member.decompress(data, room + 1)
        room -= len(part)
        if room < 0:
            raise _too_large_error(limit)
        if not member.eof:
            raise UndecodableError("the gzip stream ends too early")
        parts.append(part)
        data = member.unused_data
    return b"".join(parts)


def _unsnappy(data: bytes, limit: int) -> bytes:
    try:
        import snappy  # noqa: PLC0415 - optional: imported when a batch needs it
    except ImportError as error:
        raise _missing_package_error("snappy") from error
    if not data.startswith(_XERIAL_MAGIC):
        return _unsnappy_block(data, limit, snappy.uncompress)
    parts: list[bytes] = []
    room = limit
    at = _XERIAL_HEADER_BYTES
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        block = data[at + 4 : at + 4 + size]
        if len(block) != size or not size:
            raise UndecodableError("a snappy block is cut off")
        parts.append(_unsnappy_block(block, room, snappy.uncompress))
        room -= len(parts[-1])
        at += 4 + size
    return b"".join(parts)


def _unsnappy_block(block: bytes, room: int, uncompress: Callable[[bytes], bytes]) -> bytes:
    size = 0
    for position, byte in enumerate(block[:5]):  # the size stands in front, as a varint
        size |= (byte & 0x7F) << (7 * position)
        if byte < 0x80:
            break
    if size > room:
        raise UndecodableError(f"a snappy block takes {size} bytes, where {room} are allowed")
    return uncompress(block)


def _unlz4(data: bytes, limit: int) -> bytes:
    try:
        import lz4.frame  # noqa: PLC0415 - optional: imported when a batch needs it
    except ImportError as error:
        raise _missing_package_error("lz4") from error
    _check_lz4_descriptor(data)
    decompressor = lz4.frame.LZ4FrameDecompressor()

    def read(size: int) -> bytes:
        nonlocal data
        piece: bytes = b"" if decompressor.eof else decompressor.decompress(data, size)
        data = b""  # what did not fit, the decompressor keeps
        return piece

    decompressed = _read_all(read, limit)
    if not decompressor.eof:
        raise UndecodableError("the LZ4 frame ends too early")
    return decompressed


def _check_lz4_descriptor(data: bytes) -> None:
    """Refuse what the Java client's decoder refuses, though other decoders read it."""
    if not data.startswith(_LZ4_MAGIC) or len(data) < 6:
        raise UndecodableError("there is no LZ4 frame")
    flags = data[4]
    if flags & _LZ4_VERSION_BITS != _LZ4_VERSION or flags & _LZ4_RESERVED_BITS:
        raise UndecodableError(f"the LZ4 frame has flags {flags:#04x}, of which brokers refuse some")
    if not flags & _LZ4_INDEPENDENT_BIT:
        raise UndecodableError("the LZ4 frame has blocks that depend on earlier ones, which brokers refuse")


def _unzstd(data: bytes, limit: int) -> bytes:
    # Streaming, for frames need not carry their size and several may follow each other.
    with _zstd_reader(io.BytesIO(data)) as stream:
        return _read_all(stream.read, limit)


def _zstd_reader(source: io.BytesIO) -> IO[bytes]:
    try:
        import zstandard  # noqa: PLC0415 - optional: imported when a batch needs it
    except ImportError as error:
        if sys.hexversion < 0x030E0000:  # 3.14; not `version_info`, by which type checkers would skip what follows
            raise _missing_package_error("zstd") from error
    else:
        decompressor = zstandard.ZstdDecompressor(max_window_size=1 << _ZSTD_WINDOW)
        reader: IO[bytes] = decompressor.stream_reader(source, read_across_frames=True)
        return reader
    try:
        zstd = importlib.import_module("compression.zstd")
    except ImportError as error:
        raise _missing_package_error("zstd") from error
    file: IO[bytes] = zstd.ZstdFile(source, options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW})
    return file


def _read_all(read: Callable[[int], bytes], limit: int) -> bytes:
    """Read piece by piece, because these libraries allocate what they are asked for before they know that it exists."""
    pieces: list[bytes] = []
    room = limit
    while piece := read(_PIECE_BYTES):
        room -= len(piece)
        if room < 0:
            raise _too_large_error(limit)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large_error(limit: int) -> UndecodableError:
    return UndecodableError(f"the records take more than {limit} bytes once they are decompressed")


def _missing_package_error(extra: str) -> ConfigurationError:
    return ConfigurationError(
        f"reading a batch compressed with {extra} needs its library: pip install 'dekaf[{extra}]'"
    )


_DECODERS: Final[Mapping[int, Callable[[bytes, int], bytes]]] = {1: _gunzip, 2: _unsnappy, 3: _unlz4, 4: _unzstd}
