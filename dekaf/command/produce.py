"""`dekaf produce`: what a file or the standard input holds, as messages."""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any, BinaryIO, Final, cast, final

from dekaf.command.lines import BrokenLineError
from dekaf.command.logs import logs_through
from dekaf.command.manual import add_command
from dekaf.command.options import add_options, config_of
from dekaf.command.progress import Progress, Standing
from dekaf.command.records import FORMATS, Line, LineFormat, read_lines
from dekaf.command.sending import FAILED, for_sending, sent, until_space
from dekaf.command.source import STANDARD_INPUT, Extent, opened
from dekaf.errors import ConfigurationError, DekafError, InvalidTopicError, ProduceError
from dekaf.producer import Producer, ProducerConfig
from dekaf.producer.options import ProducerOptions
from dekaf.types import DrainReport, RecordMetadata

__all__ = ("add_message_arguments", "add_parser", "produce_lines")

_SHOWN: Final = 5  # errors
_FIXED: Final = {"key": None, "value": None}  # the lines are bytes
_MEGABYTE: Final = 1_000_000

_DESCRIPTION: Final = (
    "Produce a message for each line of FILE, or of the standard input. It reads as fast as Kafka takes them. A line "
    "that is no message ends the reading; what was read before is delivered. Ctrl-C delivers what was read; a second "
    "one gives it up."
)
_EXAMPLES: Final = """
dekaf produce orders -b localhost:9092 orders.txt
generate-orders | dekaf produce orders --format json
echo '42:paid' | dekaf produce orders --key-separator :
"""


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser = add_command(
        commands, "produce", "produce the lines of a file", description=_DESCRIPTION, examples=_EXAMPLES
    )
    add_message_arguments(parser)
    add_options(parser)
    parser.set_defaults(run=run)


def add_message_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to produce, and where to."""
    parser.add_argument("topic", metavar="TOPIC", help="where to")
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
        "--key-separator",
        type=_separator,
        metavar="TEXT",
        help=r"in lines, what is between key and value, such as \t or :",
    )
    group.add_argument(
        "--null",
        type=_escaped,
        metavar="TEXT",
        help="what stands for no value (a tombstone), or no key, in lines and csv",
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
    """Produce a message for each line.

    Args:
        config: The producer's; keys and values are the bytes of the lines, whatever it says of them.
        arguments: Those that `add_message_arguments` added.

    Raises:
        ConfigurationError: There is no such file, or no such topic can be.
    """
    with opened(arguments.file) as file:
        raw = for_sending(config.with_options(**cast("ProducerOptions", _FIXED)))
        return _Sending(raw, arguments).run(file)


@final
class _Sending:
    """One run: what was read, and what became of it."""

    def __init__(self, config: ProducerConfig, arguments: argparse.Namespace) -> None:
        self._config: Final = config
        self._producer: Final[Producer[bytes | None, bytes | None]] = Producer.from_config(config)
        self._arguments: Final = arguments
        self._key: Final = None if arguments.key is None else _bytes_of(arguments.key)
        self._read = 0
        self._broken = 0
        self._complaints = 0
        self._progress: Progress | None = None
        try:
            self._producer.for_topic(arguments.topic)
        except InvalidTopicError as error:
            self._producer.close()
            raise ConfigurationError(str(error)) from error

    def run(self, file: BinaryIO) -> int:
        """Read and send until the end, a broken line or Ctrl-C; then deliver; return the exit status."""
        given = self._arguments
        form = LineFormat(given.format, given.key_separator, given.null, self._config.buffer_memory)
        began = time.monotonic()
        standing = partial(self._standing, Extent(file))
        with Progress(standing, is_on=not given.quiet) as self._progress, logs_through(self._progress.write):
            ending = sent(self._producer, self._config, partial(self._send_all, file, form), self._progress.write)
        self._summarize(ending.report, time.monotonic() - began)
        return ending.status or (0 if ending.report.ok and not self._broken else FAILED)

    def _send_all(self, file: BinaryIO, form: LineFormat) -> int:
        """Read and send; return the exit status."""
        try:
            for line in read_lines(file, form, self._broken_line):
                self._read += 1
                self._send(line)
        except BrokenLineError as error:
            self._complain(str(error))
            return FAILED
        except OSError as error:
            name = "the standard input" if self._arguments.file == STANDARD_INPUT else self._arguments.file
            self._complain(f"{name}: after line {self._read:,}: {error.strerror or error}")
            return FAILED
        return 0

    def _send(self, line: Line) -> None:
        given = self._arguments
        try:
            until_space(
                self._producer.fire,
                given.topic,
                self._key if line.key is None else line.key,
                line.value,
                headers=[*given.headers, *line.headers] or None,
                partition=given.partition if line.partition is None else line.partition,
                timestamp=line.timestamp,
                on_delivery=self._on_delivery,
            )
        except (DekafError, ValueError) as error:
            self._broken_line(BrokenLineError(line.number, str(error)))

    def _on_delivery(self, _metadata: RecordMetadata | None, error: ProduceError | None) -> None:
        if error is not None:
            self._complain(str(error))

    def _broken_line(self, error: BrokenLineError) -> None:
        self._broken += 1
        if not self._arguments.skip_broken:
            raise error
        self._complain(str(error))

    def _complain(self, what: str) -> None:
        assert self._progress is not None
        self._complaints += 1
        if self._complaints <= _SHOWN:
            self._progress.write(what)
        elif self._complaints == _SHOWN + 1:
            self._progress.write("and so on")

    def _standing(self, extent: Extent) -> Standing:
        status = self._producer.status()
        waiting = f", {status.buffered_records:,} waiting" if status.buffered_records else ""
        away = f", no broker for {status.unavailable_for:.0f} s" if status.unavailable_for else ""
        failed = f", {status.failed_total:,} failed" if status.failed_total else ""
        done = extent.read()
        text = f"{self._read:,} read, {status.delivered_total:,} delivered{failed}{waiting}{away}"
        drawn = text
        if done is not None and extent.size:
            drawn += f", {done / _MEGABYTE:,.1f} of {extent.size / _MEGABYTE:,.1f} MB"
        return Standing(text, counted=status.delivered_total, done=done, total=extent.size, drawn=drawn)

    def _summarize(self, report: DrainReport, seconds: float) -> None:
        lost = report.failed + report.undelivered
        if self._arguments.quiet and not lost and not self._broken:
            return
        rate = report.delivered / seconds if seconds else 0.0
        broken = ""
        if self._arguments.skip_broken and self._broken:
            broken = f", {self._broken:,} broken line(s) left out"
        assert self._progress is not None
        self._progress.write(
            f"{report.delivered:,} delivered to {self._arguments.topic}, {lost:,} not{broken}, in {seconds:.1f} s "
            f"({rate:,.0f} a second)"
        )


def _header(text: str) -> tuple[str, bytes]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("it is not NAME=VALUE")
    return name, _bytes_of(value)


def _escaped(text: str) -> bytes:
    r"""Return a text's bytes; `\t` in it is a tabulator, as people write it in a shell."""
    return _bytes_of(text.replace("\\t", "\t"))


def _separator(text: str) -> bytes:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return _escaped(text)


def _bytes_of(argument: str) -> bytes:
    """Return an argument as the shell passed it: Python decodes what is no UTF-8 in a way of its own."""
    return argument.encode("utf-8", "surrogateescape")
