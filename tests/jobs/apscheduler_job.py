"""A scheduler in a program of its own, which SIGTERM ends."""

from __future__ import annotations

import itertools
import os

from apscheduler.schedulers.blocking import BlockingScheduler

from dekaf import drain_on_sigterm
from tests.jobs.work import fire_one

if __name__ == "__main__":
    if "DRAIN" in os.environ:
        drain_on_sigterm()
    numbers = itertools.count()
    scheduler = BlockingScheduler()
    scheduler.add_job(lambda: fire_one(next(numbers)), "interval", seconds=0.05)
    scheduler.start()
