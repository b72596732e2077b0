"""A Celery application on a broker of files, without Django."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery, signals

from tests.jobs.work import fire_one, produce_one, registry

FOLDER = Path(os.environ["FOLDER"])
for name in ("queue", "control"):
    (FOLDER / name).mkdir(exist_ok=True)

app = Celery(
    "tests",
    broker="filesystem://",
    broker_transport_options={
        "data_folder_in": str(FOLDER / "queue"),
        "data_folder_out": str(FOLDER / "queue"),
        "control_folder": str(FOLDER / "control"),
    },
)


@app.task  # type: ignore[untyped-decorator] # it is not among the packages of the linters
def fire(number: int) -> None:
    fire_one(number)


@app.task(acks_late=True)  # type: ignore[untyped-decorator] # it is not among the packages of the linters
def produce(number: int) -> None:
    produce_one(number)


@app.task(acks_late=True)  # type: ignore[untyped-decorator] # it is not among the packages of the linters
def fire_and_flush(number: int) -> None:
    fire_one(number)
    registry.producer().flush(10)


if "DRAIN" in os.environ:

    @signals.worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator] # it is not among the packages of the linters
    @signals.worker_shutdown.connect(weak=False)  # type: ignore[untyped-decorator] # it is not among the packages of the linters
    def drain(**_: object) -> None:
        registry.close()
