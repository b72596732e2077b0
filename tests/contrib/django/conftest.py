"""A Django project around each test."""

from __future__ import annotations

import os
from collections.abc import Iterator

import django
import pytest

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.contrib.django.settings")
django.setup()

from dekaf.contrib.django.producers import discard_producers  # noqa: E402 # after the setup, as a project does
from dekaf.testing import KafkaFixture  # noqa: E402 # the same


@pytest.fixture(autouse=True)
def fresh_producers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin and end each test without producers, and without DEKAF_…, which configures some."""
    for name in os.environ:
        if name.upper().startswith("DEKAF_"):
            monkeypatch.delenv(name)
    discard_producers()
    yield
    discard_producers()


@pytest.fixture
def kafka() -> Iterator[KafkaFixture]:
    """The fixture of the pytest plugin, after the setup of Django."""
    with KafkaFixture() as kafka:
        yield kafka
