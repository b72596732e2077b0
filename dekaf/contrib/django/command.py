"""DrainingCommand: a management command whose messages are delivered when SIGTERM ends it, as in a Kubernetes Job."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from dekaf.sigterm import drain_on_sigterm

__all__ = ("DrainingCommand",)


class DrainingCommand(BaseCommand):  # type: ignore[misc] # Django is not typed
    """Derive from it in place of Django's `BaseCommand`.

    SIGTERM, which by itself ends Python at once, then raises `SystemExit(143)` in `handle`: its `finally` blocks run,
    transactions are rolled back, and what was fired is delivered. A second SIGTERM kills. Where another program calls
    the command, by `call_command`, signals stay that program's.

    Example:
        >>> class Command(DrainingCommand):
        ...     def handle(self, **options: Any) -> None:
        ...         for order in Order.objects.iterator():
        ...             get_producer().fire("orders", str(order.pk), order.as_event())
    """

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as `manage.py` does, which is the only one to run it so."""
        drain_on_sigterm()
        super().run_from_argv(argv)
