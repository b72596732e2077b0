"""The table of servers is of today's rows, and shows what it is to show."""

from __future__ import annotations

from tests.servers.__main__ import BEGIN, END, PAGE
from tests.servers.rows import ROWS


def lines() -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return rows[1:]  # without the head


def test_the_table_has_every_row() -> None:
    assert [line[:3] for line in lines()] == [[row.server, row.application, row.stop.value] for row in ROWS]


def test_messages_are_lost_in_those_rows_alone_that_are_known_for_it() -> None:
    assert [delivered != answered for *_, answered, delivered in lines()] == [row.is_lost for row in ROWS]
