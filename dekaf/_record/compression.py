"""Compress the records of a batch, in the framing that every Kafka broker and consumer reads.

The libraries behind lz4, snappy and zstd are optional and are imported when a producer asks for them; from Python 3.14
on, the standard library is one of those behind zstd. Levels have Kafka's names and ranges (KIP-390,
https://cwiki.apache.org/confluence/display/KAFKA/KIP-390).
"""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, final

from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter, write_i32_be
from dekaf.errors import ConfigurationError, caused_error

__all__ = ("Codec", "codec_for")

_GZIP_WINDOW: Final = 31  # zlib's largest window, 15, plus 16: a gzip header and trailer; it leaves the time at 0
_GZIP_DEFAULT: Final = -1  # zlib's own choice, which is 6

# The Java library's framing of snappy, which is what brokers expect; they refuse snappy's own "framing format".
_XERIAL_HEADER: Final = b"\x82SNAPPY\x00" + (1).to_bytes(4, "big") + (1).to_bytes(4, "big")
_XERIAL_BLOCK: Final = 32 * 1024

_LZ4_KAFKA_FAST: Final = 9  # Kafka's default level, at which the Java client uses LZ4's fast compressor
_LZ4_FAST: Final = 0
_LZ4_LEAST_THOROUGH: Final = 3  # below it the library silently falls back to the fast compressor
_LZ4_MOST_THOROUGH: Final = 12

_ZSTD_DEFAULT: Final = 3
# PEP 784, from 3.14 on. Type checkers know `version_info`, and would leave out what the oldest Python does not have.
_PYTHON_HAS_ZSTD: Final = sys.hexversion >= 0x030E0000


@final
class Codec:
    """One way to compress, at one level. `compress` may be called from any number of threads at once.

    Args:
        id: the number in the lowest three bits of a batch's attributes.
        name: Kafka's name, as in ``compression_type``.
        compress: turns the records of a batch, encoded, into what takes their place.
        decompress: the way back, for what `compress` made and nothing else.
    """

    def __init__(
        self,
        id: int,  # noqa: A002 - Kafka's word
        name: str,
        *,
        compress: Callable[[bytes], bytes],
        decompress: Callable[[bytes], bytes],
    ) -> None:
        self.id = id
        self.name = name
        self.compress = compress
        self.decompress = decompress

    def __repr__(self) -> str:
        return f"Codec({self.id}, {self.name!r})"


def codec_for(name: str, level: int | None = None) -> Codec | None:
    """Make the codec for a ``compression_type``, or None for ``"none"``.

    Args:
        name: ``"none"``, ``"gzip"``, ``"snappy"``, ``"lz4"`` or ``"zstd"``.
        level: Kafka's level for the codec: gzip -1 or 1 to 9, lz4 1 to 17, zstd -131072 to 22; None for its default.

    Raises:
        ConfigurationError: the name is unknown, the level is outside the codec's range, or its library is missing.
    """
    if name not in _LEVELS:
        raise ConfigurationError(f"compression_type must be one of {', '.join(_LEVELS)}, not {name!r}.")
    _check_level(name, level)
    factory = _FACTORIES.get(name)
    return None if factory is None else factory(level)


def _check_level(name: str, level: int | None) -> None:
    if level is None:
        return
    allowed = _LEVELS[name]
    if not allowed:
        raise ConfigurationError(f"compression_level is {level}, but compression_type {name!r} has no levels.")
    if not any(level in levels for levels in allowed):
        text = " or ".join(
            str(levels.start) if len(levels) == 1 else f"{levels.start} to {levels.stop - 1}" for levels in allowed
        )
        raise ConfigurationError(f"compression_level must be {text} for {name}, not {level}.")


def _gzip_codec(level: int | None) -> Codec:
    chosen = _GZIP_DEFAULT if level is None else level

    def compress(data: bytes) -> bytes:
        compressor = zlib.compressobj(chosen, zlib.DEFLATED, _GZIP_WINDOW)
        return compressor.compress(data) + compressor.flush()

    def decompress(data: bytes) -> bytes:
        return zlib.decompress(data, _GZIP_WINDOW)

    return Codec(1, "gzip", compress=compress, decompress=decompress)


def _snappy_codec(level: int | None) -> Codec:
    try:
        import snappy  # noqa: PLC0415 - optional: imported by those who use it
    except ImportError as error:
        raise caused_error(_missing_package_error("snappy", "python-snappy"), error) from error
    compress_block: Callable[[bytes], bytes] = snappy.compress
    decompress_block: Callable[[bytes], bytes] = snappy.decompress

    def compress(data: bytes) -> bytes:
        writer = BytesWriter()
        writer.write(_XERIAL_HEADER)
        for start in range(0, len(data), _XERIAL_BLOCK):
            block = compress_block(data[start : start + _XERIAL_BLOCK])
            write_i32_be(writer, len(block))
            writer.write(block)
        return writer.getvalue()

    def decompress(data: bytes) -> bytes:
        reader = Reader(data, len(_XERIAL_HEADER))
        blocks: list[bytes] = []
        while reader.remaining > 0:
            blocks.append(decompress_block(reader.take_bytes(reader.take_i32())))
        return b"".join(blocks)

    return Codec(2, "snappy", compress=compress, decompress=decompress)


