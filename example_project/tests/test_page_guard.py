"""Who may order, and stop Kafka: this machine's own pages and programs, and no other site's."""

from __future__ import annotations

import pytest

from example_project.page.guard import refusal_of

HERE = {"host": "127.0.0.1:8000"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="a program"),
        pytest.param({"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}, id="our page"),
        pytest.param({"host": "localhost:8000", "origin": "http://localhost:8000"}, id="our page by name"),
        pytest.param({"host": "[::1]:8000"}, id="IPv6"),
    ],
)
def test_our_own_are_let_in(headers: dict[str, str]) -> None:
    assert refusal_of("POST", {**HERE, **headers}) == ""


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"origin": "https://evil.example"}, id="another site's form"),
        pytest.param({"origin": "null"}, id="a sandboxed frame"),
        pytest.param({"origin": "http://127.0.0.1:9000"}, id="another port"),
        pytest.param({"sec-fetch-site": "cross-site"}, id="a browser that hides the origin"),
        pytest.param({"sec-fetch-site": "same-site"}, id="another server of this machine"),
        pytest.param({"host": "evil.example:8000"}, id="a name that was bent to 127.0.0.1"),
        pytest.param({"host": ""}, id="no name"),
    ],
)
def test_other_sites_are_not(headers: dict[str, str]) -> None:
    assert refusal_of("POST", {**HERE, **headers}) != ""


def test_reading_is_harmless_but_not_under_a_name_that_was_bent() -> None:
    assert refusal_of("GET", {**HERE, "sec-fetch-site": "cross-site"}) == ""  # a link
    assert "127.0.0.1" in refusal_of("GET", {"host": "evil.example"})
