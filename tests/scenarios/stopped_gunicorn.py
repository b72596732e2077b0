"""A configuration of gunicorn for workers that fork from a preloaded application."""

from __future__ import annotations

from typing import Any

from uvicorn.workers import UvicornWorker

import dekaf


class WithoutLifespan(UvicornWorker):
    """As in Django's own documentation: Django answers no lifespan."""

    CONFIG_KWARGS: dict[str, Any] = {"lifespan": "off"}  # noqa: RUF012 # as uvicorn declares it


def post_worker_init(_worker: object) -> None:
    """Set up the process that serves requests; the master has handlers of its own."""
    dekaf.drain_on_sigterm()
