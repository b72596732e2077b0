"""check_wiring: find the parameters into which `@inject` would put a marker instead of what it stands for.

dependency-injector says nothing about most mistakes: the endpoint runs, answers 200, and has a `Provide` object where
the service should be. What is looked at are the functions that a server would call.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Annotated, Any, Final

from dependency_injector import wiring

from dekaf.errors import ConfigurationError

__all__ = ("check_wiring",)

_MARKERS: Final[Any] = (wiring.Provide, wiring.Provider, wiring.Closing)  # Any: type checkers are told of no classes
_STARTS_OF_MARKERS: Final = ("Provide[", "Provider[", "Closing[")


def check_wiring(*where: object) -> None:
    """Raise if anything that is to be injected would not be.

    Call it where the application is complete: its containers wired, its routes included.

    Args:
        where: FastAPI or Starlette applications and routers, whose endpoints and dependencies are looked at; modules,
            such as those of Django's views, whose functions and classes are; or functions and classes themselves.

    Raises:
        ConfigurationError: Some parameters would get a marker; the text names all of them, and what to change.

    Example:
        >>> container.wire(modules=[views])
        >>> check_wiring(app, views)
    """
    faults = dict.fromkeys(fault for one in where for function in _functions(one) for fault in _faults(function))
    if faults:
        raise ConfigurationError("\n".join(["dependency-injector would inject nothing here:", *faults]))


# What is looked at.


def _functions(where: object) -> Iterator[Callable[..., Any]]:
    if isinstance(where, ModuleType):
        for value in vars(where).values():
            if getattr(value, "__module__", None) == where.__name__:
                yield from _functions(value)
    elif isinstance(where, type):
        for value in vars(where).values():
            yield from _functions(getattr(value, "__func__", value))  # static and class methods
    elif isinstance(where, FunctionType) or _is_patched(where):
        yield typing.cast("Callable[..., Any]", where)
    elif isinstance(getattr(where, "routes", None), list):
        for route in where.routes:  # type: ignore[attr-defined] # it is asked for above
            yield from _functions_of_route(route)


def _functions_of_route(route: Any) -> Iterator[Callable[..., Any]]:
    # Newer versions of FastAPI do not copy the routes of a router that is included, but look through it.
    endpoint = getattr(route, "endpoint", None) or getattr(route, "original_router", None)
    if endpoint is not None:
        yield from _functions(endpoint)
    yield from _functions_of_dependant(getattr(route, "dependant", None))
    yield from _functions(getattr(route, "app", None) if endpoint is None else None)  # an application mounted there


def _functions_of_dependant(dependant: Any) -> Iterator[Callable[..., Any]]:
    for dependency in getattr(dependant, "dependencies", ()):
        if not isinstance(dependency.call, _MARKERS):
            yield from _functions(dependency.call)
        yield from _functions_of_dependant(dependency)


# What is wrong with it.


def _faults(function: Callable[..., Any]) -> Iterator[str]:
    patched = _patched_of(function)
    for name, marker in _marked(function):
        where = f"  {function.__module__}.{function.__qualname__}({name}): "
        if patched is None and isinstance(marker, str):
            yield where + (
                "`from __future__ import annotations` hides Annotated from @inject: write "
                f"`{name} = Depends({marker})` or, without FastAPI, `{name} = {marker}`"
            )
        elif patched is None:
            yield where + "@inject is missing, or stands above the decorator of the route: it belongs right above `def`"
        elif name not in patched.injections:
            yield where + (
                f"the container is not wired to {function.__module__}, or its marker is that of another container: "
                f"container.wire(modules=[...]), and Provide[Application.kafka.producer] where yours nests ours"
            )


def _marked(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """Yield the parameters to be injected, each with its marker, or with the marker's text if only that is there."""
    for name, parameter in inspect.signature(function).parameters.items():
        annotation = parameter.annotation
        metadata = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is Annotated else ()
        marker = next(filter(None, map(_marker_in, (parameter.default, *metadata))), None)
        if marker is not None:
            yield name, marker
        elif isinstance(annotation, str) and (text := _text_of_marker(annotation)):
            yield name, text


def _marker_in(value: object) -> object | None:
    """Return the marker that a default or a piece of an annotation is, or that FastAPI's `Depends` holds."""
    inner = getattr(value, "dependency", value)
    return inner if isinstance(inner, _MARKERS) else None


def _text_of_marker(annotation: str) -> str | None:
    start = min((at for word in _STARTS_OF_MARKERS if (at := annotation.find(word)) >= 0), default=-1)
    if start < 0 or not annotation.startswith(("Annotated[", "typing.Annotated[", "t.Annotated[")):
        return None
    return annotation[start : annotation.find("]", start) + 1]


def _is_patched(value: object) -> bool:
    return callable(value) and _patched_of(value) is not None


def _patched_of(function: object) -> wiring.PatchedCallable | None:
    """Return what dependency-injector knows of a function, if `@inject` made it."""
    try:
        return wiring._patched_registry.get_callable(function)  # type: ignore[arg-type] # noqa: SLF001 # no public one
    except TypeError:  # it has no hash
        return None
