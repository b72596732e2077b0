"""What awaiting costs without any producer: tasks that await a future which a timer sets, on uvloop.

Run as a program with the number of tasks: `python -m benchmarks.workers.floor 1000`. The tasks, the messages, the clock
and the measurement are those of the await rows; what is missing is a client, and so this is the least any client takes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys

from benchmarks.clients.interfaces import ProduceAndAwait
from benchmarks.job import Job
from benchmarks.workers.waiting import await_each

ROUND_TRIP_SECONDS = 0.003  # of a broker that does not exist
MESSAGES_PER_TASK = 500


class NoClient:
    """Set the futures of everything that was produced meanwhile, once per round trip."""

    def __init__(self, _job: Job) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def start(self) -> ProduceAndAwait:
        """Return the call that awaits the next round trip."""
        return self._produce

    async def close(self) -> None:
        """End nothing."""

    async def _produce(self, _key: bytes | None, _value: bytes) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(ROUND_TRIP_SECONDS, self._acknowledge)
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _acknowledge(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(None)


def main() -> None:
    """Let as many tasks await as the only argument says, and print the answer."""
    tasks = int(sys.argv[1])
    job = Job(workload="await", client="none", tasks=tasks, messages=tasks * MESSAGES_PER_TASK, seconds=5)
    print(dataclasses.replace(await_each(job, NoClient), produced=0).to_json(), flush=True)


if __name__ == "__main__":
    main()
