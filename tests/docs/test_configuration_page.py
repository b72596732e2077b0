"""The page of options is what the options say about themselves."""

from __future__ import annotations

from tools import configuration_page


def test_the_page_is_up_to_date() -> None:
    committed = configuration_page.PAGE.read_text(encoding="utf-8")

    assert committed == configuration_page.page(), "run: python tools/configuration_page.py"
