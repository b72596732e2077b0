"""A broker of taskiq."""

from __future__ import annotations

import os

from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

from tests.jobs.work import fire_one, registry

broker = ListQueueBroker(f"redis://127.0.0.1:{os.environ['REDIS_PORT']}")


@broker.task(task_name="fire")  # type: ignore[untyped-decorator] # it is not among the packages of the linters
async def fire(number: int) -> None:
    fire_one(number)


if "DRAIN" in os.environ:

    @broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)  # type: ignore[untyped-decorator] # it is not among the packages of the linters
    async def drain(_state: TaskiqState) -> None:
        await registry.aclose()
