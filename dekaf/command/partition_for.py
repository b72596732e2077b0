"""`dekaf partition-for`: where a key goes."""

from __future__ import annotations

import argparse
from typing import Any, Final

from dekaf.command.manual import add_command
from dekaf.errors import ConfigurationError
from dekaf.partitioning import murmur2
from dekaf.producer import ProducerConfig

__all__ = ("add_parser",)

_NOWHERE: Final = "localhost:9092"  # nothing is connected

_DESCRIPTION: Final = (
    "Print the partition that a key goes to. Producers of Java, kafka-python and aiokafka agree with murmur2, those of "
    "librdkafka (confluent-kafka) with consistent_random."
)

_EXAMPLES: Final = """
dekaf partition-for --key 42 --partitions 12
dekaf partition-for --key 42 --partitions 12 --partitioner consistent_random
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser = add_command(
        commands,
        "partition-for",
        "say which partition a key goes to",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    parser.add_argument("-k", "--key", required=True, help="the key, as text in UTF-8")
    parser.add_argument("-n", "--partitions", required=True, type=_count, metavar="N", help="how many the topic has")
    parser.add_argument(
        "--partitioner",
        default="murmur2",
        help="murmur2, consistent_random, or the dotted name of one of yours; default: murmur2",
    )
    parser.add_argument("--topic", default="", help="for partitioners of yours that look at it")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the number alone.

    Raises:
        ConfigurationError: There is no such partitioner, or it leaves the choice open.
    """
    key: bytes = arguments.key.encode("utf-8", "surrogateescape")
    partitioner = ProducerConfig(bootstrap_servers=_NOWHERE, partitioner=arguments.partitioner).create_partitioner()
    if partitioner is None:
        print(int(murmur2(key)) % arguments.partitions)
        return 0
    if arguments.partitioner == "round_robin":
        raise ConfigurationError("round_robin looks at no key: its records go to each partition in turn.")
    partition = partitioner.partition(arguments.topic, key, arguments.partitions)
    if partition is None:
        raise ConfigurationError(f"{arguments.partitioner} leaves the choice for this key to the built-in partitioner.")
    print(partition)
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it is not a number from 1")
    return int(text)
