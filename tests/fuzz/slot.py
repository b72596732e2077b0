"""A few bytes shared by a fuzzing process and the one that watches it: what is being read, and how far it has come."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.fuzz.campaign import LARGEST_INPUT

__all__ = ("Progress", "Slot")

_HEAD: Final = struct.Struct("<QQQQqI")  # what `Progress` holds, then the size of the input


class Progress(NamedTuple):
    """How far a process has come; memory in bytes."""

    values: int
    refused: int
    memory_before: int
    memory_peak: int

    @property
    def runs(self) -> int:
        """How many inputs were read."""
        return self.values + self.refused


class Slot:
    """A small file mapped into both processes; written before each input, so that it survives whatever happens."""

    SIZE: Final = _HEAD.size + LARGEST_INPUT

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), self.SIZE)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make the file, empty."""
        path.write_bytes(bytes(cls.SIZE))
        return cls(path)

    def write(self, progress: Progress, variant: int, data: bytes) -> None:
        """Say what is read next."""
        _HEAD.pack_into(self._memory, 0, *progress, variant, len(data))
        self._memory[_HEAD.size : _HEAD.size + len(data)] = data

    def progress(self) -> Progress:
        """Return how far the process has come."""
        return Progress(*_HEAD.unpack_from(self._memory)[:4])

    def current(self) -> tuple[int, bytes]:
        """Return variant and bytes of the input that is, or was last, read."""
        variant, size = _HEAD.unpack_from(self._memory)[4:]
        return variant, self._memory[_HEAD.size : _HEAD.size + size]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._memory.close()
