"""A program: dekaf's mock cluster, which prints its address and each order in its log, until its input ends.

    python -m example_project.stand.mock_cluster shop-orders '{"shop-orders": 3, "shop-views": 3}'

It is a process of its own so that it can be frozen. Its input is a pipe from whoever started it: when that process is
gone, however it ended, this one ends as well.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from typing import Final

from dekaf.testing import FakeCluster

LOOK_SECONDS: Final = 1.0


def main(watched: str, topics: dict[str, int]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    with FakeCluster(nodes=1, topics=topics) as cluster:
        print(json.dumps({"bootstrap_servers": cluster.bootstrap_servers}), flush=True)
        ends = threading.Event()
        printing = threading.Thread(target=print_log, args=(cluster, watched, topics[watched], ends))
        printing.start()
        sys.stdin.read()
        ends.set()
        printing.join()


def print_log(cluster: FakeCluster, topic: str, partitions: int, ends: threading.Event) -> None:
    printed = dict.fromkeys(range(partitions), 0)

    def is_news() -> bool:
        return ends.is_set() or len(cluster.log(topic)) > sum(printed.values())

    while not ends.is_set():
        try:
            cluster.wait_until(is_news, timeout=LOOK_SECONDS)
        except TimeoutError:
            continue
        for partition in printed:
            for record in cluster.log(topic, partition)[printed[partition] :]:
                value = (record.value or b"").decode(errors="replace")
                print(json.dumps({"partition": partition, "offset": record.offset, "value": value}), flush=True)
                printed[partition] += 1


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
