"""The log's names are promised: the documentation lists the loggers and facts that there are. No handler is added."""

from __future__ import annotations

import ast
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


METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
# Lines without any fact, by how they begin, and why there is none.
WITHOUT_FACTS = {
    "from_%s: left out": "an option of another client: there is no producer yet",
    "INSTALLED_APPS is without": "the settings of a project",
    "%s": "what dekaf.contrib.django says of a server that drains nothing: the process",
    "Producers were made from DEKAF_": "the process",
    "No lifespan of dekaf ran": "the process",
}
# What makes a logger, and calls another one than its module's.
MAKERS = {"_log_thread.py": "the deferred logger itself", "logs.py": "the command's handler, no line of its own"}


def lines_of(text: str) -> list[ast.Call]:
    """Return the calls of a module's logger."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    return [
        call
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in METHODS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "logger"
    ]


def beginning(call: ast.Call) -> str:
    """Return the text of a line, as far as it is written out."""
    texts = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return texts[0] if texts else ast.unparse(call)


def test_every_line_of_the_log_has_its_facts_or_a_reason() -> None:
    bare = [
        beginning(call)
        for text in CODE.values()
        for call in lines_of(text)
        if not any(keyword.arg == "extra" for keyword in call.keywords)
    ]
    unexplained = [line for line in bare if not any(line.startswith(known) for known in WITHOUT_FACTS)]

    assert unexplained == []
    assert len(bare) == len(WITHOUT_FACTS)


def test_lines_are_logged_by_a_module_s_logger_alone() -> None:
    """So that the test above sees them all."""
    for path, text in CODE.items():
        if path.name not in MAKERS:
            assert re.findall(r"^(\w+) = (?:logging\.getLogger|DeferredLogger)\(", text, re.MULTILINE) == (
                ["logger"] if LOGGER.search(text) else []
            ), path
            assert not re.search(r"\blogging\.(debug|info|warning|error|exception|critical|log)\(", text), path
    assert sum(len(lines_of(text)) for text in CODE.values()) > 35


def test_facts_of_the_documentation_are_those_of_the_code() -> None:
    logging = [text for text in CODE.values() if "DeferredLogger" in text]
    names = {first or second for text in logging for first, second in FACT.findall(text)}

    assert sorted(documented("The facts")) == sorted(names)


def test_no_handler_is_added_that_would_switch_off_the_last_resort() -> None:
    adders = [
        path.name for path, text in CODE.items() if re.search(r"\bNullHandler\b|\.addHandler\(|basicConfig\(", text)
    ]

    assert adders == ["logs.py"]  # the command's, while it runs: a program of its own
