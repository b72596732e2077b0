"""Every Python block of the documentation runs, so that a page cannot show what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from dekaf.testing import FakeCluster
from tests.docs.page import Page, marks_of_blocks_not_run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN_AT_MOST = 4  # blocks, in all pages


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_page_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Topics are there before a page begins: producing to a missing one costs a round of metadata.
    topics = {"orders": 1, "audit-log": 1, "views": 1}
    with FakeCluster(topics=topics, auto_create_topics=True) as cluster, Page(path, cluster, monkeypatch) as page:
        page.run()


def test_almost_everything_runs() -> None:
    marks = {_name(path): marks_of_blocks_not_run(path) for path in PAGES}

    assert sum(map(len, marks.values())) <= NOT_RUN_AT_MOST, {name: found for name, found in marks.items() if found}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param('```python\nprint("one")\n```\n```text title="Output"\ntwo\n```\n', "Expected", id="output"),
        pytest.param('```python title="test_x.py"\ndef test_x():\n    assert 0, "no"\n```\n', "no", id="test"),
        pytest.param('```python\nasync def f():\n    assert 0, "no"\nawait f()\n```\n', "no", id="await"),
        pytest.param("<!-- invisible-code-block: python\nassert False, 'no'\n-->\n", "no", id="invisible"),
    ],
)
def test_a_page_that_is_wrong_fails(text: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "wrong.md"
    path.write_text(text, encoding="utf-8")

    with (
        FakeCluster() as cluster,
        Page(path, cluster, monkeypatch) as page,
        pytest.raises(AssertionError, match=reason),
    ):
        page.run()
