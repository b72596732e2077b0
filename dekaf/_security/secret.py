"""Secret: bytes that no repr, no traceback and no log shows."""

from __future__ import annotations

from typing import final

from dekaf.errors import ConfigurationError

__all__ = ("Secret", "secret_text")


@final
class Secret:
    """A password, a token, a private key, or a message that holds one.

    Wherever a secret is kept in a variable it is kept as one of these: a traceback that captures local variables shows
    their repr. `reveal` is called within the expression that needs the bytes.

    Args:
        data: the bytes; a text in UTF-8.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reveal(self) -> bytes:
        """Return the bytes."""
        return self._data

    def reveal_text(self) -> str:
        """Return the text that `secret_text` was given."""
        return self._data.decode()

    def __repr__(self) -> str:
        return "<secret>"

    def __bool__(self) -> bool:
        return len(self._data) > 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._data == self._data

    def __hash__(self) -> int:
        return hash(self._data)

    def __reduce__(self) -> tuple[type[Secret], tuple[bytes]]:
        return (Secret, (self._data,))


def secret_text(option: str, text: str) -> Secret:
    """Make a secret of a text.

    Args:
        option: the option that gives it, for the error.
        text: any text; what a Kafka broker compares is its UTF-8, without normalization.

    Raises:
        ConfigurationError: it has no UTF-8: an environment variable held other bytes.
    """
    secret = _encoded(text)
    if secret is None:
        # Not within the handler: a UnicodeEncodeError in the chain would hold the text.
        del text
        raise ConfigurationError(f"{option}: is not valid UTF-8 text")
    return secret


def _encoded(text: str) -> Secret | None:
    try:
        return Secret(text.encode())
    except UnicodeEncodeError:
        return None
