"""`dekaf perf`: how fast this machine produces to that cluster."""

from __future__ import annotations

import argparse
import os
import threading
import time
from typing import Any, Final, final

from dekaf.command.options import add_options, config_of
from dekaf.command.progress import Progress
from dekaf.errors import BufferExhaustedError, ProduceError
from dekaf.producer import Producer
from dekaf.types import RecordMetadata

__all__ = ("add_parser",)

_DESCRIPTION: Final = (
    "Produce messages of random bytes, and say how many a second were delivered and after how long. They stay in the "
    "topic: take one that is there for this."
)
_SAMPLED: Final = 200_000  # latencies kept, at most
_MEGABYTE: Final = 1_000_000


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "perf", help="measure throughput and latency", description=_DESCRIPTION
    )
    parser.add_argument("topic", metavar="TOPIC")
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
    producer: Producer[Any, Any] = Producer.from_config(config_of(arguments, unavailable_after_ms=None))
    measured = _Measured(every=max(1, arguments.records // _SAMPLED))
    status = 0
    began = time.perf_counter()
    with producer, Progress(lambda: _progress(producer, arguments.records)):
        try:
            _send(producer, measured, arguments)
        except KeyboardInterrupt:
            status = 130
        report = producer.close()
    seconds = time.perf_counter() - began
    print(f"{report.delivered:,} delivered, {report.failed + report.undelivered:,} not, in {seconds:.2f} s")
    rate = report.delivered / seconds
    print(f"{rate:,.0f} a second, {rate * arguments.size / _MEGABYTE:.1f} MB/s")
    print(measured.shown())
    for error in report.failures[:1]:
        print(error)
    return status or (0 if report.ok else 1)


def _send(producer: Producer[Any, Any], measured: _Measured, arguments: argparse.Namespace) -> None:
    values = [os.urandom(arguments.size) for _ in range(100)]
    keys = [None] if arguments.keys is None else [b"%d" % at for at in range(arguments.keys)]
    began = time.perf_counter()
    for at in range(arguments.records):
        if arguments.rate is not None and at / arguments.rate > time.perf_counter() - began:
            time.sleep(at / arguments.rate - (time.perf_counter() - began))
        on_delivery = measured.begin() if at % measured.every == 0 else None
        while True:
            try:
                producer.fire(arguments.topic, keys[at % len(keys)], values[at % len(values)], on_delivery=on_delivery)
            except BufferExhaustedError:
                continue
            break


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

    def shown(self) -> str:
        """Return the percentiles."""
        with self._lock:
            ordered = sorted(self._latencies)
        if not ordered:
            return "no latencies"
        at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * part))] for name, part in _PERCENTILES}
        return "latency " + ", ".join(f"{name} {seconds * 1000:.2f} ms" for name, seconds in at.items())


_PERCENTILES: Final = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))


def _progress(producer: Producer[Any, Any], total: int) -> str:
    status = producer.status()
    return f"{status.delivered_total:,} of {total:,} delivered, {status.failed_total:,} failed"


def _count(text: str) -> int:
    digits = text.replace(",", "").replace("_", "")
    if not digits.isdecimal() or int(digits) < 1:
        raise argparse.ArgumentTypeError("it is not a number from 1")
    return int(digits)
