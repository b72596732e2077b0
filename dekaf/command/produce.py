"""`dekaf produce`: what a file or the standard input holds, as messages."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast, final

from dekaf.command.options import add_options, config_of
from dekaf.command.progress import Progress
from dekaf.command.records import FORMATS, BrokenLineError, Line, LineFormat, read_lines
from dekaf.errors import BufferExhaustedError, ConfigurationError, DekafError, ProduceError
from dekaf.producer import Producer, ProducerConfig
from dekaf.producer.options import ProducerOptions
from dekaf.types import DrainReport, RecordMetadata

__all__ = ("add_message_arguments", "add_parser", "produce_lines")

_INTERRUPTED: Final = 130  # as a shell tells that SIGINT ended a command
_FAILED: Final = 1
_SHOWN: Final = 5  # errors
_FIXED: Final = {"key": None, "value": None, "unavailable_after_ms": None}

_DESCRIPTION: Final = (
    "Produce a message for each line of FILE, or of the standard input. It reads as fast as Kafka takes them. A line "
    "that is no message ends the reading; what was read before is delivered. Ctrl-C delivers what was read."
)


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "produce", help="produce the lines of a file", description=_DESCRIPTION
    )
    add_message_arguments(parser)
    add_options(parser)
    parser.set_defaults(run=run)


def add_message_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to produce, and where to."""
    parser.add_argument("topic", metavar="TOPIC")
    parser.add_argument("file", nargs="?", default="-", metavar="FILE", help="default: -, the standard input")
    group = parser.add_argument_group("messages")
    group.add_argument(
        "--format",
        choices=FORMATS,
        default="lines",
        help="lines: each is a value, an empty one an empty value. json: objects with value and maybe key, headers, "
        "partition and timestamp, where null is no value and what is not text is written as JSON. csv: the first row "
        "names the columns value, key, partition, timestamp, header.NAME. Default: lines",
    )
    group.add_argument("-k", "--key", help="the key of all messages that bring none")
    group.add_argument(
        "--key-separator", metavar="TEXT", help=r"in lines, what is between key and value, such as \t or :"
    )
    group.add_argument(
        "--null", metavar="TEXT", help="what stands for no value (a tombstone), or no key, in lines and csv"
    )
    group.add_argument(
        "-H", dest="headers", action="append", default=[], type=_header, metavar="NAME=VALUE", help="may be repeated"
    )
    group.add_argument("-p", "--partition", type=int, metavar="N", help="of messages that name none")
    group.add_argument("--skip-broken", action="store_true", help="go on after lines that are no messages")
    group.add_argument("-q", "--quiet", action="store_true", help="no summary, and no progress")


def run(arguments: argparse.Namespace) -> int:
    """Produce; return 0 if everything was delivered, 1 if not, 130 after SIGINT.

    Raises:
        ConfigurationError: An option is wrong.
    """
    return produce_lines(config_of(arguments), arguments)


def produce_lines(config: ProducerConfig, arguments: argparse.Namespace) -> int:
    """Produce as `run` does, with a configuration from elsewhere.

    Args:
        config: Of the producer; its serializers are not used. A job waits, however long Kafka is away.
        arguments: Those that `add_message_arguments` added.

    Raises:
        ConfigurationError: There is no such file.
    """
    form = LineFormat(arguments.format, _escaped(arguments.key_separator), _escaped(arguments.null))
    with _opened(arguments.file) as file:
        raw = config.with_options(**cast("ProducerOptions", _FIXED))
        return _Sending(Producer.from_config(raw), arguments).run(file, form)


@final
class _Sending:
    """One run: what was read, and what became of it."""

    def __init__(self, producer: Producer[bytes | None, bytes | None], arguments: argparse.Namespace) -> None:
        self._producer: Final = producer
        self._arguments: Final = arguments
        self._key: Final = None if arguments.key is None else arguments.key.encode()
        self._read = 0
        self._refused = 0  # by the producer, at the call
        self._broken = 0
        self._lock: Final = threading.Lock()  # guards what is shown
        self._shown = 0

    def run(self, file: BinaryIO, form: LineFormat) -> int:
        """Read and send until the end, a broken line or Ctrl-C; then deliver; return the exit status."""
        began = time.monotonic()
        status = 0
        with Progress(self._tell, is_on=not self._arguments.quiet):
            try:
                for line in read_lines(file, form, self._is_broken):
                    self._send(line)
            except KeyboardInterrupt:
                status = _INTERRUPTED
            except BrokenLineError as error:
                self._complain(str(error))
                status = _FAILED
            except OSError as error:
                self._complain(f"{self._arguments.file}: {error}")
                status = _FAILED
            report = self._close()
        self._summarize(report, time.monotonic() - began)
        return status or (0 if report.ok and not self._refused and not self._broken else _FAILED)

    def _send(self, line: Line) -> None:
        self._read += 1
        given = self._arguments
        while True:
            try:
                self._producer.fire(
                    given.topic,
                    self._key if line.key is None else line.key,
                    line.value,
                    headers=[*given.headers, *line.headers] or None,
                    partition=given.partition if line.partition is None else line.partition,
                    timestamp=line.timestamp,
                    on_delivery=self._on_delivery,
                )
            except BufferExhaustedError:
                continue  # what is in the buffer is delivered, or fails in the end: there will be space
            except (DekafError, ValueError) as error:
                self._refused += 1
                self._complain(f"line {line.number}: {error}")
            return

    def _on_delivery(self, _metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        if error is not None:
            self._complain(str(error))

    def _is_broken(self, error: BrokenLineError) -> None:
        if not self._arguments.skip_broken:
            raise error
        self._broken += 1
        self._complain(str(error))

    def _close(self) -> DrainReport:
        try:
            return self._producer.close()
        except KeyboardInterrupt:  # a second one: no more waiting
            return self._producer.close(0)

    def _complain(self, what: str) -> None:
        with self._lock:
            self._shown += 1
            shown = self._shown
        if shown <= _SHOWN:
            print(what, file=sys.stderr)
        elif shown == _SHOWN + 1:
            print("and so on", file=sys.stderr)

    def _tell(self) -> str:
        status = self._producer.status()
        waiting = f", {status.buffered_records:,} waiting" if status.buffered_records else ""
        away = f", no broker for {status.unavailable_for:.0f} s" if status.unavailable_for else ""
        failed = f", {status.failed_total:,} failed" if status.failed_total else ""
        return f"{self._read:,} read, {status.delivered_total:,} delivered{failed}{waiting}{away}"

    def _summarize(self, report: DrainReport, seconds: float) -> None:
        lost = report.failed + report.undelivered + self._refused
        if self._arguments.quiet and not lost and not self._broken:
            return
        rate = report.delivered / seconds if seconds else 0.0
        broken = f", {self._broken:,} broken line(s) left out" if self._broken else ""
        print(
            f"{report.delivered:,} delivered to {self._arguments.topic}, {lost:,} not{broken}, in {seconds:.1f} s "
            f"({rate:,.0f} a second)",
            file=sys.stderr,
        )


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise ConfigurationError(f"{name}: {error.strerror}") from error


def _header(text: str) -> tuple[str, bytes]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("it is not NAME=VALUE")
    return name, value.encode()


def _escaped(text: str | None) -> bytes | None:
    r"""Return a text's bytes; `\t` in it is a tabulator, as people write it in a shell."""
    return None if text is None else text.replace("\\t", "\t").encode()
