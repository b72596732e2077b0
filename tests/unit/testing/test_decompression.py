from __future__ import annotations

import gzip
import zlib

import pytest
import snappy

from dekaf._record.compression import codec_for
from dekaf.testing.decompression import UndecodableError, decompress
from tests.codecs import CODECS, needs_lz4, needs_zstd

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
# From the specification of Kafka's framings: the records area of a known batch, compressed.
RECORDS = bytes.fromhex("18000000026b0276020268023112000a02010102026e01")
XERIAL = bytes.fromhex("82534e41505059000000000100000001000000191758") + RECORDS
LZ4_FRAME = bytes.fromhex("04224d1860408217000080") + RECORDS + bytes(4)
ZSTD_FRAME = bytes.fromhex("28b52ffd2017b90000") + RECORDS


def blocks(*pieces: bytes) -> bytes:
    """Blocks as they follow Java's header: a size, then what snappy makes of a piece."""
    return b"".join(len(compressed).to_bytes(4, "big") + compressed for compressed in map(snappy.compress, pieces))


@pytest.mark.mistake("kafka-python #2483", "kafka-python #2717")
@pytest.mark.parametrize(
    ("codec", "data"),
    [
        pytest.param(0, RECORDS, id="none"),
        pytest.param(GZIP, gzip.compress(RECORDS), id="gzip"),
        pytest.param(GZIP, gzip.compress(RECORDS[:5]) + gzip.compress(RECORDS[5:]), id="gzip of two members"),
        pytest.param(SNAPPY, XERIAL, id="snappy in Java's framing"),
        pytest.param(
            SNAPPY, XERIAL[:8] + XERIAL[8:12][::-1] + XERIAL[12:16][::-1] + XERIAL[16:], id="snappy by Redpanda"
        ),
        pytest.param(SNAPPY, XERIAL[:16] + blocks(RECORDS[:7], b"", RECORDS[7:]), id="snappy in several blocks"),
        pytest.param(SNAPPY, snappy.compress(RECORDS), id="snappy as one block"),
        pytest.param(LZ4, LZ4_FRAME, id="lz4", marks=needs_lz4),
        pytest.param(ZSTD, ZSTD_FRAME, id="zstd", marks=needs_zstd),
        pytest.param(
            ZSTD,
            bytes.fromhex("28b52ffd0000490000") + RECORDS[:9] + bytes.fromhex("28b52ffd200e710000") + RECORDS[9:],
            id="zstd of two frames, the first without its size",
            marks=needs_zstd,
        ),
    ],
)
def test_what_brokers_read_is_decompressed(codec: int, data: bytes) -> None:
    assert decompress(codec, data) == RECORDS


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [0, 10, 2_000_000])
def test_what_the_producer_compresses_is_decompressed(name: str, size: int) -> None:
    codec = codec_for(name)
    assert codec is not None
    data = bytes(range(250)) * (size // 250) + bytes(size % 250)

    assert decompress(codec.id, codec.compress(data)) == data


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        pytest.param(GZIP, gzip.compress(RECORDS)[:-1], id="gzip cut off"),
        pytest.param(GZIP, zlib.compress(RECORDS), id="zlib instead of gzip"),
        pytest.param(SNAPPY, snappy.StreamCompressor().compress(RECORDS), id="snappy's framing format"),
        pytest.param(SNAPPY, XERIAL[:-1], id="snappy cut off"),
        pytest.param(LZ4, LZ4_FRAME[:-4], id="lz4 cut off", marks=needs_lz4),
        pytest.param(LZ4, b"nothing", id="no lz4 at all", marks=needs_lz4),
        pytest.param(ZSTD, b"nothing", id="no zstd at all", marks=needs_zstd),
        pytest.param(5, RECORDS, id="unknown codec"),
    ],
)
def test_what_brokers_refuse_is_refused(codec: int, data: bytes) -> None:
    with pytest.raises(UndecodableError):
        decompress(codec, data)


@needs_lz4
def test_lz4_blocks_that_depend_on_earlier_ones_are_refused() -> None:
    import lz4.frame  # noqa: PLC0415 - see `needs_lz4`

    with pytest.raises(UndecodableError, match="depend on earlier ones"):
        decompress(LZ4, lz4.frame.compress(bytes(200_000), block_size=4))


@pytest.mark.parametrize("name", CODECS)
def test_output_is_bounded(name: str) -> None:
    codec = codec_for(name)
    assert codec is not None

    with pytest.raises(UndecodableError):
        decompress(codec.id, codec.compress(bytes(1_000_001)), limit=1_000_000)
