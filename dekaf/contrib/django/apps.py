"""DekafConfig: what Django loads for `"dekaf.contrib.django"` in `INSTALLED_APPS`."""

from __future__ import annotations

from django.apps import AppConfig

from dekaf.contrib.django.asgi import watch_requests
from dekaf.contrib.django.checks import register_checks
from dekaf.contrib.django.environment_of_tests import follow_tests
from dekaf.contrib.django.shutdown import close_with_celery, follow_settings

__all__ = ("DekafConfig",)


class DekafConfig(AppConfig):  # type: ignore[misc] # Django is not typed
    """Registers checks and hooks, and no more: producers are made when first used, in the process that uses them."""

    name = "dekaf.contrib.django"
    label = "dekaf"
    verbose_name = "Dekaf"

    def ready(self) -> None:
        """Do no network I/O: this runs in every management command, and in masters that only fork."""
        register_checks()
        follow_settings()
        close_with_celery()
        watch_requests()
        follow_tests()
