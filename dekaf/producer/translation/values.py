"""Conversions of single values: from what another client's option holds to what ours does."""

from __future__ import annotations

import math
from typing import Any, Final

from dekaf.producer.translation.rules import SKIPPED

__all__ = (
    "check_hostname_of",
    "forever_if_zero",
    "kibibytes",
    "never_if_zero",
    "retries",
    "rounded_up",
    "servers",
    "unless_negative",
)

_DEFAULT_PORT: Final = 9092
_FOREVER: Final = 2**31 - 1  # milliseconds


def servers(value: Any) -> object:
    """Return addresses, with the port that other clients take where there is none."""
    if isinstance(value, str):
        return [_with_port(entry) for entry in value.split(",") if entry.strip()]
    if isinstance(value, list | tuple):
        return [_with_port(entry) if isinstance(entry, str) else entry for entry in value]
    unchanged: object = value
    return unchanged


def _with_port(entry: str) -> str:
    host = entry.strip()
    return host if ":" in host or not host else f"{host}:{_DEFAULT_PORT}"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def rounded_up(value: Any) -> object:
    """Return milliseconds as a whole number: librdkafka takes halves, too."""
    number = _number(value)
    return value if number is None or not math.isfinite(number) else math.ceil(number)


def kibibytes(value: Any) -> object:
    """Return bytes."""
    number = _number(value)
    return value if number is None or not number.is_integer() else int(number) * 1024


def forever_if_zero(value: Any) -> object:
    """Return milliseconds, of which librdkafka means by 0 that a record waits for ever."""
    return _FOREVER if _number(value) == 0 else rounded_up(value)


def never_if_zero(value: Any) -> object:
    """Return milliseconds, of which librdkafka means by 0 that it never happens."""
    return -1 if _number(value) == 0 else rounded_up(value)


def unless_negative(value: Any) -> object:
    """Return a number, of which -1 means the default."""
    number = _number(value)
    unchanged: object = value
    return SKIPPED if number is not None and number < 0 else unchanged


def retries(value: Any) -> object:
    """Return nothing: a record is tried again until its time is over. Who wants no retry at all cannot have it."""
    if _number(value) == 0:
        raise ValueError("a record is tried again until delivery_timeout_ms is over: leave it out")
    return SKIPPED


def check_hostname_of(value: Any) -> object:
    """Return that host names are not checked; that they are is the default, of all clients."""
    word = str(value).strip().lower() if isinstance(value, str | bool) else "<object>"
    if word in {"https", "true"}:
        return SKIPPED
    if word in {"none", "false", ""}:
        return False
    raise ValueError("must be true or false, 'https' or 'none'")
