"""What RQ runs, in a child of its worker for each job, or in the worker itself."""

from __future__ import annotations

from tests.jobs.work import fire_one, registry


def fire(number: int) -> None:
    fire_one(number)


def fire_and_flush(number: int) -> None:
    fire_one(number)
    registry.producer().flush(10)
