"""Text that does not show itself."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
from pydantic import SecretBytes, SecretStr
from pydantic_core import to_json

from dekaf.producer.hidden_text import HiddenText, hidden, is_hidden, revealed


@pytest.mark.parametrize("text", [hidden("wonder"), SecretStr("wonder")])
def test_hidden_texts_are_known_and_not_shown(text: HiddenText) -> None:
    assert is_hidden(text)
    assert revealed(text) == "wonder"
    assert "wonder" not in f"{text} {text!r}"


def test_equal_texts_are_equal_whichever_class_they_are_of() -> None:
    assert hidden("wonder") == hidden("wonder") == SecretStr("wonder")
    assert hidden("wonder") != SecretStr("alice")
    assert not hidden("wonder").__eq__("wonder")
    assert hash(hidden("wonder")) == hash(SecretStr("wonder"))
    assert bool(hidden("")) is bool(SecretStr("")) is False


def test_a_pickled_one_keeps_its_text_and_json_does_not_show_it() -> None:
    assert pickle.loads(pickle.dumps(hidden("wonder"))).get_secret_value() == "wonder"
    assert to_json({"password": hidden("wonder"), "none": hidden("")}) == b'{"password":"**********","none":""}'


@pytest.mark.parametrize("value", ["wonder", None, SecretBytes(b"wonder"), SecretStr])
def test_anything_else_is_what_it_is(value: object) -> None:
    assert not is_hidden(value)
    assert revealed(value) is value


def test_hiding_imports_nothing_of_pydantic() -> None:
    program = """
import sys
from dekaf.producer.hidden_text import HiddenText, hidden, is_hidden, revealed
print(is_hidden("wonder"), revealed(hidden("wonder")), is_hidden(hidden("")), "pydantic" in sys.modules)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "wonder", "True", "False"]
