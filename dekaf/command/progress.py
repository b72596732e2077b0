"""How far a command has come: a line that is rewritten on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self, TextIO, final

__all__ = ("Progress",)

_BETWEEN: Final = 0.2  # seconds


@final
class Progress:
    """Shows what `tell` returns every now and then, from a thread of its own: the one that works may be waiting.

    Args:
        tell: Returns the line; called by that thread.
        is_on: Whether to show anything.
        stream: Where to; default: the standard error.
    """

    def __init__(self, tell: Callable[[], str], *, is_on: bool = True, stream: TextIO | None = None) -> None:
        self._tell: Final = tell
        self._is_on: Final = is_on
        self._stream: Final = sys.stderr if stream is None else stream
        self._ended: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._show, name="dekaf-progress", daemon=True)

    def __enter__(self) -> Self:
        if self._is_on and self._stream.isatty():
            self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _show(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(_BETWEEN):
            self._stream.write(f"\r\033[K{self._tell()}, {time.monotonic() - began:.0f} s")
            self._stream.flush()
        self._stream.write("\r\033[K")
        self._stream.flush()
