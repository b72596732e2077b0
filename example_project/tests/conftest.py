"""What the tests of the example need before anything is imported."""

from __future__ import annotations

import os
import warnings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.django_shop.settings")  # for pytest-django

with warnings.catch_warnings():
    # Starlette's test client prefers a fork of httpx from some version on, and says so when it is imported.
    warnings.simplefilter("ignore")
    import fastapi.testclient  # noqa: F401 # here first, so that no test is blamed for it
