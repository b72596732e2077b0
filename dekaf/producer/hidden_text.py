"""Text that does not show itself: pydantic's SecretStr, whose module is imported only where there is a secret.

It takes longer to import than all of dekaf; most producers of a test or on a developer's machine have no password.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from typing_extensions import TypeIs

__all__ = ("HiddenText", "hidden", "is_hidden", "revealed")


class HiddenText(Protocol):
    """A `pydantic.SecretStr`, as far as dekaf needs it."""

    def get_secret_value(self) -> str:
        """Return the text."""
        ...


def hidden(text: str) -> HiddenText:
    """Return a text as a SecretStr."""
    from pydantic import SecretStr  # noqa: PLC0415 - the docstring above says why

    return SecretStr(text)


def is_hidden(value: object) -> TypeIs[HiddenText]:
    """Return whether a value is a SecretStr; while their module is not imported, none is."""
    found = getattr(sys.modules.get("pydantic.types"), "SecretStr", None)  # another thread may be importing it
    return isinstance(found, type) and isinstance(value, found)


def revealed(value: object) -> Any:
    """Return the text of a SecretStr, and anything else as it is."""
    return value.get_secret_value() if is_hidden(value) else value
