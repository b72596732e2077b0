"""What `--help` of a sub-command shows: what it does, its arguments, and examples as they are typed."""

from __future__ import annotations

import argparse
from typing import Any, final

__all__ = ("ManualFormatter", "add_command", "examples_of")


def examples_of(lines: str) -> str:
    """Return what a help ends with: lines to be typed."""
    return "examples:\n" + "\n".join(f"  {line.strip()}" for line in lines.strip().splitlines())


def add_command(commands: Any, name: str, summary: str, *, description: str, examples: str) -> argparse.ArgumentParser:
    """Add a sub-command to the sub-parsers of argparse.

    Args:
        commands: Those sub-parsers.
        name: The sub-command's.
        summary: What it does, in the list of all.
        description: The same, in sentences.
        examples: Lines to be typed, each with its `dekaf`.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=description, epilog=examples_of(examples), formatter_class=ManualFormatter
    )
    return parser


@final
class ManualFormatter(argparse.HelpFormatter):
    """Wraps paragraphs, and leaves lines alone that are several."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return text
        return super()._fill_text(text, width, indent)
