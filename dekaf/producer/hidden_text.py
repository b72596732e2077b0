"""Text that does not show itself, and how it is told from text that does.

Not pydantic's SecretStr, though one that is given is taken as well: to import its module takes longer than to import
all of dekaf, and every forked worker with a password would.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol, final

from typing_extensions import TypeIs

__all__ = ("HiddenText", "hidden", "is_hidden", "revealed")

_SHOWN = "**********"


class HiddenText(Protocol):
    """A text of dekaf's that is hidden, or a `pydantic.SecretStr`."""

    def get_secret_value(self) -> str:
        """Return the text."""
        ...


@final
class _OwnHiddenText:
    """A text whose repr and JSON are asterisks; pickled, it keeps the text. Equal to a SecretStr of the same text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"HiddenText('{self}')"

    def __str__(self) -> str:
        return _SHOWN if self._text else ""

    def __len__(self) -> int:
        return len(self._text)

    def __eq__(self, other: object) -> bool:
        return is_hidden(other) and other.get_secret_value() == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[type[_OwnHiddenText], tuple[str]]:
        return (_OwnHiddenText, (self._text,))

    @property
    def __pydantic_serializer__(self) -> Any:
        from dekaf._json_schemas import shown_as_text  # noqa: PLC0415 - pydantic's library takes 50 ms

        return shown_as_text(_OwnHiddenText)


def hidden(text: str) -> HiddenText:
    """Return a text as one that does not show itself."""
    return _OwnHiddenText(text)


def is_hidden(value: object) -> TypeIs[HiddenText]:
    """Return whether a value is such a text, or a SecretStr; while their module is not imported, none is the latter."""
    if isinstance(value, _OwnHiddenText):
        return True
    found = getattr(sys.modules.get("pydantic.types"), "SecretStr", None)  # another thread may be importing it
    return isinstance(found, type) and isinstance(value, found)


def revealed(value: object) -> Any:
    """Return the text of one that is hidden, and anything else as it is."""
    return value.get_secret_value() if is_hidden(value) else value
