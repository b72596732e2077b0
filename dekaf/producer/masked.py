"""Masked: a value that neither a repr nor a traceback with local variables shows.

Whatever an application gives may be a password, also under a name that is no option. So the first thing that a way in
does is to mask it; what looks at values returns faults, and only frames that hold masked values raise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, final

from dekaf.errors import ConfigurationError

__all__ = ("Masked", "masked", "masked_keywords", "unmasked", "without_frames")

T = TypeVar("T")


@final
class Masked:
    """Any value; `reveal` is called within the expression that needs it.

    Args:
        value: What is not to be shown.
    """

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value

    def reveal(self) -> Any:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        return "<not shown>"


def masked_keywords(keywords: object) -> dict[str, object]:
    """Return keyword arguments with every value masked, and empty the dictionary that the caller's frame holds.

    Args:
        keywords: The dictionary of a parameter like `**options`, which belongs to the call alone.
    """
    options = cast("dict[str, object]", keywords)
    taken: dict[str, object] = {name: masked(value) for name, value in options.items()}
    options.clear()
    return taken


def masked(value: object) -> Masked:
    """Return a value masked, once."""
    return value if isinstance(value, Masked) else Masked(value)


def unmasked(value: object) -> Any:
    """Return a value that may be masked."""
    return value.reveal() if isinstance(value, Masked) else value


def without_frames(call: Callable[[], T]) -> T:
    """Call, and raise a ConfigurationError anew, so that its traceback begins here.

    Args:
        call: What may have plain values in its local variables. Its own must not.

    Raises:
        ConfigurationError: The call's.
    """
    try:
        return call()
    except ConfigurationError as error:
        fault = error.with_traceback(None)
    raise fault
