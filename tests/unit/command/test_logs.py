"""What dekaf logs while a command runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dekaf.command.logs import logs_silenced, logs_through

logger = logging.getLogger("dekaf.producer.sender")


@contextmanager
def unconfigured() -> Iterator[None]:
    """Have logging as in a process that has not configured any: pytest adds handlers of its own."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        root.handlers[:] = handlers


def test_warnings_become_lines_beside_the_progress() -> None:
    lines: list[str] = []
    with unconfigured(), logs_through(lines.append):
        logger.warning("No broker has been reachable for %d s", 5)
        logger.info("Connected")
    logger.debug("after")

    assert lines == ["No broker has been reachable for 5 s"]
    assert not logging.getLogger("dekaf").handlers


def test_what_is_told_anyway_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    with unconfigured():
        with logs_silenced():
            logger.error("refused")
        logger.error("shown")
    assert capsys.readouterr().err == "shown\n"


def test_an_application_that_has_configured_logging_has_its_way(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []
    with logs_through(lines.append):
        logger.warning("first")
    with logs_silenced():
        logger.warning("second")

    assert caplog.messages == ["first", "second"]
    assert lines == []
