"""`manage.py dekaf_produce`: the lines of a file, with the project's producer."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dekaf.command.produce import add_message_arguments, produce_lines
from dekaf.contrib.django.producers import get_registry
from dekaf.errors import ConfigurationError

__all__ = ("Command",)


class Command(BaseCommand):  # type: ignore[misc] # Django is not typed
    """`dekaf produce` with `settings.DEKAF`."""

    help = "Produce a message for each line of a file, or of the standard input, with settings.DEKAF."
    requires_system_checks: list[str] = []  # noqa: RUF012 # as Django declares it

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what to produce."""
        add_message_arguments(parser)
        parser.add_argument("--alias", default="default", help="of the producer; default: default")

    def handle(self, *_: Any, **given: Any) -> None:
        """Produce; the exit status is that of `dekaf produce`.

        Raises:
            CommandError: Something in the settings or the arguments is wrong.
        """
        try:
            status = produce_lines(get_registry().config(given["alias"]), Namespace(**given))
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=2) from error
        if status:
            sys.exit(status)
