"""Which known name was probably meant by one that is not known."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ("nearest_name",)

_LONGEST = 100  # characters that are compared: a pasted document is no misspelt name


def nearest_name(given: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like the given one; None if none does."""
    import difflib  # noqa: PLC0415 - only those who misspell a name need it

    near = difflib.get_close_matches(given[:_LONGEST], known, 1)
    return near[0] if near else None
