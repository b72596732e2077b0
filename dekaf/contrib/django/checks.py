"""What `manage.py check` says about producers."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 # Django's name for it
from django.utils.module_loading import import_string

from dekaf.contrib.django.asgi import is_wrapped
from dekaf.contrib.django.conf import PREFIX_SETTING, aliases_with_prefix, registry_of_settings
from dekaf.contrib.django.probes import probes_of_settings
from dekaf.errors import ConfigurationError
from dekaf.producer import Producer, ProducerConfig
from dekaf.registry import ProducerRegistry
from dekaf.types import Acks

__all__ = ("check_asgi_application", "check_deployment", "check_setting", "register_checks")

TAG: Final = "dekaf"

_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # names it, binds nothing


def register_checks() -> None:
    """Have Django run these checks."""
    register(check_setting, TAG)
    register(check_asgi_application, TAG)
    register(check_deployment, TAG, deploy=True)


def check_setting(**_: Any) -> list[CheckMessage]:
    """Report what is wrong in `settings.DEKAF`, down to extras that are not installed; nothing is connected for it."""
    try:
        registry = registry_of_settings()
    except ConfigurationError as error:
        return [Error(str(error), id="dekaf.E001")]
    faults: list[CheckMessage] = [*_prefix_faults(registry), *_probes_faults()]
    for alias in registry.aliases:
        try:
            Producer.from_config(registry.config(alias).with_options(start="lazy"))  # nothing is connected for it
        except ConfigurationError as error:
            faults.append(Error(f"DEKAF, alias {alias!r}: {error}", id="dekaf.E002"))
    return faults


def _prefix_faults(registry: ProducerRegistry) -> list[CheckMessage]:
    try:
        unknown = [alias for alias in aliases_with_prefix() if alias not in registry.aliases]
    except ConfigurationError as error:
        return [Error(str(error), id="dekaf.E003")]
    return [
        Error(f"{PREFIX_SETTING} names {alias!r}, which is no alias of DEKAF.", id="dekaf.E003") for alias in unknown
    ]


def _probes_faults() -> list[CheckMessage]:
    try:
        probes_of_settings()
    except ConfigurationError as error:
        return [Error(str(error), id="dekaf.E004")]
    return []


def check_deployment(**_: Any) -> list[CheckMessage]:
    """Warn, with `check --deploy`, of what is fine on a developer's machine alone."""
    try:
        registry = registry_of_settings()
    except ConfigurationError:  # check_setting says so
        return []
    return [
        Warning(f"DEKAF, alias {alias!r}: {fault}", hint=hint, id=number)
        for alias in registry.aliases
        for number, fault, hint in _unfit(registry.config(alias))
    ]


def _unfit(config: ProducerConfig) -> Iterator[tuple[str, str, str]]:
    """Yield what a configuration is not fit for production by: the warning's id, the fault, the hint."""
    if config.backend != "kafka":
        yield "dekaf.W002", f"backend={config.backend!r} sends nothing to Kafka.", "Leave backend out."
        return
    if config.shows_credentials:
        yield (
            "dekaf.W003",
            f"sasl_mechanism={config.sasl_mechanism!r} over SASL_PLAINTEXT shows the password or token to the network.",
            "Write security_protocol='SASL_SSL', or use SCRAM.",
        )
    if config.acks is not Acks.ALL:
        yield (
            "dekaf.W004",
            f"acks={config.acks.name.lower()!r} loses messages when a broker does.",
            "Leave acks out, or silence dekaf.W004 where that is meant.",
        )
    local = [host for host, _ in config.bootstrap_endpoints if host.lower() in _LOCAL]
    if local:
        yield (
            "dekaf.W005",
            f"bootstrap_servers names {local[0]}, which is this very machine, or the container.",
            "Write the addresses of your brokers, from the environment for one.",
        )


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
