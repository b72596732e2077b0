"""allow_real_kafka: how a test says that it means a real Kafka."""

from __future__ import annotations

import contextlib
import functools
import inspect
import unittest
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast, final

from dekaf.real_kafka import GUARD

__all__ = ("allow_real_kafka",)

F = TypeVar("F", bound=Callable[..., Any])


@final
class allow_real_kafka:  # noqa: N801 # it is used as a function
    """Allow tests a real Kafka: a context manager, and a decorator of functions, fixtures and `TestCase` classes.

    Example:
        >>> with allow_real_kafka():
        ...     get_producer().produce("orders", "42", order)
        >>> @allow_real_kafka()
        ... def test_the_topic_exists(): ...
    """

    def __init__(self) -> None:
        self._entered: Final[list[contextlib.AbstractContextManager[None]]] = []

    def __enter__(self) -> None:
        permission = GUARD.permission()
        permission.__enter__()
        self._entered.append(permission)

    def __exit__(self, *_: object) -> None:
        self._entered.pop().__exit__(None, None, None)

    def __call__(self, decorated: F) -> F:
        """Return the function, or the class, with the permission around it; a generator has it until it ends."""
        if isinstance(decorated, type):
            return cast("F", _allowed_class(decorated))
        return cast("F", functools.wraps(decorated)(_allowed(decorated)))


def _allowed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of the same kind, as frameworks for tests look at that."""

    def plain(*arguments: Any, **keywords: Any) -> Any:
        with GUARD.permission():
            return function(*arguments, **keywords)

    def generator(*arguments: Any, **keywords: Any) -> Any:
        with GUARD.permission():
            yield from function(*arguments, **keywords)

    async def coroutine(*arguments: Any, **keywords: Any) -> Any:
        with GUARD.permission():
            return await function(*arguments, **keywords)

    async def async_generator(*arguments: Any, **keywords: Any) -> Any:
        with GUARD.permission():
            async for value in function(*arguments, **keywords):
                yield value

    if inspect.isgeneratorfunction(function):
        return generator
    if inspect.isasyncgenfunction(function):
        return async_generator
    return coroutine if inspect.iscoroutinefunction(function) else plain


def _allowed_class(decorated: type[Any]) -> type[Any]:
    if not issubclass(decorated, unittest.TestCase):
        raise TypeError(
            f"allow_real_kafka() decorates functions and unittest.TestCase classes; mark {decorated.__name__} with "
            "@pytest.mark.real_kafka."
        )
    original = decorated.run

    @functools.wraps(original)
    def run(self: unittest.TestCase, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        with GUARD.permission():
            return original(self, result)

    decorated.run = run  # type: ignore[method-assign] # what decorating it is for
    return decorated
