"""Bugs that are kept as patches, and the copy of dekaf into which one of them is planted."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ("PATCHES", "StalePatchError", "plant")

ROOT: Final = Path(__file__).parents[2]
PATCHES: Final = tuple(sorted((Path(__file__).parent / "planted").glob("*.patch")))

_FILE: Final = re.compile(r"^\+\+\+ b/(\S+)$")


class StalePatchError(Exception):
    """The code that a patch changes has changed itself: the bug has to be planted anew."""


@dataclass(frozen=True, slots=True)
class _Change:
    file: str
    before: str
    after: str


def plant(patch: Path, folder: Path, *, root: Path = ROOT) -> None:
    """Copy dekaf into a folder, and change the copy as a patch says.

    Args:
        patch: a unified diff; what stands before its first file says what the bug does. Lines may have moved since.
        folder: where the package is to be.
        root: the folder in which dekaf is.

    Raises:
        StalePatchError: what it changes is not there any more, or in more than one place.
    """
    shutil.copytree(root / "dekaf", folder / "dekaf", ignore=shutil.ignore_patterns("__pycache__"))
    changes = _changes(patch.read_text(encoding="utf-8"))
    if not changes:
        raise StalePatchError(f"{patch.name} changes nothing.")
    for change in changes:
        target = folder / change.file
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        found = text.count(change.before)
        if found != 1:
            raise StalePatchError(
                f"{patch.name} no longer applies: what it changes in {change.file} is there {found} times. "
                "Make the change by hand, and keep what `git diff` says in its place."
            )
        target.write_text(text.replace(change.before, change.after), encoding="utf-8")


def _changes(diff: str) -> list[_Change]:
    changes: list[_Change] = []
    file = ""
    for part in re.split(r"^(?=@@|--- )", diff, flags=re.MULTILINE):
        lines = part.splitlines()
        named = [match.group(1) for match in map(_FILE.match, lines) if match]
        if part.startswith("--- "):
            file = named[0]
        elif part.startswith("@@"):
            before = [line[1:] for line in lines[1:] if not line.startswith("+")]
            after = [line[1:] for line in lines[1:] if not line.startswith("-")]
            changes.append(_Change(file, "\n".join(before) + "\n", "\n".join(after) + "\n"))
    return changes
