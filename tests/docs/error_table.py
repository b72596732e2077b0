"""ErrorTable: what a page says that dekaf says, and whether dekaf says it."""

from __future__ import annotations

import re
from typing import Final

__all__ = ("ErrorTable",)

_HEAD: Final = re.compile(r"^\| *dekaf says *\|")
_QUOTED: Final = re.compile(r"`([^`]+)`")


class ErrorTable:
    """The rows of all tables of a page whose first head is "dekaf says".

    The first cell of a row quotes the text, or what follows a class's name and a colon in it; `…` stands for anything.
    """

    def __init__(self, text: str) -> None:
        self.unseen: list[str] = []  # rows that no error has been shown for yet
        is_inside = False
        for line in map(str.strip, text.splitlines()):
            is_inside = _HEAD.match(line) is not None or (is_inside and line.startswith("|"))
            if is_inside and not _HEAD.match(line) and not line.startswith("|---"):
                quoted = _QUOTED.search(line.split("|")[1])
                assert quoted is not None, f"the row quotes nothing: {line}"
                self.unseen.append(quoted[1])
        self._rows: Final = tuple(self.unseen)

    def take(self, error: str) -> str:
        """Return the one row that is about an error, and note that it was seen.

        Raises:
            AssertionError: there is none, or more than one.
        """
        found = [row for row in self._rows if _is_about(row, error)]
        assert len(found) == 1, f"{len(found)} rows are about: {error}"
        if found[0] in self.unseen:
            self.unseen.remove(found[0])
        return found[0]


def _is_about(row: str, error: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in row.split("…"))
    return re.search(pattern, error, re.DOTALL) is not None
