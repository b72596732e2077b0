"""`dekaf perf`: how fast this machine produces to that cluster."""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from functools import partial
from typing import Any, Final, final

from dekaf.command.logs import logs_through
from dekaf.command.manual import add_command
from dekaf.command.options import add_options, config_of
from dekaf.command.progress import Progress, Standing
from dekaf.command.sending import FAILED, for_sending, sent, until_space
from dekaf.errors import ConfigurationError, InvalidTopicError, ProduceError
from dekaf.producer import Producer
from dekaf.types import DrainReport, RecordMetadata

__all__ = ("add_parser",)

_DESCRIPTION: Final = (
    "Produce messages of random bytes, and say how many a second were delivered and after how long. They stay in the "
    "topic: take one that is there for this."
)
_EXAMPLES: Final = """
dekaf perf test-topic -n 1_000_000 -s 100
dekaf perf test-topic -n 60_000 -r 1000 -X acks=1
"""
_SAMPLED: Final = 200_000  # latencies kept, at most
_LATEST: Final = 2_000  # of them, whose percentiles are shown on the way: to sort all would slow down what is measured
_MEGABYTE: Final = 1_000_000


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser = add_command(
        commands, "perf", "measure throughput and latency", description=_DESCRIPTION, examples=_EXAMPLES
    )
    parser.add_argument("topic", metavar="TOPIC", help="where to; the messages stay there")
    parser.add_argument("-n", "--records", type=_count, default=1_000_000, metavar="N", help="default: 1,000,000")
    parser.add_argument("-s", "--size", type=_count, default=100, metavar="BYTES", help="of each value; default: 100")
    parser.add_argument("-r", "--rate", type=_count, metavar="N", help="messages a second; default: as many as go")
    parser.add_argument("--keys", type=_count, metavar="N", help="so many different keys; default: none")
    add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure; return 0 if everything was delivered, 1 if not, 130 after SIGINT.

    Raises:
        ConfigurationError: An option is wrong.
    """
    config = for_sending(config_of(arguments))
    producer: Producer[Any, Any] = Producer.from_config(config)
    _check_topic(producer, arguments.topic)
    measured = _Measured(every=max(1, arguments.records // _SAMPLED))
    began = time.perf_counter()
    standing = partial(_standing, producer, measured, arguments)
    with producer, Progress(standing) as progress, logs_through(progress.write):
        report, status = sent(producer, config, partial(_send, producer, measured, arguments), progress.write)
    seconds = time.perf_counter() - began
    _tell(report, seconds, measured, arguments.size)
    return status or (0 if report.ok else FAILED)


def _check_topic(producer: Producer[Any, Any], topic: str) -> None:
    """Raise ConfigurationError for a name that no topic can have, as for other arguments that are wrong."""
    try:
        producer.for_topic(topic)
    except InvalidTopicError as error:
        producer.close(0)
        raise ConfigurationError(str(error)) from error


def _tell(report: DrainReport, seconds: float, measured: _Measured, size: int) -> None:
    print(f"{report.delivered:,} delivered, {report.failed + report.undelivered:,} not, in {seconds:.2f} s")
    rate = report.delivered / seconds
    print(f"{rate:,.0f} a second, {rate * size / _MEGABYTE:.1f} MB/s")
    print(measured.shown())
    for error in report.failures[:1]:
        print(error, file=sys.stderr)


def _send(producer: Producer[Any, Any], measured: _Measured, arguments: argparse.Namespace) -> int:
    values = [os.urandom(arguments.size) for _ in range(100)]
    keys = [None] if arguments.keys is None else [b"%d" % at for at in range(arguments.keys)]
    began = time.perf_counter()
    for at in range(arguments.records):
        if arguments.rate is not None and at / arguments.rate > time.perf_counter() - began:
            time.sleep(at / arguments.rate - (time.perf_counter() - began))
        on_delivery = measured.begin() if at % measured.every == 0 else None
        key, value = keys[at % len(keys)], values[at % len(values)]
        until_space(producer.fire, arguments.topic, key, value, on_delivery=on_delivery)
    return 0


@final
class _Measured:
    """How long messages took from the call to the acknowledgement."""

    def __init__(self, every: int) -> None:
        self.every: Final = every  # so many messages, one is measured
        self._lock: Final = threading.Lock()
        self._latencies: Final[list[float]] = []  # seconds

    def begin(self) -> Any:
        """Return what hears of the outcome of a message that is sent now."""
        began = time.perf_counter()

        def ended(_metadata: RecordMetadata | None, error: ProduceError | None) -> None:
            if error is None:
                with self._lock:
                    self._latencies.append(time.perf_counter() - began)

        return ended

    def shown(self, latest: int | None = None) -> str:
        """Return the percentiles; of the latest ones, or of all."""
        with self._lock:
            ordered = self._latencies[:] if latest is None else self._latencies[-latest:]
        ordered.sort()
        if not ordered:
            return "" if latest else "no latencies"
        at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in _PERCENTILES}
        shown = ", ".join(f"{name} {seconds * 1000:.2f} ms" for name, seconds in at.items())
        return shown if latest else f"latency {shown}"


_PERCENTILES: Final = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))


def _standing(producer: Producer[Any, Any], measured: _Measured, arguments: argparse.Namespace) -> Standing:
    status = producer.status()
    away = f", no broker for {status.unavailable_for:.0f} s" if status.unavailable_for else ""
    text = f"{status.delivered_total:,} of {arguments.records:,} delivered, {status.failed_total:,} failed{away}"
    return Standing(
        text,
        counted=status.delivered_total,
        done=status.delivered_total,
        total=arguments.records,
        each_bytes=arguments.size,
        drawn=", ".join(filter(None, [measured.shown(_LATEST), text])),
    )


def _count(text: str) -> int:
    digits = text.replace(",", "").replace("_", "")
    if not digits.isdecimal() or int(digits) < 1:
        raise argparse.ArgumentTypeError("it is not a number from 1")
    return int(digits)
