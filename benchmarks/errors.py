"""What stops a benchmark."""

from __future__ import annotations

__all__ = ("BenchmarkError",)


class BenchmarkError(RuntimeError):
    """A measurement could not be made, or may not be reported; the text says why."""