def _lz4_codec(level: int | None) -> Codec:
    try:
        import lz4.frame  # noqa: PLC0415 - optional: imported by those who use it
    except ImportError as error:
        raise caused_error(_missing_package_error("lz4", "lz4"), error) from error
    compress_frame: Callable[..., bytes] = lz4.frame.compress
    decompress_frame: Callable[[bytes], bytes] = lz4.frame.decompress
    block_size: int = lz4.frame.BLOCKSIZE_MAX64KB
    if level is None or level == _LZ4_KAFKA_FAST:
        chosen = _LZ4_FAST
    else:
        chosen = min(max(level, _LZ4_LEAST_THOROUGH), _LZ4_MOST_THOROUGH)

    def compress(data: bytes) -> bytes:
        # Java refuses blocks that refer to earlier ones, the library's default from the second block on.
        return compress_frame(
            data,
            compression_level=chosen,
            block_size=block_size,
            block_linked=False,
            content_checksum=False,
            block_checksum=False,
            store_size=False,
        )

    return Codec(3, "lz4", compress=compress, decompress=decompress_frame)


def _zstd_codec(level: int | None) -> Codec:
    library = _zstd_library(_ZSTD_DEFAULT if level is None else level)
    # A compressor serves one thread at a time and is worth keeping, for its tables take longer to set up than a small
    # batch takes to compress. So idle ones lie on a stack: as many come into being as ever compressed at once, instead
    # of one per thread of a web server. A list's pop and append are atomic.
    idle: list[Callable[[bytes], bytes]] = []

    def compress(data: bytes) -> bytes:
        try:
            compress_frame = idle.pop()
        except IndexError:
            compress_frame = library.new_compressor()
        compressed = compress_frame(data)
        idle.append(compress_frame)
        return compressed

    return Codec(4, "zstd", compress=compress, decompress=library.decompress)


class _ZstdLibrary(NamedTuple):
    # Makes the function that turns bytes into one frame. The content size is written into it because many consumers
    # decompress in one call and refuse frames without it.
    new_compressor: Callable[[], Callable[[bytes], bytes]]
    decompress: Callable[[bytes], bytes]


def _zstd_library(level: int) -> _ZstdLibrary:
    try:
        return _zstandard(level)
    except ImportError as error:
        if not _PYTHON_HAS_ZSTD:
            raise caused_error(_missing_package_error("zstd", "zstandard"), error) from error
    try:
        return _pythons_zstd(level)
    except ImportError as error:
        text = (
            "compression_type 'zstd' needs the library zstandard, or a Python that was built with compression.zstd; "
            "neither can be imported: pip install zstandard"
        )
        raise caused_error(ConfigurationError(text), error) from error


def _zstandard(level: int) -> _ZstdLibrary:
    import zstandard  # noqa: PLC0415 - optional: imported by those who use it

    def new_compressor() -> Callable[[bytes], bytes]:
        compress: Callable[[bytes], bytes] = zstandard.ZstdCompressor(level=level, write_content_size=True).compress
        return compress

    def decompress(data: bytes) -> bytes:
        decompressed: bytes = zstandard.ZstdDecompressor().decompress(data)
        return decompressed

    return _ZstdLibrary(new_compressor, decompress)


def _pythons_zstd(level: int) -> _ZstdLibrary:
    zstd = importlib.import_module("compression.zstd")
    whole_frame: int = zstd.ZstdCompressor.FLUSH_FRAME

    def new_compressor() -> Callable[[bytes], bytes]:
        compress_piece: Callable[[bytes, int], bytes] = zstd.ZstdCompressor(level=level).compress

        def compress(data: bytes) -> bytes:
            return compress_piece(data, whole_frame)

        return compress

    decompress: Callable[[bytes], bytes] = zstd.decompress
    return _ZstdLibrary(new_compressor, decompress)


def _missing_package_error(name: str, library: str) -> ConfigurationError:
    return ConfigurationError(
        f"compression_type {name!r} needs the library {library}, which cannot be imported: "
        f"pip install 'dekaf[{name}]'"  # quoted, for zsh takes brackets for a pattern
    )


_LEVELS: Final[Mapping[str, tuple[range, ...]]] = {
    "none": (),
    "gzip": (range(-1, 0), range(1, 10)),
    "snappy": (),
    "lz4": (range(1, 18),),
    "zstd": (range(-131072, 23),),
}

_FACTORIES: Final[Mapping[str, Callable[[int | None], Codec]]] = {
    "gzip": _gzip_codec,
    "snappy": _snappy_codec,
    "lz4": _lz4_codec,
    "zstd": _zstd_codec,
}
