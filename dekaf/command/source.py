"""Where messages are read from: a file or the standard input, and how much of it has been read."""

from __future__ import annotations

import io
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, final

from dekaf.errors import ConfigurationError

__all__ = ("STANDARD_INPUT", "Extent", "opened")

STANDARD_INPUT: Final = "-"


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Give what is to be read, as bytes.

    Args:
        name: A path, or `-` for the standard input.

    Raises:
        ConfigurationError: It cannot be read.
    """
    if name == STANDARD_INPUT:
        if sys.stdin is None:
            raise ConfigurationError("the standard input is closed: name a FILE, or pipe something into the command.")
        with _interruptible(sys.stdin.buffer) as file:
            yield file
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 # what reading it raises later is another matter
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigurationError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    with file:
        yield file


@contextmanager
def _interruptible(file: BinaryIO) -> Iterator[BinaryIO]:
    """Give the same file, so that a signal ends the waiting for more of it for certain.

    Python runs no handler of a signal that comes between its letting other threads run and the system call that waits:
    a Ctrl-C there would be heard with the next line, if there is one. The bell is rung by the signal itself.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread() or _is_regular(file):
        yield file
        return
    bell, ringer = os.pipe()
    os.set_blocking(ringer, False)
    before = signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    try:
        if before == -1:
            yield io.BufferedReader(_Waiting(file.fileno(), bell))
        else:  # somebody else's
            signal.set_wakeup_fd(before)
            yield file
    finally:
        signal.set_wakeup_fd(before)
        os.close(bell)
        os.close(ringer)


def _is_regular(file: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, ValueError):  # no file of the system's, and none to wait for
        return True


@final
class _Waiting(io.RawIOBase):
    """Reads when there is something to be read; when the bell rings instead, Python runs the signal's handler."""

    def __init__(self, descriptor: int, bell: int) -> None:
        self._descriptor: Final = descriptor
        self._bell: Final = bell

    def fileno(self) -> int:
        return self._descriptor

    def readable(self) -> bool:
        return True

    def readinto(self, space: Any) -> int:
        while True:
            ready, _, _ = select.select([self._descriptor, self._bell], [], [])
            if self._bell in ready:
                os.read(self._bell, 4_096)
            if self._descriptor in ready:
                return os.readv(self._descriptor, [space])


@final
class Extent:
    """How much of a file there is, and how much of that was read; of a pipe that is not known.

    Args:
        file: It.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor: int | None = None
        self._start = 0
        self.size: int | None = None  # bytes, from where it was when this was made
        try:
            descriptor = file.fileno()
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self._start = os.lseek(descriptor, 0, os.SEEK_CUR)
                self.size = max(0, status.st_size - self._start)
                self._descriptor = descriptor
        except (OSError, ValueError):  # no file of the system's
            return

    def read(self) -> int | None:
        """Return how many bytes were taken from it, those read ahead included: to ask costs the reading nothing."""
        if self._descriptor is None:
            return None
        return os.lseek(self._descriptor, 0, os.SEEK_CUR) - self._start
