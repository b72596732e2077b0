"""Where messages are read from: a file or the standard input, and how much of it has been read."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, final

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
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 # what reading it raises later is another matter
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigurationError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    with file:
        yield file


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
