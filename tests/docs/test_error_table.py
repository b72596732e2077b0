"""Tables of errors are read as people read them."""

from __future__ import annotations

import pytest

from tests.docs.error_table import ErrorTable

TEXT = """
| option | meaning |
|---|---|
| `not one` | of these |

| dekaf says | because |
|---|---|
| `BrokerConnectionError: cannot … at all` | it is away |
| `refused` | it does not like us |

| `not one` | either |
"""


def test_rows_are_those_of_that_table_and_each_is_to_be_seen() -> None:
    table = ErrorTable(TEXT)
    assert table.unseen == ["BrokerConnectionError: cannot … at all", "refused"]

    table.take("it was refused again")
    table.take("refused")

    assert table.unseen == ["BrokerConnectionError: cannot … at all"]


def test_an_error_without_a_row_or_with_two_is_a_fault() -> None:
    table = ErrorTable("| dekaf says |\n|---|\n| `a` |\n| `a b` |\n")

    for error in ("c", "a b"):
        with pytest.raises(AssertionError, match=r"[02] rows are about"):
            table.take(error)
