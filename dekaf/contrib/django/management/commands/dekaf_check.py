"""`manage.py dekaf_check`: whether the project can produce from here, and at which step not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dekaf.command.check import PATIENCE, check, seconds
from dekaf.contrib.django.producers import get_registry
from dekaf.errors import ConfigurationError

__all__ = ("Command",)


class Command(BaseCommand):  # type: ignore[misc] # Django is not typed
    """Connects, which `manage.py check` never does."""

    help = "Connect to Kafka with settings.DEKAF, and say at which step that fails. Nothing is written."
    requires_system_checks: list[str] = []  # noqa: RUF012 # as Django declares it

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say which producer, and which topics."""
        parser.add_argument("alias", nargs="?", default="default", help="default: default")
        parser.add_argument("--topic", action="append", default=[], dest="topics", help="may be repeated")
        parser.add_argument("--timeout", type=seconds, default=PATIENCE, metavar="SECONDS", help="for each step")

    def handle(self, *_: Any, alias: str, topics: list[str], timeout: float, **__: Any) -> None:
        """Check.

        Raises:
            CommandError: A step failed.
        """
        try:
            config = get_registry().config(alias)
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        if config.backend != "kafka":
            raise CommandError(f"backend={config.backend!r} of {alias!r} is no Kafka to connect to.")
        if check(config, tuple(topics), timeout=timeout, tell=lambda step: self.stdout.write(str(step))):
            raise CommandError("One cannot produce from here: see the step that failed.")
