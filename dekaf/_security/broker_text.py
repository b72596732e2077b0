"""Texts that come from a broker, made fit for an error message: printable, on one line, and not long."""

from __future__ import annotations

from typing import Final

__all__ = ("bounded_text", "decoded_text")

_MOST: Final = 300  # characters; Kafka's own messages are shorter, and a hostile one may be 100 MiB


def bounded_text(text: str) -> str:
    """Return the text with everything unprintable escaped, and its end left out if it is long."""
    shown = text[:_MOST]
    if not shown.isprintable():
        shown = "".join([one if one.isprintable() else repr(one)[1:-1] for one in shown])
    return shown if len(text) <= _MOST and len(shown) <= _MOST else f"{shown[:_MOST]}…"


def decoded_text(data: bytes) -> str:
    """Return bytes that should be UTF-8 as `bounded_text` does; whatever is not is replaced."""
    # Four bytes at most make a character: more than these never show.
    return bounded_text(data[: 4 * _MOST + 4].decode(errors="replace"))
