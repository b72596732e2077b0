"""The log's names are promised: the documentation lists the loggers and facts that there are. No handler is added."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "dekaf").rglob("*.py"))}
PAGE = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
LOGGER = re.compile(r"(?:getLogger|DeferredLogger)\(\"(dekaf[\w.]*)\"")
FACT = re.compile(r"\"(dekaf_\w+)\": |extra\[\"(dekaf_\w+)\"\]")


def documented(heading: str) -> list[str]:
    """Return the names in the first column of a section's table."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([\w.]+)`", row)]


def test_loggers_of_the_documentation_are_those_of_the_code() -> None:
    names = {name for text in CODE.values() for name in LOGGER.findall(text)}

    assert sorted(documented("The loggers")) == sorted(names)


def test_facts_of_the_documentation_are_those_of_the_code() -> None:
    logging = [text for text in CODE.values() if "DeferredLogger" in text]
    names = {first or second for text in logging for first, second in FACT.findall(text)}

    assert sorted(documented("The facts")) == sorted(names)


def test_no_handler_is_added_that_would_switch_off_the_last_resort() -> None:
    adders = [
        path.name for path, text in CODE.items() if re.search(r"\bNullHandler\b|\.addHandler\(|basicConfig\(", text)
    ]

    assert adders == []
