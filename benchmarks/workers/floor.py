"""What awaiting costs without any producer: tasks that await a future which a timer sets, on uvloop.

Run as a program with the number of tasks: `python -m benchmarks.workers.floor 1000`. The tasks, the messages, the clock
and the measurement are those of the await rows; what is missing is a client, and so this is the least any client takes.
"""

from __future__ import annotations

import dataclasses
import sys

from benchmarks.clients.no_client import Awaiting
from benchmarks.job import Job
from benchmarks.workers.waiting import await_each

MESSAGES_PER_TASK = 500


def main() -> None:
    """Let as many tasks await as the only argument says, and print the answer."""
    tasks = int(sys.argv[1])
    job = Job(workload="await", client="none", tasks=tasks, messages=tasks * MESSAGES_PER_TASK, seconds=5)
    print(dataclasses.replace(await_each(job, Awaiting), produced=0).to_json(), flush=True)


if __name__ == "__main__":
    main()
