"""Cutting received bytes into frames."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._wire.framing import MAX_FRAME_BYTES, FrameBuffer
from dekaf.errors import MalformedResponseError


def framed(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)


def test_frames_fed_byte_by_byte_come_out_whole_and_in_order() -> None:
    buffer = FrameBuffer()
    stream = framed(b"first", b"", b"second")

    frames = [frame for byte in stream for frame in buffer.feed(bytes([byte]))]

    assert frames == [b"first", b"", b"second"]
    assert buffer.held == 0


def test_one_piece_may_hold_several_frames_and_the_start_of_the_next() -> None:
    buffer = FrameBuffer()

    assert buffer.feed(framed(b"a", b"bc") + b"\x00\x00") == [b"a", b"bc"]
    assert buffer.held == 2
    assert buffer.feed(b"\x00\x03xy") == []
    assert buffer.feed(b"z" + framed(b"!")) == [b"xyz", b"!"]
    assert buffer.held == 0


def test_no_bytes_complete_nothing() -> None:
    buffer = FrameBuffer()

    assert buffer.feed(b"") == []
    assert buffer.feed(framed(b"a")) == [b"a"]


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 250), max_size=12))
def test_frames_do_not_depend_on_where_the_stream_is_cut(frames: list[bytes], cuts: list[int]) -> None:
    stream = framed(*frames)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    buffer = FrameBuffer()

    received = [frame for start, end in pairwise(places) for frame in buffer.feed(stream[start:end])]

    assert received == frames


def test_large_frame_in_many_pieces_comes_out_whole() -> None:
    buffer = FrameBuffer()
    frame = bytes(range(256)) * 4096
    stream = framed(frame)

    received = [done for at in range(0, len(stream), 1000) for done in buffer.feed(stream[at : at + 1000])]

    assert received == [frame]


@pytest.mark.parametrize("size", [-1, -(2**31), MAX_FRAME_BYTES + 1, 2**31 - 1])
def test_impossible_size_is_refused_before_anything_is_stored_for_it(size: int) -> None:
    with pytest.raises(MalformedResponseError, match="does not speak Kafka's protocol"):
        FrameBuffer().feed(size.to_bytes(4, "big", signed=True))


def test_largest_frame_is_waited_for() -> None:
    buffer = FrameBuffer()

    assert buffer.feed(MAX_FRAME_BYTES.to_bytes(4, "big")) == []
    assert buffer.held == 4


def test_impossible_size_behind_a_good_frame_is_refused() -> None:
    with pytest.raises(MalformedResponseError):
        FrameBuffer().feed(framed(b"good") + b"\xff\xff\xff\xff")


@pytest.mark.parametrize(
    "first_bytes",
    ["15030300020246", "1503010002020a", "1603030040", "17030300"],
)
def test_tls_answer_to_plain_text_is_named(first_bytes: str) -> None:
    with pytest.raises(MalformedResponseError, match="TLS"):
        FrameBuffer().feed(bytes.fromhex(first_bytes))


def test_http_answer_is_named() -> None:
    with pytest.raises(MalformedResponseError, match="HTTP"):
        FrameBuffer().feed(b"HTTP/1.1 400 Bad Request\r\n")
