"""`python -m dekaf fake`: a Kafka in memory that stands in for the one at localhost:9092."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from dekaf.command.manual import add_command
from dekaf.errors import InvalidTopicError
from dekaf.producer._core.arguments import check_topic_name
from dekaf.testing import FakeCluster

__all__ = ("add_parser",)

_PORT: Final = 9092
_MOST_NODES: Final = 1_000
_MOST_PARTITIONS: Final = 10_000
_LOOK_SECONDS: Final = 0.5  # between looks at whether the command was told to stop

_DESCRIPTION: Final = (
    "A Kafka for trying things out and for development: brokers on the loopback interface with logs in memory, which "
    "any producer can write to. It knows no consumers and no transactions, and forgets everything when it ends."
)

_EXAMPLES: Final = """
dekaf fake --topic orders:3 --show
dekaf fake --port 0 --nodes 3
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser = add_command(commands, "fake", "run a Kafka in memory", description=_DESCRIPTION, examples=_EXAMPLES)
    parser.add_argument(
        "--port",
        type=int,
        default=_PORT,
        metavar="N",
        help="of the first broker; others have the next ones, 0: free ones; default: 9092",
    )
    parser.add_argument("--nodes", type=_nodes, default=1, metavar="N", help="how many brokers; default: 1")
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        type=_topic,
        metavar="NAME[:PARTITIONS]",
        help="create a topic; may be repeated. Others are created when they are produced to",
    )
    parser.add_argument(
        "--kafka", default="4.3", metavar="RELEASE", help="the release that the brokers say they are; default: 4.3"
    )
    parser.add_argument("--show", action="store_true", help="print each record that arrives")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: A port is taken, or an argument is wrong.
    """
    cluster = FakeCluster(
        nodes=arguments.nodes,
        topics=dict(arguments.topic),
        kafka=arguments.kafka,
        auto_create_topics=True,
        port=arguments.port,
    )
    with _stop_signal() as stop, cluster:
        print(f"Fake Kafka at {cluster.bootstrap_servers}, in memory; Ctrl-C ends it.", flush=True)
        printed: dict[tuple[str, int], int] = {}
        while not stop.wait(_LOOK_SECONDS):
            if arguments.show:
                _show_news(cluster, printed)
        if arguments.show:
            _show_news(cluster, printed)
        print(cluster.summary(), flush=True)
    return 0


def _topic(text: str) -> tuple[str, int]:
    name, colon, partitions = text.partition(":")
    count = _number(partitions, _MOST_PARTITIONS) if colon else 1
    if count is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not NAME or NAME:PARTITIONS, as in orders:3; a topic has 1 to {_MOST_PARTITIONS:,} partitions"
        )
    try:
        check_topic_name(name)
    except InvalidTopicError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME or NAME:PARTITIONS: {error}") from error
    return name, count


def _nodes(text: str) -> int:
    count = _number(text, _MOST_NODES)
    if count is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_NODES:,}")
    return count


def _number(text: str, most: int) -> int | None:
    """Return a number from 1; None if it is none, or too large for a cluster in memory."""
    if not text.isdecimal() or len(text) > len(str(most)):
        return None
    return int(text) if 1 <= int(text) <= most else None


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Give an event that is set by SIGINT and SIGTERM, which then do nothing else."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_news(cluster: FakeCluster, printed: dict[tuple[str, int], int]) -> None:
    """Print the records that were not printed yet; `printed` counts those that were, by topic and partition."""
    for topic in cluster.topics():
        for partition in range(cluster.partition_count(topic)):
            records = cluster.log(topic, partition)
            for record in records[printed.get((topic, partition), 0) :]:
                print(f"{topic}-{partition} {record.offset} key={record.key!r} value={record.value!r}", flush=True)
            printed[topic, partition] = len(records)
