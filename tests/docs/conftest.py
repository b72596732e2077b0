"""What pages need around them: an environment without DEKAF_… and a Django project."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import django
import pytest

from dekaf.contrib.django.producers import discard_producers

with warnings.catch_warnings():
    # Starlette's client prefers a fork of httpx from some version on, and says so when it is imported.
    warnings.simplefilter("ignore")
    import fastapi.testclient  # noqa: F401 # here first, so that no page is blamed for it
    import kafka  # noqa: F401 # the same: it asks importlib for its version in a way that is deprecated


@pytest.fixture(scope="session", autouse=True)
def django_project() -> None:
    """Set up Django; not on import, for where the tests of dekaf.contrib.django run as well, theirs is the project."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.docs.django_settings")
    django.setup()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take away DEKAF_…, which configures producers, and what Django's settings made of it."""
    for name in os.environ:
        if name.upper().startswith("DEKAF_"):
            monkeypatch.delenv(name)
    discard_producers()
    yield
    discard_producers()
