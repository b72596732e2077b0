"""Texts that come from a broker, made fit for an error message: printable, on one line, and not long."""

from __future__ import annotations

from typing import Final

from dekaf._security.secret import Secret

__all__ = ("bounded_text", "decoded_text", "masked_text")

_MOST: Final = 300  # characters; Kafka's own messages are shorter, and a hostile one may be 100 MiB

_MASK: Final = "***"
_LEAST: Final = 4  # characters of a secret: what is shorter is part of any words


def bounded_text(text: str) -> str:
    """Return the text with everything unprintable escaped, and its end left out if it is long."""
    shown = text[:_MOST]
    if not shown.isprintable():
        shown = "".join([one if one.isprintable() else repr(one)[1:-1] for one in shown])
    return shown if len(text) <= _MOST and len(shown) <= _MOST else f"{shown[:_MOST]}…"


def decoded_text(data: bytes, secret: Secret | None = None) -> str:
    """Return bytes that should be UTF-8 as `bounded_text` does; whatever is not is replaced.

    Args:
        data: what came.
        secret: ours, which a broker that was told it may repeat.
    """
    if secret is not None and _is_recognizable(secret):
        data = data.replace(secret.reveal(), _MASK.encode())
    # Four bytes at most make a character: more than these never show.
    return bounded_text(data[: 4 * _MOST + 4].decode(errors="replace"))


def masked_text(text: str, secret: Secret) -> str:
    """Return a broker's words, of any length, without what they repeat of a secret of ours."""
    return text.replace(secret.reveal_text(), _MASK) if _is_recognizable(secret) else text


def _is_recognizable(secret: Secret) -> bool:
    return len(secret.reveal()) >= _LEAST
