"""How faults are written: short, printable, and without what may be a secret."""

from __future__ import annotations

import pytest

from dekaf.producer.fault_text import in_lines, shown, shown_name


def test_one_fault_is_a_sentence_and_several_are_a_numbered_list() -> None:
    assert in_lines(["linger_ms=-1: must not be negative"]) == "linger_ms=-1: must not be negative"
    assert in_lines(["one", "two"]) == "2 faults\n- one\n- two"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("soon", "'soon'"),
        (b"soon", "b'soon'"),
        (5, "5"),
        (1.5, "1.5"),
        (None, "None"),
        (True, "True"),
        (["a:1", "b:2"], "['a:1', 'b:2']"),
        (("a:1",), "['a:1']"),
        ([1, 2], "<list>"),
        ({"a": 1}, "<dict>"),
        (object(), "<object>"),
    ],
)
def test_plain_values_are_shown_and_of_others_their_type(value: object, text: str) -> None:
    assert shown(value) == text


def test_number_that_python_refuses_to_print_is_an_int() -> None:
    assert shown(10**5_000).startswith("<int")  # from 3.14 on, with how many digits it has


def test_long_text_is_shortened() -> None:
    assert len(shown("x" * 10_000)) < 70


@pytest.mark.parametrize("value", ["user:s3cret@host:9092", b"user:s3cret@host", ["a:1", "user:s3cret@host:9092"]])
def test_address_that_may_hold_a_password_is_not_shown(value: object) -> None:
    assert shown(value) == "<not shown>"


def test_password_in_the_part_that_shortening_leaves_out_is_not_shown_either() -> None:
    assert shown("s3cret" + "x" * 1_000 + "@host") == "<not shown>"


@pytest.mark.parametrize(
    ("name", "text"),
    [("linger_ms", "linger_ms"), ("linger ms", "'linger ms'"), ("a@b", "<not shown>"), ("\n", "'\\n'")],
)
def test_names_are_shown_as_such_only_if_they_could_be_options(name: str, text: str) -> None:
    assert shown_name(name) == text
