"""The lines of a file, whatever it is."""

from __future__ import annotations

import io

import pytest

from dekaf.command.lines import BrokenLineError, RawLines, without_end


def test_lines_keep_their_ends_and_the_last_may_have_none() -> None:
    lines = RawLines(io.BytesIO(b"a\n\r\nb"))

    assert [(lines.number, line) for line in lines] == [(1, b"a\n"), (2, b"\r\n"), (3, b"b")]
    assert [without_end(line) for line in (b"a\n", b"a\r\n", b"a", b"a\r\r\n")] == [b"a", b"a", b"a", b"a\r"]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(RawLines(io.BytesIO(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"))) == [b"a\n", b"\xef\xbb\xbfb\n"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_told_rather_than_produced(encoding: str) -> None:
    with pytest.raises(BrokenLineError, match="line 1: the file is in UTF-16; save it as UTF-8"):
        next(RawLines(io.BytesIO("\ufeffa\n".encode(encoding))))


def test_a_line_that_is_too_long_is_passed_over_in_pieces() -> None:
    class Counting(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            self.most = max(self.most, len(line))
            return line

    file = Counting(b"a\n" + b"x" * 5_000_000 + b"\nb\n")
    lines = RawLines(file, longest=100)

    assert next(lines) == b"a\n"
    with pytest.raises(BrokenLineError, match="line 2: it has more than 100 bytes"):
        next(lines)
    assert (next(lines), lines.number) == (b"b\n", 3)
    assert file.most <= 1024 * 1024


def test_a_line_may_be_as_long_as_it_may_be() -> None:
    assert list(RawLines(io.BytesIO(b"x" * 100 + b"\n" + b"y" * 100), longest=100)) == [b"x" * 100 + b"\n", b"y" * 100]


def test_a_last_line_without_end_that_is_too_long_is_told_as_well() -> None:
    lines = RawLines(io.BytesIO(b"x" * 101), longest=100)

    with pytest.raises(BrokenLineError, match="line 1"):
        next(lines)
    assert list(lines) == []
