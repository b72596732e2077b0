"""Find the browser of this machine, and drive it: no test downloads one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of Chromium, or of Chrome, which is one; None if the PATH has neither."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def why_no_browser() -> str | None:
    """Return what is missing for a test in a browser, or None when everything is there."""
    if find_chromium() is None:
        return f"there is no Chromium on the PATH ({', '.join(NAMES)}); on Debian and Ubuntu: apt-get install chromium"
    return None


@contextmanager
def headless_chromium() -> Iterator[Browser]:
    """Give a browser that shows itself nowhere."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), headless=True)
        try:
            yield browser
        finally:
            browser.close()
