"""A Huey whose queue is a file."""

from __future__ import annotations

import os
from pathlib import Path

from huey import SqliteHuey

from tests.jobs.work import fire_one

huey = SqliteHuey(filename=str(Path(os.environ["FOLDER"]) / "huey.db"))


@huey.task()  # type: ignore[untyped-decorator] # it is not among the packages of the linters
def fire(number: int) -> None:
    fire_one(number)
