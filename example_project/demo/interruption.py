"""Ctrl-C, SIGTERM and a closed terminal: the demo ends early, but tidies up first."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal came; not an Exception, so that nothing takes it for a failure it can handle."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # what shells report


class Interruption:
    """Raises Interrupted in the main thread at the first signal, but never within `held()`; later ones do nothing."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._is_held = False

    def listen(self) -> None:
        for number in SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup
            signal.signal(number, self._on_signal)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let no signal come between, where a process would be left behind; it is raised afterwards."""
        number_before, was_held, self._is_held = self._number, self._is_held, True
        try:
            yield
        finally:
            self._is_held = was_held
        if self._number is not None and number_before is None and not self._is_held:
            raise Interrupted(self._number)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._number is not None:
            return
        self._number = number
        if not self._is_held:
            raise Interrupted(number)
