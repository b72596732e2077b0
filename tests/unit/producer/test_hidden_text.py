"""Text that does not show itself."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import SecretBytes, SecretStr

from dekaf.producer.hidden_text import hidden, is_hidden, revealed


def test_a_hidden_text_is_a_secret_str_of_pydantic() -> None:
    text = hidden("wonder")

    assert text == SecretStr("wonder")
    assert is_hidden(text)
    assert revealed(text) == "wonder"
    assert "wonder" not in repr(text)


@pytest.mark.parametrize("value", ["wonder", None, SecretBytes(b"wonder"), SecretStr])
def test_anything_else_is_what_it_is(value: object) -> None:
    assert not is_hidden(value)
    assert revealed(value) is value


def test_nothing_is_hidden_before_pydantic_is_imported() -> None:
    program = """
import sys
from dekaf.producer.hidden_text import is_hidden, revealed
print(is_hidden("wonder"), revealed("wonder"), "pydantic" in sys.modules)
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "wonder", "False"]
