"""What an adapter says when the packages of its extra are not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("needing",)


@contextmanager
def needing(extra: str, *packages: str) -> Iterator[None]:
    """Import what needs the packages of an extra; without them the error says how to install it.

    Args:
        extra: The name of the extra.
        packages: Those that it brings, as they are imported.

    Raises:
        ModuleNotFoundError: One of them is not there, or another module that something imports.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in packages:
            raise
        raise ModuleNotFoundError(
            f"No module named {error.name!r}, which dekaf's adapter needs: pip install 'dekaf[{extra}]'",
            name=error.name,
            path=error.path,
        ) from error
