"""What holds for every message of a block of code: `produce_context` and `suppress`, carried by a context variable.

Threads that Django starts for synchronous code, tasks and coroutines of the block have it, too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Final, final

from dekaf.errors import ConfigurationError
from dekaf.types import Headers, HeadersLike

__all__ = ("USE", "ProduceContext", "Suppressed", "current_context", "merged", "produce_context", "suppress")


@final
class Suppressed:
    """The messages of a block that were not produced."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()  # guards count
        self.count = 0

    def add(self) -> None:
        """Count one; from any thread."""
        with self._lock:
            self.count += 1

    def __repr__(self) -> str:
        return f"<Suppressed {self.count} message(s)>"


@final
@dataclass(frozen=True, slots=True)
class ProduceContext:
    """What holds for the messages of a block.

    Args:
        topic_prefix: Goes before the name of every topic; None: nothing does, and an alias that requires one refuses.
        headers: Every message has these, unless it has its own under the same name.
        suppressed: Counts messages that are not produced; None: they are.
    """

    topic_prefix: str | None = None
    headers: Headers = field(default_factory=Headers.create)
    suppressed: Suppressed | None = None


_context: Final[ContextVar[ProduceContext | None]] = ContextVar("dekaf_produce_context", default=None)


@final
class _Use:
    """Whether any block was ever entered: until then, looking a producer up does not ask for one."""

    def __init__(self) -> None:
        self.has_begun = False


USE: Final = _Use()


def current_context() -> ProduceContext | None:
    """Return what holds here; None outside of all blocks."""
    return _context.get()


@contextmanager
def produce_context(*, topic_prefix: str | None = None, headers: HeadersLike | None = None) -> Iterator[None]:
    """Have every message of a block go to topics with a prefix, and carry headers: for a tenant, or a request's id.

    It holds for producers of `get_producer` and `get_async_producer` that are looked up in the block, and for as long
    as it lasts. Inside another one, the prefix replaces the outer one, and headers are added to the outer ones or
    replace those of the same name. Middleware is the place for it.

    Args:
        topic_prefix: Goes before the name of every topic; None leaves the outer one in place.
        headers: `Headers`, a mapping, or pairs; a message's own header of the same name goes before.

    Raises:
        ConfigurationError: The prefix is no text, or empty.
        TypeError, ValueError: The headers are none.

    Example:
        >>> with produce_context(topic_prefix=f"{tenant.slug}.", headers={"request-id": request.id}):
        ...     return get_response(request)
    """
    given: object = topic_prefix
    if given is not None and (not isinstance(given, str) or not given):
        raise ConfigurationError(
            f"produce_context: topic_prefix must be a text such as 'tenant.', not {given!r}; leave it out to have none."
        )
    outer = _context.get() or ProduceContext()
    inner = replace(outer, headers=merged(outer.headers, Headers.of(headers)))
    with _entered(inner if topic_prefix is None else replace(inner, topic_prefix=topic_prefix)):
        yield


@contextmanager
def suppress() -> Iterator[Suppressed]:
    """Produce nothing in a block: for an import, a data migration, a fixture, whose messages nobody is to get.

    Messages are checked and serialized as ever; `produce` returns metadata with the offset -1, callbacks are called,
    and what it yields counts. It holds for producers of `get_producer` and `get_async_producer` that are looked up in
    the block, as long as it lasts; those that are made by hand go on to produce.

    Example:
        >>> with suppress() as suppressed:
        ...     import_orders(file)
        >>> print(suppressed.count)
    """
    suppressed = Suppressed()
    with _entered(replace(_context.get() or ProduceContext(), suppressed=suppressed)):
        yield suppressed


def merged(outer: Headers, inner: Headers) -> Headers:
    """Return headers of which the inner ones go before outer ones of the same name."""
    names = {name for name, _ in inner}
    return Headers([*((name, value) for name, value in outer if name not in names), *inner])


@contextmanager
def _entered(context: ProduceContext) -> Iterator[None]:
    USE.has_begun = True
    token = _context.set(context)
    try:
        yield
    finally:
        _context.reset(token)
