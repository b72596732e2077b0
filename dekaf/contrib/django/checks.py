"""What `manage.py check` says about producers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
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
            Producer.from_config(registry.config(alias).with_options(start="lazy"))  # nothing is connected for it
        except ConfigurationError as error:
            faults.append(Error(f"DEKAF, alias {alias!r}: {error}", id="dekaf.E002"))
    return faults


def check_asgi_application(**_: Any) -> list[CheckMessage]:
    """Warn if the ASGI application does not drain the producers when its server stops.

    That is `settings.ASGI_APPLICATION`; `startproject` leaves it out, and then it is the asgi.py beside the URLs.
    """
    path: object = getattr(settings, "ASGI_APPLICATION", None)
    if isinstance(path, str):
        return [] if _drains(path) else [_undrained(f"ASGI_APPLICATION = {path!r}")]
    file = _asgi_file()
    if file is None or "dekaf" in file.read_text(encoding="utf-8", errors="replace"):
        return []
    return [_undrained(str(file))]


def _drains(path: str) -> bool:
    try:
        application = import_string(path)
    except Exception:  # whatever asgi.py does when imported: the server will report it
        return True
    return is_wrapped(application)


def _asgi_file() -> Path | None:
    """Return the asgi.py of the project; not imported, because only some deployments do."""
    package = str(getattr(settings, "ROOT_URLCONF", "")).rpartition(".")[0]
    spec = None
    if package in sys.modules:  # without, looking for the module would import it
        spec = importlib.util.find_spec(f"{package}.asgi")
    path = Path(spec.origin) if spec is not None and spec.origin else None
    return path if path is not None and path.is_file() else None


def _undrained(what: str) -> CheckMessage:
    return Warning(
        f"{what} does not drain the producers: an ASGI server such as uvicorn loses the "
        "messages that still wait when it stops.",
        hint=(
            "Write in asgi.py `from dekaf.contrib.django.asgi import get_asgi_application` instead of Django's, or "
            "`application = dekaf.contrib.django.asgi.with_lifespan(application)` around another application. If "
            "it is inside a wrapper that does not show it, or only a WSGI server runs this project, silence "
            "dekaf.W001."
        ),
        id="dekaf.W001",
    )
