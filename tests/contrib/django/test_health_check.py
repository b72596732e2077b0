"""The check for django-health-check."""

from __future__ import annotations

import asyncio

import pytest

from dekaf.contrib.django import get_registry

pytest.importorskip("health_check", reason="django-health-check needs Django 5.2, and is installed from Python 3.12 on")

from dekaf.contrib.django.health_check import Producer


def result_of(check: Producer) -> str | None:
    error = asyncio.run(check.get_result()).error
    return None if error is None else str(error)


def test_a_producer_that_can_produce_is_in_order() -> None:
    assert result_of(Producer()) is None
    assert result_of(Producer(alias="audit")) is None


def test_a_broker_that_has_to_answer_and_does_not_is_a_failure() -> None:
    said = result_of(Producer(require_kafka=True))

    assert said is not None
    assert said.startswith("Unavailable: No broker answers.")


def test_closed_producers_are_a_failure() -> None:
    registry = get_registry()
    registry.close()

    assert result_of(Producer()) == "Unavailable: The producers are closed: this process ends."


def test_what_a_report_shows_of_it_holds_no_configuration() -> None:
    assert Producer().labels == {"check": "Producer", "alias": "default", "require_kafka": "False"}
