"""Which producers the routes of an application name: `producer_for("audit")` shows at the start if there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from starlette.applications import Starlette

from dekaf.errors import ConfigurationError
from dekaf.registry import ProducerRegistry

__all__ = ("note_alias", "refuse_unknown_aliases")

_alias_of: Final[dict[object, str]] = {}  # by dependency; made where endpoints are defined, so no more than those


def note_alias(dependency: object, alias: str) -> None:
    """Remember which producer a dependency asks for."""
    _alias_of[dependency] = alias


def refuse_unknown_aliases(app: Starlette, registry: ProducerRegistry) -> None:
    """Refuse an application with a route, its own or of one that is mounted, that asks for a producer there is not.

    Args:
        app: The application; what it overrides in `dependency_overrides` asks for nothing.
        registry: Its producers. One without configuration, in tests, has whatever is asked for.

    Raises:
        ConfigurationError: There is such a route.
    """
    if not registry.aliases:
        return
    faults: list[str] = []
    for path, alias in _named(app, ""):
        try:
            registry.config(alias)
        except ConfigurationError as error:
            faults.append(f"{path}: {error}")
    if faults:
        raise ConfigurationError("\n".join(dict.fromkeys(faults)))


def _named(app: Any, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of routes, each with an alias that it asks for."""
    overridden = app.dependency_overrides if isinstance(app, FastAPI) else {}
    for route in _routes_of(app):
        path = f"{prefix}{getattr(route, 'path', '')}"
        dependant = getattr(route, "dependant", None)
        if isinstance(dependant, Dependant):
            yield from ((path, alias) for alias in _aliases_in(dependant, overridden))
        else:  # a mounted application, or a router
            yield from _named(getattr(route, "app", None), path)


def _routes_of(app: Any) -> Iterator[Any]:
    for route in getattr(app, "routes", ()):
        # Newer versions of FastAPI do not copy the routes of a router that is included, but look through it.
        inside = getattr(route, "effective_route_contexts", None)
        if inside is None:
            yield route
        else:
            yield from inside()


def _aliases_in(dependant: Dependant, overridden: dict[Any, Any]) -> Iterator[str]:
    for inner in dependant.dependencies:
        if inner.call in overridden:
            continue
        alias = _alias_of.get(inner.call)
        if alias is not None:
            yield alias
        yield from _aliases_in(inner, overridden)
