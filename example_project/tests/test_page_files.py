"""All there is to load is in the repository."""

from __future__ import annotations

import re

import pytest

from example_project.page.files import FOLDER, PAGE, page_file

FILES = ("page.html", "page.css", "page.js")


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_loaded_from_outside(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")

    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s'\"]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a kind of XML, which is not loaded
    assert "@import" not in text


def test_the_page_names_files_that_are_served() -> None:
    named = re.findall(r'(?:href|src)="/page/([^"]+)"', (FOLDER / PAGE).read_text(encoding="utf-8"))

    assert sorted(named) == ["page.css", "page.js"]
    assert all(page_file(name) for name in named)


@pytest.mark.parametrize("name", ["guard.py", "../__main__.py", "__init__.py", "nothing.js", "..", ""])
def test_other_files_are_not_served(name: str) -> None:
    assert page_file(name) is None


def test_browsers_are_told_as_well() -> None:
    file = page_file(PAGE)

    assert file is not None
    assert file.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert file.media_type == "text/html; charset=utf-8"
