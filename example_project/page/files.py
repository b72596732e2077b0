"""The page's files: all there is to load, and from nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent
PAGE: Final = "page.html"
MEDIA_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
HEADERS: Final[Mapping[str, str]] = {
    # Browsers are told, too: nothing from outside, and in nobody's frame, where clicks could be led astray.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


class PageFile(NamedTuple):
    """What is answered."""

    content: bytes
    media_type: str
    headers: Mapping[str, str]


def page_file(name: str) -> PageFile | None:
    """Return one of the page's files; None if it has none of this name."""
    path = FOLDER / name
    if path.parent != FOLDER or path.suffix not in MEDIA_TYPES or not path.is_file():
        return None
    return PageFile(path.read_bytes(), f"{MEDIA_TYPES[path.suffix]}; charset=utf-8", HEADERS)
