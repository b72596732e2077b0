"""Without a browser the visit is skipped, and says why; CI does not skip it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.browser.conditions import NAMES, find_chromium, need, why_no_browser

CI_RUN = Path(__file__).parents[2] / ".ci" / "run"


def test_a_machine_without_a_browser_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_chromium() is None
    assert "apt-get install chromium" in (why_no_browser() or "")


def test_a_reason_skips_a_test_and_fails_it_in_ci() -> None:
    need(None, is_ci=True)
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        need("no Chromium", is_ci=False)
    with pytest.raises(pytest.fail.Exception, match="CI has to run the browser's test: no Chromium"):
        need("no Chromium", is_ci=True)


def test_ci_looks_for_the_same_browsers() -> None:
    found = re.search(r"for name in ([\w -]+);", CI_RUN.read_text(encoding="utf-8"))

    assert found
    assert tuple(found[1].split()) == NAMES
