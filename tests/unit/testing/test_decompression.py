from __future__ import annotations

import gzip
import zlib

import lz4.frame
import pytest
import snappy
import zstandard

from dekaf._record.compression import codec_for
from dekaf.testing.decompression import UndecodableError, decompress

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
        pytest.param(LZ4, LZ4_FRAME, id="lz4"),
        pytest.param(ZSTD, ZSTD_FRAME, id="zstd"),
        pytest.param(
            ZSTD,
            zstandard.ZstdCompressor(write_content_size=False).compress(RECORDS[:9])
            + zstandard.ZstdCompressor().compress(RECORDS[9:]),
            id="zstd of two frames",
        ),
    ],
)
def test_what_brokers_read_is_decompressed(codec: int, data: bytes) -> None:
    assert decompress(codec, data) == RECORDS


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
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
        pytest.param(LZ4, LZ4_FRAME[:-4], id="lz4 cut off"),
        pytest.param(LZ4, lz4.frame.compress(bytes(200_000), block_size=4), id="lz4 with blocks that depend"),
        pytest.param(LZ4, b"nothing", id="no lz4 at all"),
        pytest.param(ZSTD, b"nothing", id="no zstd at all"),
        pytest.param(5, RECORDS, id="unknown codec"),
    ],
)
def test_what_brokers_refuse_is_refused(codec: int, data: bytes) -> None:
    with pytest.raises(UndecodableError):
        decompress(codec, data)


@pytest.mark.parametrize("name", ["gzip", "snappy", "lz4", "zstd"])
def test_output_is_bounded(name: str) -> None:
    codec = codec_for(name)
    assert codec is not None

    with pytest.raises(UndecodableError):
        decompress(codec.id, codec.compress(bytes(1_000_001)), limit=1_000_000)
