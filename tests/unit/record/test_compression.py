"""Codecs: the framing on the wire, levels, missing libraries and many threads."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import snappy

from dekaf._record.compression import Codec, codec_for
from dekaf.errors import ConfigurationError
from tests.codecs import (
    CODECS,
    HAS_OWN_ZSTD,
    needs_lz4,
    needs_zstd,
    what_brings_codec,
    zstd_content_size,
    zstd_decompress,
)

XERIAL_HEADER = bytes.fromhex("82534e41505059000000000100000001")

# Two records as they stand in a batch, and their known framings.
RECORDS = bytes.fromhex("18000000026b0276020268023112000a02010102026e01")


def codec(name: str, level: int | None = None) -> Codec:
    made = codec_for(name, level)
    assert made is not None
    return made


def from_xerial(data: bytes) -> list[bytes]:
    """The blocks of a xerial stream, uncompressed."""
    assert data.startswith(XERIAL_HEADER)
    at, blocks = len(XERIAL_HEADER), []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        block = snappy.uncompress(data[at + 4 : at + 4 + size])
        assert isinstance(block, bytes)
        blocks.append(block)
        at += 4 + size
    return blocks


def uncompressed(name: str, data: bytes) -> bytes:
    match name:
        case "gzip":
            return gzip.decompress(data)
        case "snappy":
            return b"".join(from_xerial(data))
        case "lz4":
            import lz4.frame  # noqa: PLC0415 - see `needs_lz4`

            plain = lz4.frame.decompress(data)
            assert isinstance(plain, bytes)
            return plain
        case _:
            return zstd_decompress(data)


def text(size: int) -> bytes:
    """Bytes that compress, the same in every run."""
    source = random.Random(size)
    words = [b"orders", b"payments", b'{"id":', b"},", b"2024"]
    return b"".join(source.choice(words) + b"%d" % source.randrange(1000) for _ in range(size // 4))[:size]


def test_none_needs_no_codec() -> None:
    assert codec_for("none", None) is None


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("gzip", 1),
        ("snappy", 2),
        pytest.param("lz4", 3, marks=needs_lz4),
        pytest.param("zstd", 4, marks=needs_zstd),
    ],
)
def test_codec_carries_kafkas_number_and_name(name: str, number: int) -> None:
    assert (codec(name).id, codec(name).name) == (number, name)
    assert repr(codec(name)) == f"Codec({number}, {name!r})"


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [0, 1, 32 * 1024, 65 * 1024, 300_000])
def test_data_comes_back_whatever_its_size(name: str, size: int) -> None:
    data = text(size)

    assert uncompressed(name, codec(name).compress(data)) == data


@pytest.mark.parametrize("name", CODECS)
def test_same_data_gives_the_same_bytes(name: str) -> None:
    data = text(100_000)
    one = codec(name)

    assert one.compress(data) == one.compress(data) == codec(name).compress(data)


def test_gzip_writes_one_member_without_a_time() -> None:
    data = codec("gzip").compress(RECORDS)

    assert data[:8] == bytes.fromhex("1f8b080000000000")


@pytest.mark.mistake("kafka-python #2483")
def test_snappy_is_framed_as_the_java_library_does() -> None:
    assert codec("snappy").compress(RECORDS) == XERIAL_HEADER + bytes.fromhex("00000019" + "1758") + RECORDS


def test_snappy_blocks_hold_at_most_32_kib() -> None:
    blocks = from_xerial(codec("snappy").compress(text(70_000)))

    assert [len(block) for block in blocks] == [32768, 32768, 70_000 - 65536]


@needs_lz4
def test_lz4_frame_has_its_known_bytes() -> None:
    expected = bytes.fromhex("04224d18604082" + "17000080") + RECORDS + bytes(4)

    assert codec("lz4").compress(RECORDS) == expected


@pytest.mark.mistake("kafka-python #1476", "pykafka #914")
@pytest.mark.parametrize("level", [None, 1, 9, 17])
@pytest.mark.parametrize("size", [100, 300_000])
@needs_lz4
def test_lz4_blocks_stay_independent_beyond_one_block(level: int | None, size: int) -> None:
    frame = codec("lz4", level).compress(text(size))

    assert frame[:7] == bytes.fromhex("04224d18604082")
    assert frame[-4:] == bytes(4)


@needs_lz4
def test_lz4_level_nine_is_the_fast_compressor_and_others_are_thorough() -> None:
    data = text(200_000)
    fast = codec("lz4", None).compress(data)

    assert codec("lz4", 9).compress(data) == fast
    assert len(codec("lz4", 1).compress(data)) < len(fast)
    assert len(codec("lz4", 17).compress(data)) <= len(codec("lz4", 1).compress(data))


@pytest.mark.mistake("kafka-python-ng #202", "kafka_protocol #142")
@pytest.mark.parametrize("size", [0, 23, 300_000])
@needs_zstd
def test_zstd_frame_says_how_large_its_content_is(size: int) -> None:
    frame = codec("zstd").compress(text(size))

    assert zstd_content_size(frame) == size


@needs_zstd
def test_zstd_frame_has_its_known_bytes() -> None:
    assert codec("zstd").compress(RECORDS) == bytes.fromhex("28b52ffd2017b90000") + RECORDS


@pytest.mark.parametrize(
    ("name", "level"),
    [
        *(("gzip", level) for level in (-1, 1, 9)),
        *(pytest.param("lz4", level, marks=needs_lz4) for level in (1, 17)),
        *(pytest.param("zstd", level, marks=needs_zstd) for level in (-131072, 0, 22)),
    ],
)
def test_levels_at_the_ends_of_the_range_work(name: str, level: int) -> None:
    data = text(5_000)

    assert uncompressed(name, codec(name, level).compress(data)) == data


@pytest.mark.parametrize(
    ("name", "level", "message"),
    [
        ("gzip", 0, "-1 or 1 to 9 for gzip, not 0"),
        ("gzip", 10, "not 10"),
        ("gzip", -2, "not -2"),
        ("lz4", 0, "1 to 17 for lz4, not 0"),
        ("lz4", 18, "not 18"),
        ("zstd", 23, "-131072 to 22 for zstd, not 23"),
        ("zstd", -131073, "not -131073"),
        ("snappy", 1, "compression_level is 1, but compression_type 'snappy' has no levels"),
        ("none", 1, "compression_level is 1, but compression_type 'none' has no levels"),
    ],
)
def test_level_outside_the_range_is_refused(name: str, level: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        codec_for(name, level)


def test_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="none, gzip, snappy, lz4, zstd, not 'brotli'"):
        codec_for("brotli", None)


@pytest.mark.parametrize(
    ("name", "modules"), [("snappy", ["snappy"]), ("lz4", ["lz4.frame"]), ("zstd", ["zstandard", "_zstd"])]
)
def test_missing_library_is_named_with_what_brings_it(name: str, modules: list[str]) -> None:
    # In a fresh interpreter: compiled code remembers a module once it was imported.
    program = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({modules!r}))\n"
        "from dekaf._record.compression import codec_for\n"
        "from dekaf.errors import ConfigurationError\n"
        "try:\n"
        f"    codec_for({name!r}, None)\n"
        "except ConfigurationError as error:\n"
        "    print(error)\n"
    )

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=30
    )

    assert f"pip install {what_brings_codec(name)}" in run.stdout


@pytest.mark.skipif(not HAS_OWN_ZSTD, reason="this Python has no zstd of its own")
def test_pythons_own_zstd_stands_in_for_the_library() -> None:
    program = (
        "import sys\n"
        "sys.modules['zstandard'] = None\n"
        "from dekaf._record.compression import codec_for\n"
        "from dekaf.testing.decompression import decompress\n"
        f"records = bytes.fromhex({RECORDS.hex()!r})\n"
        "for level in (None, -131072, 0, 3, 22):\n"
        "    codec = codec_for('zstd', level)\n"
        "    first, second = codec.compress(records), codec.compress(records)\n"
        "    assert first == second and decompress(4, first) == codec.decompress(first) == records\n"
        "    print(first.hex())\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )

    assert set(run.stdout.split()) == {"28b52ffd2017b90000" + RECORDS.hex()}


@pytest.mark.parametrize("name", CODECS)
def test_many_threads_may_compress_at_once(name: str) -> None:
    shared = codec(name)
    inputs = [text(20_000 + 1_000 * index) for index in range(8)]
    start = threading.Barrier(len(inputs))

    def work(data: bytes) -> bool:
        start.wait(timeout=10)
        return all(uncompressed(name, shared.compress(data)) == data for _ in range(10))

    with ThreadPoolExecutor(len(inputs)) as pool:
        assert all(pool.map(work, inputs))


@pytest.mark.parametrize(
    ("name", "mebibytes"),
    [
        ("gzip", 4),
        ("snappy", 64),
        pytest.param("lz4", 64, marks=needs_lz4),
        pytest.param("zstd", 32, marks=needs_zstd),
    ],
)
def test_other_threads_run_while_a_codec_compresses(name: str, mebibytes: int) -> None:
    # Whoever fills a batch compresses it, and must not keep the I/O thread from its work meanwhile. A codec that held
    # the interpreter lock would let this thread run right before and after, at the most.
    compress = codec(name).compress
    data = random.Random(7).randbytes(mebibytes << 19).hex().encode()  # nothing in it repeats, half of it is air
    ticks: list[float] = []
    is_over = threading.Event()

    def tick() -> None:
        while not is_over.wait(0.001):
            ticks.append(time.perf_counter())

    ticking = threading.Thread(target=tick)
    ticking.start()
    try:
        began = time.perf_counter()
        compress(data)
        ended = time.perf_counter()
    finally:
        is_over.set()
        ticking.join()

    assert ended - began > 0.03, "too little to compress: the thread could not have run meanwhile"
    meanwhile = sum(1 for at in ticks if began + 0.005 < at < ended - 0.005)
    assert meanwhile >= 3
