"""The command's arguments, and which sub-command they are for.

A sub-command is a module with `add_parser`, which says what its arguments are and sets `run` to the function that is
called with them; that returns the exit status.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, cast, final

from dekaf._version import __version__
from dekaf.command import check, config, fake, partition_for, perf, produce
from dekaf.command.manual import ManualFormatter, examples_of
from dekaf.errors import ConfigurationError, DekafError

__all__ = ("main",)

_DESCRIPTION: Final = (
    "Tools around the Kafka producer dekaf. The exit status is 0 if all went well, 1 if something failed, 2 if the "
    "arguments are wrong, and 130 after Ctrl-C."
)
_EXAMPLES: Final = """
dekaf check -b localhost:9092 orders
dekaf produce orders orders.txt
dekaf produce --help
"""

_FAILED: Final = 1
_WRONG_USE: Final = 2  # the status with which argparse ends, too
_INTERRUPTED: Final = 130  # as a shell tells of what SIGINT ended, and the next of what SIGPIPE did
_NOBODY_READS: Final = 141


@final
class _Intermixed(argparse.ArgumentParser):
    """Takes `produce orders -b kafka:9092 FILE` as people write it, with options between what has no name."""

    _is_within = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; argparse's own method for this comes back here with the two halves."""
        if self._is_within:
            return super().parse_known_args(args, namespace)
        self._is_within = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_within = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sub-command.

    Args:
        arguments: Those after `dekaf`; default: this process's.

    Returns:
        The exit status: 0 if all went well, 1 if something failed, 2 if the arguments are wrong, 130 after Ctrl-C,
        141 if what reads the output has gone.
    """
    _open_standard_descriptors()
    parser = argparse.ArgumentParser(
        prog="dekaf",
        description=_DESCRIPTION,
        epilog=examples_of(_EXAMPLES),
        formatter_class=ManualFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dekaf {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Intermixed)
    for command in (produce, check, perf, config, partition_for, fake):
        command.add_parser(commands)
    chosen = parser.parse_args(arguments)
    try:
        status = cast("Callable[[argparse.Namespace], int]", chosen.run)(chosen)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where it can be told quietly that nobody reads it any more
    except ConfigurationError as error:
        parser.exit(_WRONG_USE, f"{parser.prog}: error: {error}\n")
    except DekafError as error:
        parser.exit(_FAILED, f"{parser.prog}: {error}\n")
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return _NOBODY_READS
    return status


def _open_standard_descriptors() -> None:
    """Open those of the standard streams that are closed: else a connection gets their number, which libuv ends for."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one


def _drop_output() -> None:
    """Have the interpreter's exit write what is left of the output to nowhere, rather than complain."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
