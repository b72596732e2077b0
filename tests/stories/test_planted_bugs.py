"""The stories find bugs: each of those kept as patches makes one of CI's stories fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stories.__main__ import PLAYED_BY_CI
from tests.stories.planted_bugs import PATCHES, ROOT, StalePatchError, plant

# A patch changes the source, of which machine code is made for minutes.
pytestmark = pytest.mark.interpreted

PATCH = "A bug.\n\n--- a/dekaf/a.py\n+++ b/dekaf/a.py\n@@ -1,2 +1,2 @@\n one\n-two\n+four\n"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_planted_bug_is_found_by_the_stories_that_ci_plays(patch: Path, tmp_path: Path) -> None:
    plant(patch, tmp_path)
    command = [sys.executable, "-P", "-m", "tests.stories", "--jobs", "1", "--until-failure"]

    done = subprocess.run(
        [*command, "--stories", str(PLAYED_BY_CI)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stdout + done.stderr
    assert "problem(s)" in done.stdout, done.stdout + done.stderr
    assert "the story broke off" not in done.stdout
    assert "  again: python -m tests.stories --first " in done.stdout


def test_there_are_bugs_of_several_kinds() -> None:
    assert len({path.read_text(encoding="utf-8").partition("+++ b/")[2].split()[0] for path in PATCHES}) >= 3


def test_patch_that_no_longer_applies_says_so(tmp_path: Path) -> None:
    (tmp_path / "dekaf").mkdir()
    (tmp_path / "dekaf" / "a.py").write_text("one\ntwo\n", encoding="utf-8")
    patch = tmp_path / "stale.patch"
    patch.write_text(
        "A bug.\n\n--- a/dekaf/a.py\n+++ b/dekaf/a.py\n@@ -1,2 +1,2 @@\n one\n-three\n+four\n", encoding="utf-8"
    )

    with pytest.raises(StalePatchError, match=r"stale\.patch no longer applies: .* in dekaf/a\.py is there 0 times"):
        plant(patch, tmp_path / "copy", root=tmp_path)


def test_patch_is_applied_wherever_its_lines_are_now(tmp_path: Path) -> None:
    (tmp_path / "dekaf").mkdir()
    (tmp_path / "dekaf" / "a.py").write_text("new\n\none\ntwo\n", encoding="utf-8")
    patch = tmp_path / "moved.patch"
    patch.write_text(
        "A bug.\n\n--- a/dekaf/a.py\n+++ b/dekaf/a.py\n@@ -1,2 +1,2 @@\n one\n-two\n+four\n", encoding="utf-8"
    )

    plant(patch, tmp_path / "copy", root=tmp_path)

    assert (tmp_path / "copy" / "dekaf" / "a.py").read_text(encoding="utf-8") == "new\n\none\nfour\n"
