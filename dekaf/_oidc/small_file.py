"""Read a file that should hold some kilobytes, whatever it is in truth: a folder, a pipe, or without end."""

from __future__ import annotations

import os
import stat
from typing import Final

from dekaf._security.secret import Secret
from dekaf.errors import CredentialsUnavailableError, caused_error

__all__ = ("read_small_file", "read_small_text")

_MOST_BYTES: Final = 64 * 1024  # a token, a key or a template takes some kilobytes


def read_small_file(shown: str, path: str) -> Secret:
    """Return what a file holds.

    Args:
        shown: The option and its value, for errors.
        path: Where it is. Links are followed.

    Raises:
        CredentialsUnavailableError: It cannot be read, or is not a file of this kind.
    """
    try:
        status = os.stat(path)
        # Not opened before that is known: a pipe would keep us waiting for its other end.
        if stat.S_ISREG(status.st_mode) and status.st_size <= _MOST_BYTES:
            with open(path, "rb") as file:
                return Secret(file.read(_MOST_BYTES))
    except OSError as error:
        fault = CredentialsUnavailableError(f"{shown}: cannot be read: {error.strerror or type(error).__name__}.")
        raise caused_error(fault, error) from error
    except ValueError:  # a path with the character NUL
        raise CredentialsUnavailableError(f"{shown}: cannot be read: there is no such path.") from None
    kind = "is a folder" if stat.S_ISDIR(status.st_mode) else f"is no file of at most {_MOST_BYTES // 1024} KiB"
    raise CredentialsUnavailableError(f"{shown}: {kind}.")


def read_small_text(shown: str, path: str) -> Secret:
    """Return the text that a file holds, without what editors and shells put around it.

    Args:
        shown: The option and its value, for errors.
        path: Where it is.

    Raises:
        CredentialsUnavailableError: It cannot be read, holds nothing, or something that is not one visible word.
    """
    text = Secret(read_small_file(shown, path).reveal().removeprefix(b"\xef\xbb\xbf").strip())
    if not text:
        raise CredentialsUnavailableError(f"{shown}: is empty.")
    if not all(0x21 <= byte <= 0x7E for byte in text.reveal()):
        raise CredentialsUnavailableError(
            f"{shown}: must hold a token in one line of ASCII and nothing else; it holds white space or other "
            "characters, or is in UTF-16, as some Windows shells write it."
        )
    return text
