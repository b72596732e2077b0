"""The producers of this process: made from the settings at first use, shared by all views, tasks and commands."""

from __future__ import annotations

import logging
from typing import Any, Final, cast, final

from django.apps import apps
from typing_extensions import TypeVar

from dekaf.contrib.django.conf import APPLICATION, SETTING, aliases_with_prefix, registry_of_settings
from dekaf.contrib.django.context import USE, current_context
from dekaf.contrib.django.contextual import ContextualLookups
from dekaf.lifespans import drain_with_lifespans
from dekaf.process_lock import ProcessLock
from dekaf.producer import AsyncProducer, Producer
from dekaf.registry import ProducerRegistry, is_overridden_everywhere
from dekaf.serialization import Serializer
from dekaf.types import DrainReport

__all__ = (
    "aclose_producers",
    "adrain_producers",
    "close_producers",
    "discard_producers",
    "get_async_producer",
    "get_producer",
    "get_registry",
    "reopen_producers",
    "tell_at_next_lookup",
)

logger = logging.getLogger("dekaf.contrib.django")

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)


def get_producer(
    alias: str = "default", key: type[K] | Serializer[K] | None = None, value: type[V] | Serializer[V] | None = None
) -> Producer[K, V]:
    """Return the producer for threads of an alias, for views, tasks and commands that are plain functions.

    Call it where you produce, as it is only a look-up: a producer kept in a module would miss `override_settings` and
    the test fixture.

    Args:
        alias: Which of the producers in `settings.DEKAF`.
        key: The type of keys, or a serializer; default: what the settings say.
        value: The same for values.

    Raises:
        ConfigurationError: The settings have no such alias, or something in them is wrong.
        ProducerClosedError: The process is shutting down.

    Example:
        >>> get_producer("audit", str, AuditEvent).fire("audit-log", user.email, AuditEvent(...))
    """
    registry = _current.registry()
    if (USE.has_begun or _current.required) and _current.needs_context(alias):
        return cast("Producer[K, V]", _current.lookups(registry).producer(alias, key, value))
    return registry.producer(alias, key, value)


def get_async_producer(
    alias: str = "default", key: type[K] | Serializer[K] | None = None, value: type[V] | Serializer[V] | None = None
) -> AsyncProducer[K, V]:
    """Return the producer for coroutines of an alias, for asynchronous views; otherwise as `get_producer`."""
    registry = _current.registry()
    if (USE.has_begun or _current.required) and _current.needs_context(alias):
        return cast("AsyncProducer[K, V]", _current.lookups(registry).async_producer(alias, key, value))
    return registry.async_producer(alias, key, value)


def get_registry() -> ProducerRegistry:
    """Return the producers of this process by alias.

    Raises:
        ConfigurationError: Something is wrong in the settings.
    """
    return _current.registry()


def close_producers() -> DrainReport | None:
    """Deliver what was accepted and end the producers of this process; None if there are none. Again does nothing."""
    registry = _current.existing
    return None if registry is None else registry.close()


async def aclose_producers() -> DrainReport | None:
    """Close without blocking the event loop; otherwise as `close_producers`."""
    registry = _current.existing
    return None if registry is None else await registry.aclose()


async def adrain_producers() -> None:
    """Deliver what was accepted, and end the producers until they are asked for again."""
    registry = _current.existing
    if registry is not None and not registry.is_closed:
        await registry.aclose()
        registry.reopen()


def reopen_producers() -> None:
    """Allow producing again after a close, for a server that starts the application once more in one process."""
    if _current.existing is not None:
        _current.existing.reopen()


def discard_producers() -> None:
    """Close the producers, and make new ones from the settings at the next use; doubles stay in their place."""
    registry, _current.existing = _current.existing, None
    if registry is not None:
        _current.before = registry
        _current.forget_lookups()
        registry.close()


def tell_at_next_lookup(fault: str) -> None:
    """Log an error as soon as a producer is asked for, unless it is a double: then it matters."""
    _current.fault = fault


def _warn_unless_installed() -> None:
    if apps.ready and not apps.is_installed(APPLICATION):
        logger.warning(
            "INSTALLED_APPS is without %r: `manage.py check` does not look at %s, tests cannot override it, and Celery "
            "does not drain its producers.",
            APPLICATION,
            SETTING,
        )


@final
class _Current:
    """The registry of this process."""

    def __init__(self) -> None:
        self._lock: Final = ProcessLock()  # guards the making of it
        self.existing: ProducerRegistry | None = None
        self.before: ProducerRegistry | None = None  # with other settings
        self.fault: str | None = None
        self.required: tuple[str, ...] = ()  # aliases whose topics have to have a prefix
        self._lookups: ContextualLookups | None = None

    def needs_context(self, alias: str) -> bool:
        """Return whether a producer that is looked up here has to look at the context of each call."""
        return current_context() is not None or alias in self.required

    def lookups(self, registry: ProducerRegistry) -> ContextualLookups:
        """Return what looks up producers in a context."""
        with self._lock:
            if self._lookups is None:
                self._lookups = ContextualLookups(registry, self.required)
            return self._lookups

    def forget_lookups(self) -> None:
        """End what belongs to other settings."""
        with self._lock:
            lookups, self._lookups = self._lookups, None
        if lookups is not None:
            lookups.close()

    def registry(self) -> ProducerRegistry:
        """Return it, making it first if need be."""
        registry = self.existing
        if registry is None:
            with self._lock:
                registry = self.existing
                if registry is None:
                    registry = self.existing = self._made()
                    _warn_unless_installed()
        if self.fault is not None:
            self._tell_fault(registry)
        return registry

    def _made(self) -> ProducerRegistry:
        registry = registry_of_settings()
        self.required = aliases_with_prefix()
        if self.before is not None:
            registry.share_overrides_of(self.before)
            self.before = None
        return registry

    def _tell_fault(self, registry: ProducerRegistry) -> None:
        fault, self.fault = self.fault, None
        may_lose = any(registry.config(alias).backend == "kafka" for alias in registry.aliases)
        if fault is not None and may_lose and not is_overridden_everywhere():
            logger.error("%s", fault)


_current: Final = _Current()
drain_with_lifespans(adrain_producers)
