"""The command line: soak, tell what is seen, draw it, and fail where a limit was broken."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import dekaf
from tests.kafka import KafkaCluster, KafkaUnavailableError, why_kafka_cannot_start
from tests.soak.campaign import can_look, soak
from tests.soak.figures import Sample, broken_limits, memory_slope
from tests.soak.plot import draw

_DESCRIPTION = """\
Use one producer for minutes or hours as applications do, with both faces, callbacks, cancelled tasks and topics that
are forgotten, beside producers that come and go, on a real Kafka. Look at memory, descriptors, threads, futures
and latency, and fail where a limit is broken. Needs Linux, Java 17 and Maven; matplotlib draws.
"""


def main() -> int:
    """Run the command line and return the exit code: 1 if a limit was broken, 2 where there can be no soak."""
    arguments = _parser().parse_args()
    reason = why_kafka_cannot_start() if can_look() else "this system does not tell what a process takes"
    if reason:
        _say(f"no soak: {reason}")
        return 2
    logging.getLogger("dekaf").addHandler(logging.NullHandler())
    way = "compiled" if dekaf.compiled else "interpreted"
    _say(f"a soak of {arguments.seconds:.0f} s; dekaf is {way}")
    try:
        with KafkaCluster() as cluster:
            samples, problems = soak(cluster, arguments.seconds, tell=_tell)
    except KafkaUnavailableError as error:
        _say(f"no soak: {error}")
        return 2
    problems += broken_limits(samples)
    last = samples[-1]
    title = f"{last.delivered:,} records in {last.at / 60:.0f} minutes; dekaf {way}"
    if draw(samples, arguments.plot, title):
        _say(f"drawn: {arguments.plot}")
    warm = samples[len(samples) // 4 :]
    _say(f"{title}; memory {memory_slope(warm):+.1f} MiB an hour once warm; {'; '.join(problems) or 'all limits kept'}")
    return int(bool(problems))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="how long (default: 600)")
    parser.add_argument("--plot", type=Path, default=Path("build/soak.svg"), help="where to (default: %(default)s)")
    return parser


def _tell(sample: Sample) -> None:
    takes = f"{sample.memory_mib:6.1f} MiB  {sample.descriptors:3} descriptors  {sample.threads:3} threads"
    lasts = f"p50 {sample.p50_ms:6.1f} ms  p99 {sample.p99_ms:7.1f} ms"
    _say(f"{sample.at:7.0f} s  {takes}  {sample.futures:5} futures  {lasts}  {sample.delivered:,}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
