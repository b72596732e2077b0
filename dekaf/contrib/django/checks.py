"""What `manage.py check` says about producers."""

from __future__ import annotations

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 # Django's name for it
from django.utils.module_loading import import_string

from dekaf.contrib.django.asgi import is_wrapped
from dekaf.contrib.django.conf import registry_of_settings
from dekaf.errors import ConfigurationError
from dekaf.producer import Producer

__all__ = ("check_asgi_application", "check_setting", "register_checks")

TAG: Final = "dekaf"


def register_checks() -> None:
    """Have Django run these checks."""
    register(check_setting, TAG)
    register(check_asgi_application, TAG)


def check_setting(**_: Any) -> list[CheckMessage]:
    """Report what is wrong in `settings.DEKAF`, down to extras that are not installed; nothing is connected for it."""
    try:
        registry = registry_of_settings()
    except ConfigurationError as error:
        return [Error(str(error), id="dekaf.E001")]
    faults: list[CheckMessage] = []
    for alias in registry.aliases:
        try:
            Producer.from_config(registry.config(alias))
        except ConfigurationError as error:
            faults.append(Error(f"DEKAF, alias {alias!r}: {error}", id="dekaf.E002"))
    return faults


def check_asgi_application(**_: Any) -> list[CheckMessage]:
    """Warn if `settings.ASGI_APPLICATION` does not drain the producers when its server stops."""
    path: object = getattr(settings, "ASGI_APPLICATION", None)
    if not isinstance(path, str):
        return []
    try:
        application = import_string(path)
    except Exception:  # whatever asgi.py does when imported: the server will report it
        return []
    if is_wrapped(application):
        return []
    return [
        Warning(
            f"ASGI_APPLICATION = {path!r} does not drain the producers: an ASGI server such as uvicorn loses the "
            "messages that still wait when it stops.",
            hint=(
                "Write in asgi.py `from dekaf.contrib.django.asgi import get_asgi_application` instead of Django's, or "
                "`application = dekaf.contrib.django.asgi.with_lifespan(application)` around another application. If "
                "it is inside a wrapper that does not show it, silence dekaf.W001."
            ),
            id="dekaf.W001",
        )
    ]
