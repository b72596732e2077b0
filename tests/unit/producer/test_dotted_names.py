from __future__ import annotations

import pytest

from dekaf.producer.dotted_names import imported, instance_of, is_dotted_name


class NeedsMore:
    def __init__(self, more: int) -> None:
        self.more = more


@pytest.mark.parametrize("name", ["json.dumps", "json:dumps", " os.path.join "])
def test_a_dotted_name_is_imported(name: str) -> None:
    assert is_dotted_name(name)
    assert callable(imported(name))


@pytest.mark.parametrize("text", ["", "dumps", "json.", ".dumps", "json.du mps", "localhost:9092", "a@b.c"])
def test_what_is_none_is_seen(text: str) -> None:
    assert not is_dotted_name(text)


@pytest.mark.parametrize("name", ["no_such_module.thing", "json.no_such_thing"])
def test_what_cannot_be_imported_says_why(name: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be imported: .*no_such"):
        imported(name)


def test_a_class_is_made_without_arguments() -> None:
    assert instance_of(dict) == {}
    with pytest.raises(ValueError, match=r"cannot be made without arguments: .*'more'; pass an instance"):
        instance_of(NeedsMore)
