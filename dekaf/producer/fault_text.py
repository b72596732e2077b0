"""How faults of a configuration are written: in lines, with names and values short, printable, and without secrets."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Final

__all__ = ("in_lines", "shown", "shown_name")

_AT: Final = "@"
_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 60


def in_lines(faults: Sequence[str]) -> str:
    """Return faults as one text; several have a line each, below their number."""
    if len(faults) == 1:
        return faults[0]
    return "\n".join([f"{len(faults)} faults", *(f"- {fault}" for fault in faults)])


def shown(value: object) -> str:
    """Return a value as errors show it: plain ones shortened, of anything else the type only."""
    if isinstance(value, list | tuple):
        if not all(isinstance(item, str) for item in value):
            return f"<{type(value).__name__}>"
        return _shortened(list(value), *value)
    if isinstance(value, str | bytes):
        return _shortened(value, value)
    if value is None or isinstance(value, int | float):
        return _shortened(value)
    return f"<{type(value).__name__}>"


def shown_name(name: str) -> str:
    """Return the name of an option as errors show it."""
    return name if name.isidentifier() and len(name) <= 60 else _shortened(name, name)


def _shortened(value: object, *texts: str | bytes) -> str:
    """Return the shortened representation of a value that consists of these texts."""
    # An address with an @ may hold a password; the sign itself may be in what shortening leaves out.
    if any(_AT in text if isinstance(text, str) else _AT.encode() in text for text in texts):
        return "<not shown>"
    try:
        return _REPR.repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return f"<{type(value).__name__}>"
