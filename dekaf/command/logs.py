"""What dekaf logs while a command runs: nothing where the command tells it anyway, else lines beside its progress."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, final

__all__ = ("logs_silenced", "logs_through")

_LOGGER: Final = logging.getLogger("dekaf")


@contextmanager
def logs_silenced() -> Iterator[None]:
    """Have nothing logged, unless an application has said what is to become of it."""
    if _LOGGER.hasHandlers():
        yield
        return
    before = _LOGGER.level
    _LOGGER.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        _LOGGER.setLevel(before)


@contextmanager
def logs_through(write: Callable[[str], None]) -> Iterator[None]:
    """Have warnings and errors written by a function, unless an application has said what is to become of them.

    Args:
        write: Gets each as a line.
    """
    if _LOGGER.hasHandlers():
        yield
        return
    handler = _Writing(write)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


@final
class _Writing(logging.Handler):
    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._write: Final = write

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, as Python's handler of last resort would."""
        self._write(self.format(record))
