"""A worker of arq."""

from __future__ import annotations

import os
from typing import Any

import arq.worker
from arq.connections import RedisSettings

from tests.jobs.work import fire_one, registry


async def log_nothing(*_: object) -> None:
    """Stand in for what asks Redis who it is: the fake one does not know."""


arq.worker.log_redis_info = log_nothing


async def fire(_context: dict[str, Any], number: int) -> None:
    fire_one(number)


async def shutdown(_context: dict[str, Any]) -> None:
    await registry.aclose()


class WorkerSettings:
    """What `arq` reads."""

    functions = (fire,)
    redis_settings = RedisSettings(port=int(os.environ["REDIS_PORT"]))
    on_shutdown = shutdown if "DRAIN" in os.environ else None
