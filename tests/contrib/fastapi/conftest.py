"""An application's environment: nothing of dekaf's in it unless a test says so."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import pytest

from dekaf.contrib.fastapi import dependencies

with warnings.catch_warnings():
    # Starlette's client prefers a fork of httpx from some version on, and says so when it is imported.
    warnings.simplefilter("ignore")
    import fastapi.testclient  # noqa: F401 # here first, so that no test is blamed for it

NOWHERE = "127.0.0.1:1"  # nobody listens there


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away DEKAF_…, which configures producers, and what an earlier test made of it."""
    for name in os.environ:
        if name.upper().startswith("DEKAF_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_process_registry() -> Iterator[None]:
    """Forget the producers made without a lifespan, which live as long as the process otherwise."""
    yield
    while dependencies._of_process:
        dependencies._of_process.pop().close(timeout=0)
