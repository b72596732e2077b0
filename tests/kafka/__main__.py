"""Fetch Kafka, or run brokers in the foreground: `python -m tests.kafka fetch | run`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys

from tests.kafka.cluster import KafkaCluster
from tests.kafka.distribution import DEFAULT_VERSION, is_fetched, kafka_jars
from tests.kafka.errors import KafkaUnavailableError
from tests.kafka.java import why_kafka_cannot_start


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.kafka", description=__doc__)
    parser.add_argument("command", choices=("fetch", "run"))
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--version", default=DEFAULT_VERSION)
    arguments = parser.parse_args()
    if reason := why_kafka_cannot_start(arguments.version):
        sys.stderr.write(f"Kafka cannot start here: {reason}\n")
        return 1
    try:
        if arguments.command == "fetch":
            _fetch(arguments.version)
        else:
            _run(arguments.brokers, arguments.version)
    except KafkaUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _fetch(version: str) -> None:
    if not is_fetched(version):
        sys.stdout.write(f"fetching Kafka {version} with Maven (about 54 MB)\n")
        sys.stdout.flush()
    sys.stdout.write(f"Kafka {version} is in {kafka_jars(version)}\n")


def _run(brokers: int, version: str) -> None:
    with contextlib.suppress(KeyboardInterrupt), KafkaCluster(brokers, version=version) as cluster:
        sys.stdout.write(f"Kafka {version} listens at {cluster.bootstrap_servers} until Ctrl-C\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
