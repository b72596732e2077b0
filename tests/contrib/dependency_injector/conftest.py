"""What tests with FastAPI need before anything is imported."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Starlette's client prefers a fork of httpx from some version on, and says so when it is imported.
    warnings.simplefilter("ignore")
    import fastapi.testclient  # noqa: F401 # here first, so that no test is blamed for it
