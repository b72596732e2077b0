"""Whatever bytes arrive, decoding gives a value or MalformedResponseError, soon and in little memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._protocol.metadata import MetadataResponse
from dekaf._wire.reader import Reader
from dekaf.errors import MalformedResponseError
from tests.unit.protocol.responses import ALL, Decode

# The largest counts and sizes the encodings can express, and small ones where none belongs.
PLANTED = [bytes.fromhex(data) for data in ("7fffffff", "ffffffff0f", "ffffffffff", "80000000", "7fff", "ff7f", "fe01")]


def decode_or_refuse(decode: Decode, version: int, body: bytes) -> object | None:
    try:
        return decode(Reader(body), version)
    except MalformedResponseError:
        return None


@pytest.mark.parametrize(("decode", "version", "body"), ALL)
def test_response_cut_short_is_refused_at_every_length(decode: Decode, version: int, body: bytes) -> None:
    for size in range(len(body)):
        with pytest.raises(MalformedResponseError):
            decode(Reader(body[:size]), version)


@pytest.mark.parametrize(("decode", "version", "body"), [one for one in ALL if one[0] is not MetadataResponse.decode])
def test_bytes_behind_a_response_are_refused(decode: Decode, version: int, body: bytes) -> None:
    with pytest.raises(MalformedResponseError, match="1 more bytes"):
        decode(Reader(body + b"\x00"), version)


@pytest.mark.parametrize(("decode", "version", "body"), ALL)
def test_huge_counts_and_sizes_allocate_next_to_nothing(decode: Decode, version: int, body: bytes) -> None:
    # Twice, because the interpreter renews a table of its own at times: from Python 3.14 on that of interned strings.
    assert min(peak_of_planting(decode, version, body) for _ in range(2)) < 256 * 1024


def peak_of_planting(decode: Decode, version: int, body: bytes) -> int:
    tracemalloc.start()
    try:
        for at in range(len(body)):
            for planted in PLANTED:
                decode_or_refuse(decode, version, body[:at] + planted + body[at + len(planted) :])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(
    st.sampled_from(ALL),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.binary(max_size=6)), min_size=1, max_size=5),
)
def test_mutated_response_gives_a_value_or_is_refused(
    response: tuple[Decode, int, bytes], edits: list[tuple[int, int, bytes]]
) -> None:
    decode, version, body = response
    for place, removed, inserted in edits:
        at = place % (len(body) + 1)
        body = body[:at] + inserted + body[at + removed :]

    value = decode_or_refuse(decode, version, body)

    assert value is None or repr(value)


@given(st.sampled_from(ALL), st.binary(max_size=200))
def test_random_bytes_give_a_value_or_are_refused(response: tuple[Decode, int, bytes], body: bytes) -> None:
    decode, version, _ = response

    value = decode_or_refuse(decode, version, body)

    assert value is None or repr(value)
