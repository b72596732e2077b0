"""What a call may be given."""

from __future__ import annotations

import pytest

from dekaf.message import ProducerMessage
from dekaf.producer._core.arguments import MISSING, check_value, only_message, partition_number, topic_name


def test_partition_number_is_an_int_in_range() -> None:
    assert partition_number(0) == 0
    assert partition_number(2**31 - 1) == 2**31 - 1


def test_message_comes_alone() -> None:
    message = ProducerMessage.create("t", "k", "v")

    assert only_message(message, None, MISSING) is message
    with pytest.raises(TypeError, match="belong into the message"):
        only_message(message, None, "value")


@pytest.mark.parametrize("message", ["t", None, 7])
def test_what_is_no_message_is_refused(message: object) -> None:
    with pytest.raises(TypeError, match="a str or a ProducerMessage, not"):
        only_message(message)


def test_topic_is_named_by_the_first_argument() -> None:
    assert topic_name("t") == "t"
    assert topic_name(ProducerMessage.create("u", "k", "v")) == "u"
    with pytest.raises(TypeError, match="not bytes"):
        topic_name(b"t")


def test_value_may_be_none_but_not_left_out() -> None:
    check_value(None)
    with pytest.raises(TypeError, match="value is missing"):
        check_value(MISSING)
