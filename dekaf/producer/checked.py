"""How pydantic is to check an option: by one of our functions, whose faults are about that option alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic

from dekaf.producer.masked import unmasked

__all__ = ("checked",)


def checked(check: Callable[[Any], object]) -> pydantic.PlainValidator:
    """Return a check as pydantic takes it: whatever a value does when it is looked at, it is a fault of that option."""

    def guarded(value: object) -> object:
        try:
            given = unmasked(value)
            return check(given.get_secret_value() if isinstance(given, pydantic.SecretStr) else given)
        except ValueError:  # the check's own; a ConfigurationError is one, too
            raise
        except Exception as error:
            # Lazy objects of frameworks raise anything. Not chained, nor quoted: it may show what the value holds.
            raise ValueError(f"cannot be used: looking at it raised {type(error).__name__}") from None

    return pydantic.PlainValidator(guarded)
