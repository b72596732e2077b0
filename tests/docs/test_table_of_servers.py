"""The tables of servers are of today's rows, and show what they are to show."""

from __future__ import annotations

from pathlib import Path

from tests.servers.__main__ import BEGIN, END, LIMITS_BEGIN, LIMITS_END, LIMITS_PAGE, PAGE
from tests.servers.patience import LIMITS
from tests.servers.rows import ROWS


def lines(page: Path = PAGE, begin: str = BEGIN, end: str = END) -> list[list[str]]:
    text = page.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return rows[1:]  # without the head


def test_the_table_has_every_row() -> None:
    assert [line[:3] for line in lines()] == [[row.server, row.application, row.stop.value] for row in ROWS]


def test_messages_are_lost_in_those_rows_alone_that_are_known_for_it() -> None:
    assert [delivered != answered for *_, answered, delivered in lines()] == [row.is_lost for row in ROWS]


def test_the_table_of_limits_has_every_server_and_what_bounds_it() -> None:
    table = lines(LIMITS_PAGE, LIMITS_BEGIN, LIMITS_END)

    assert [(server, bound) for server, _, bound in table] == [(limit.server, limit.bound) for limit in LIMITS]
    assert [seconds == "as long as it takes" for _, seconds, _ in table] == [limit.seconds is None for limit in LIMITS]
