"""The command line: harm three real brokers for as long as one likes, and sum up what became of every record."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys

import dekaf
from tests.chaos.campaign import harm, proxied_cluster
from tests.kafka import KafkaUnavailableError, why_kafka_cannot_start

_DESCRIPTION = """\
Run three Kafka brokers behind proxies, and produce with threads and tasks while brokers are killed (-9), stopped
(SIGSTOP) and restarted, and connections are cut within frames, reset, refused, or swallow bytes. Afterwards a consumer
reads everything back. Needs Java 17 and Maven.
"""


def main() -> int:
    """Run the command line and return the exit code: 1 if a promise was broken, 2 without Kafka."""
    arguments = _parser().parse_args()
    if arguments.seconds <= 0:
        return 0
    if reason := why_kafka_cannot_start():
        _say(f"no brokers to harm: {reason}")
        return 2
    logging.getLogger("dekaf").addHandler(logging.NullHandler())
    seed = secrets.randbelow(2**32) if arguments.seed is None else arguments.seed
    way = "compiled" if dekaf.compiled else "interpreted"
    _say(f"three brokers harmed for {arguments.seconds:.0f} s; dekaf is {way}; --seed {seed}")
    try:
        with proxied_cluster(seed) as site:
            result = harm(site, arguments.seconds, seed=seed)
    except KafkaUnavailableError as error:
        _say(f"no brokers to harm: {error}")
        return 2
    _say(str(result))
    if not result.is_kept:
        _say(f"A promise was broken. Again: python -m tests.chaos --seconds {arguments.seconds:.0f} --seed {seed}")
    return int(not result.is_kept)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=180.0, help="how long (default: 180); 0: not at all")
    parser.add_argument("--seed", type=int, help="make the same trouble again (default: a new one, which is printed)")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
