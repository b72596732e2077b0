"""What a test in a browser needs of a machine: it is skipped where that is missing, and fails in CI."""

from __future__ import annotations

import os
import shutil

import pytest

IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")  # as .ci/run has them
PATIENCE_MS = 60_000  # for what takes a moment, or a few seconds where Kafka starts; this machine may be busy


def find_chromium() -> str | None:
    """Return the path of Chromium, or of Chrome, which is one; None if the PATH has neither."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def why_no_browser() -> str | None:
    """Return what is missing, or None when there is a browser."""
    if find_chromium() is None:
        return f"there is no Chromium on the PATH ({', '.join(NAMES)}); on Debian and Ubuntu: apt-get install chromium"
    return None


def need(reason: str | None, *, is_ci: bool = IS_CI) -> None:
    """Skip a test for a reason, if there is one; in CI it fails."""
    if reason is None:
        return
    if is_ci:
        pytest.fail(f"CI has to run the browser's test: {reason}", pytrace=False)
    pytest.skip(reason)
