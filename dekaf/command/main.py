"""The command's arguments, and which sub-command they are for.

A sub-command is a module with `add_parser`, which says what its arguments are and sets `run` to the function that is
called with them; that returns the exit status.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, cast, final

from dekaf._version import __version__
from dekaf.command import check, config, fake, partition_for, perf, produce
from dekaf.errors import ConfigurationError

__all__ = ("main",)

_WRONG_USE = 2  # the status with which argparse ends, too


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
        The exit status: 0 if all went well, 2 if the arguments are wrong.
    """
    parser = argparse.ArgumentParser(prog="dekaf", description="Tools around the Kafka producer dekaf.")
    parser.add_argument("--version", action="version", version=f"dekaf {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Intermixed)
    for command in (produce, check, perf, config, partition_for, fake):
        command.add_parser(commands)
    chosen = parser.parse_args(arguments)
    try:
        return cast("Callable[[argparse.Namespace], int]", chosen.run)(chosen)
    except ConfigurationError as error:
        parser.exit(_WRONG_USE, f"{parser.prog}: error: {error}\n")
