"""Numbers that another client allows beside each other and ours refuses, made to fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dekaf.producer.masked import masked, unmasked
from dekaf.producer.options import whole_number

__all__ = ("NUMBERS", "adjusted")

# By the first pause, the longest one.
_PAUSES: Final = {"retry_backoff_ms": "retry_backoff_max_ms", "reconnect_backoff_ms": "reconnect_backoff_max_ms"}
NUMBERS: Final = ("delivery_timeout_ms", "request_timeout_ms", "linger_ms", *_PAUSES, *_PAUSES.values())
_CHECK: Final = whole_number(0)


def adjusted(options: Mapping[str, object], defaults: Mapping[str, object]) -> dict[str, object]:
    """Return options with those added that make their numbers fit together.

    A record's life decides over the time that a request may take; a time that is not given gives way to one that is.

    Args:
        options: Ours, maybe masked.
        defaults: Those of the options that are left out.
    """
    made = dict(options)
    numbers = {name: _number(options.get(name, default)) for name, default in defaults.items()}
    for first, longest in _PAUSES.items():
        if longest not in made and numbers[first] > numbers[longest]:
            made[longest] = masked(numbers[first])
    life, request, linger = (numbers[name] for name in ("delivery_timeout_ms", "request_timeout_ms", "linger_ms"))
    if life < linger + request:
        if "delivery_timeout_ms" not in made:
            made["delivery_timeout_ms"] = masked(linger + request)
        elif life > linger:
            made["request_timeout_ms"] = masked(life - linger)
    return made


def _number(value: object) -> int:
    try:
        return _CHECK(unmasked(value))
    except ValueError:  # the configuration will refuse it
        return 0
