"""What frameworks have to say when a test misses a message; they register it, as nothing below knows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ("add_hint", "hints")

_sources: Final[list[Callable[[], str | None]]] = []


def add_hint(source: Callable[[], str | None]) -> None:
    """Have a function asked for a line whenever a message is missing; it returns None where it has nothing to say."""
    if source not in _sources:
        _sources.append(source)


def hints() -> list[str]:
    """Return all lines that there are at present."""
    return [hint for source in _sources if (hint := source()) is not None]
