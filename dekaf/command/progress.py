"""How far a command has come: a line that is rewritten on a terminal, and nothing elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self, TextIO, final

from dekaf.command.terminal import Bar, canvas_on, is_terminal, width_of, write_line

__all__ = ("Progress", "Standing")

_BETWEEN: Final = 0.2  # seconds
_REMEMBERED: Final = 15  # looks, of which the rate is the average
_MEGABYTE: Final = 1_000_000
# What a stream raises that has gone.
_GONE: Final = (OSError, ValueError)


class Standing(NamedTuple):
    """How far it has come.

    Args:
        text: What to say of it.
        counted: Of what to show the rate.
        done: How much is done of `total`; None if that is not known.
        total: How much there is to do.
        each_bytes: What one of those counted takes; 0: that is not known.
        drawn: What to say in place of `text` beside a bar, after the rate.
    """

    text: str
    counted: int = 0
    done: int | None = None
    total: int | None = None
    each_bytes: int = 0
    drawn: str = ""


@final
class Progress:
    """Shows what `tell` returns every now and then, from a thread of its own: the one that works may be waiting.

    With rich it is a bar with a rate and the time that is left, where that is known.

    Args:
        tell: Returns how far it is; called by that thread.
        is_on: Whether to show anything.
        stream: Where to; default: the standard error.
    """

    def __init__(self, tell: Callable[[], Standing], *, is_on: bool = True, stream: TextIO | None = None) -> None:
        self._tell: Final = tell
        self._is_on: Final = is_on
        self._stream: Final[TextIO | None] = sys.stderr if stream is None else stream
        self._bar: Bar | None = None
        self._lock: Final = threading.Lock()  # guards what is on the stream
        self._ended: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._show, name="dekaf-progress", daemon=True)

    def __enter__(self) -> Self:
        stream = self._stream
        if self._is_on and stream is not None and is_terminal(stream):
            canvas = canvas_on(stream)
            with suppress(*_GONE):
                self._bar = _Line(stream) if canvas is None else canvas.bar()
                self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def write(self, text: str) -> None:
        """Write a line that stays, from any thread; if the stream has gone, it is not written."""
        with self._lock:
            if self._bar is None:
                write_line(self._stream, text)
                return
            with suppress(*_GONE):
                self._bar.write(text)

    def _show(self) -> None:
        pace = _Pace()
        assert self._bar is not None  # or it would not have been started
        while not self._ended.wait(_BETWEEN):
            standing = self._tell()
            text = pace.described(standing, is_long=not isinstance(self._bar, _Line))
            with self._lock, suppress(*_GONE):
                self._bar.show(text, standing.done, standing.total)
        with self._lock, suppress(*_GONE):
            bar, self._bar = self._bar, None
            bar.end()


@final
class _Line:
    """A line without rich: as wide as the terminal at the most, for what wraps is not rewritten."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: Final = stream

    def show(self, text: str, _done: int | None, _total: int | None) -> None:
        room = width_of(self._stream) - 1
        self._write(f"\r{text[:room]:<{room}}")

    def write(self, text: str) -> None:
        self._clear()
        self._write(f"{text}\n")

    def end(self) -> None:
        self._clear()

    def _clear(self) -> None:
        # With spaces: not every console of Windows knows the escape sequence that does it.
        self._write(f"\r{'':<{width_of(self._stream) - 1}}\r")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


@final
class _Pace:
    """What the last few looks say of the rate, and of the time that is left."""

    def __init__(self) -> None:
        self._began: Final = time.monotonic()
        self._looks: Final[deque[tuple[float, Standing]]] = deque(maxlen=_REMEMBERED)

    def described(self, standing: Standing, *, is_long: bool) -> str:
        """Return what to show of it now."""
        now = time.monotonic()
        self._looks.append((now, standing))
        elapsed = f"{now - self._began:.0f} s"
        if not is_long:
            return f"{standing.text}, {elapsed}"
        then, before = self._looks[0]
        parts = [_left(standing, before, now - then) or elapsed]  # first: a narrow terminal cuts off the end
        if now > then:
            rate = (standing.counted - before.counted) / (now - then)
            parts.append(f"{rate:,.0f}/s")
            if standing.each_bytes:
                parts.append(f"{rate * standing.each_bytes / _MEGABYTE:.1f} MB/s")
        return ", ".join(filter(None, [*parts, standing.drawn or standing.text]))


def _left(standing: Standing, before: Standing, seconds: float) -> str:
    """Return the time that is left at this pace; empty if nobody can know."""
    if standing.done is None or standing.total is None or before.done is None:
        return ""
    gained = standing.done - before.done
    if gained <= 0:
        return ""
    left = (standing.total - standing.done) * seconds / gained
    minutes, rest = divmod(int(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} left" if hours else f"{minutes}:{rest:02} left"
