"""What the documentation promises names the tests that show it, and these exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "SECURITY.md", ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
CONNECT = sorted((ROOT / "docs" / "connect").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_that_a_page_names_exist(page: Path) -> None:
    for file, function in TEST.findall(page.read_text(encoding="utf-8")):
        path = ROOT / file
        assert path.is_file(), file
        assert not function or f"def {function}(" in path.read_text(encoding="utf-8"), function


def test_every_line_of_the_threat_model_names_a_test() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "shown by" not in line]

    assert len(rows) >= 10
    assert not [row for row in rows if not TEST.search(row)]


def test_every_guarantee_names_a_test() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    rows = [row for heading in ("## What is promised", "## Topics that change") for row in rows_of(text, heading)]

    assert len(rows) >= 15
    assert [row for row in rows if not TEST.search(row)] == []


def test_guarantees_end_with_what_is_not_promised() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("## ")]

    assert headings[-1] == "## What is not promised"
    assert text.partition(headings[-1])[2].count("\n- **") >= 8


def rows_of(text: str, heading: str) -> list[str]:
    """Return the rows of the tables in one section, without those that are headings or lines."""
    section = text.partition(f"{heading}\n")[2].partition("\n## ")[0]
    return [row for row in section.splitlines() if row.startswith("| ") and "shown by" not in row]


@pytest.mark.parametrize("page", CONNECT, ids=lambda path: path.stem)
def test_every_page_of_a_service_says_what_was_tried_and_what_goes_wrong(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert "## What goes wrong" in text
    assert "**untried**" in text.partition("## What was tried")[2]
    for way in ('"FastAPI"', '"Django"', '"Plain Python"'):
        assert f"=== {way}" in text, way
