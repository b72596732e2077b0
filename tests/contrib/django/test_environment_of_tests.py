"""What a failed assertion says of Django's transactions."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from dekaf.contrib.django import get_producer
from dekaf.contrib.django.environment_of_tests import hint_at_commit_hooks
from dekaf.testing import KafkaFixture


def fire() -> None:
    get_producer().fire("orders", "42", "paid")


def test_a_missing_message_leads_to_the_commit_that_never_comes(kafka: KafkaFixture) -> None:
    connection.run_on_commit.append((set(), fire, False))  # as transaction.on_commit does within a TestCase
    try:
        with pytest.raises(AssertionError, match=re.escape("captureOnCommitCallbacks(execute=True)")) as caught:
            kafka.assert_produced("orders")
    finally:
        connection.run_on_commit.clear()

    assert "1 function given to transaction.on_commit in this test" in str(caught.value)


def test_there_is_no_hint_where_nothing_waits(kafka: KafkaFixture) -> None:
    with pytest.raises(AssertionError) as caught:
        kafka.assert_produced("orders")

    assert "transaction" not in str(caught.value)
    assert hint_at_commit_hooks() is None
