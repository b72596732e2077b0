"""ProducerContainer: producers as providers of dependency-injector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Final, final

from dependency_injector import containers, providers
from typing_extensions import TypeVar

from dekaf.errors import ConfigurationError, ProducerClosedError
from dekaf.process_lock import ProcessLock
from dekaf.producer import AsyncProducer, Producer
from dekaf.producer.masked import Masked
from dekaf.registry import Face, ProducerRegistry, is_overridden_everywhere
from dekaf.serialization import Serializer

__all__ = ("ProducerContainer", "RegistryResource")

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)

_DEFAULT_ALIAS: Final = "default"
_SOURCE: Final = "ProducerContainer.config"


class RegistryResource(providers.Resource[ProducerRegistry]):
    """A resource that is made once, however many threads ask first, and not again after its shutdown.

    A plain one is made by every thread that comes before it is there, and silently anew when used after its shutdown.
    An explicit `init`, as by `init_resources()`, opens it again.
    """

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        self._lock: Final = ProcessLock()  # guards what follows, and the making of the registry
        self._registry: ProducerRegistry | None = None
        self._is_shut_down = False
        super().__init__(*arguments, **keywords)

    def _provide(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> ProducerRegistry:
        registry = self._registry
        if registry is not None:
            return registry
        with self._lock:
            if self._is_shut_down:
                raise ProducerClosedError(
                    "The container's producers were shut down by shutdown_resources(); init_resources() makes new ones."
                )
            self._registry = super()._provide(arguments, keywords)  # type: ignore[misc] # not in its stubs
            return self._registry

    def init(self) -> Any:  # the stubs mean asynchronous resources only
        """Make the registry, also after a shutdown."""
        with self._lock:
            self._is_shut_down = False
            return self()

    def shutdown(self) -> None:
        """Close the registry, which drains the producers; on a thread that runs an event loop, too."""
        with self._lock:
            self._is_shut_down = True
            self._registry = None
        super().shutdown()  # it waits for the brokers: not under the lock


def open_registry(config: object, container: containers.Container) -> Iterator[ProducerRegistry]:
    """Make the registry of a container from its configuration; close it in the end."""
    given = Masked(config)
    del config
    if given.reveal() or not is_overridden_everywhere():
        if not given.reveal():
            raise ConfigurationError(
                f"{_SOURCE} is empty. Fill it before a producer is asked for: ProducerContainer(config={{...}}), or "
                "providers.Container(ProducerContainer, config=config.kafka). In the body of a container's class, "
                'kafka.producers("audit") asks at once: write providers.Callable(kafka.producers, "audit").'
            )
        registry = ProducerRegistry(given, source=_SOURCE, find_double=_Overriding(container))
    else:
        registry = ProducerRegistry.without_configuration()
    with registry:
        yield registry


def producer_of(
    registry: ProducerRegistry,
    alias: str = _DEFAULT_ALIAS,
    key: type[K] | Serializer[K] | None = None,
    value: type[V] | Serializer[V] | None = None,
) -> Producer[K, V]:
    """Return a registry's producer for threads."""
    return registry.producer(alias, key, value)


def async_producer_of(
    registry: ProducerRegistry,
    alias: str = _DEFAULT_ALIAS,
    key: type[K] | Serializer[K] | None = None,
    value: type[V] | Serializer[V] | None = None,
) -> AsyncProducer[K, V]:
    """Return a registry's producer for coroutines."""
    return registry.async_producer(alias, key, value)


class ProducerContainer(containers.DeclarativeContainer):
    """The producers of an application as providers.

    Overriding any of these providers reaches all of them, and everything else that uses the same registry.

    Attributes:
        config: The options of one producer or of many by alias, as for `ProducerRegistry`. They are read when the first
            producer is asked for.
        registry: The producers by alias; `shutdown_resources()` drains and closes them.
        producers: The producer for threads of an alias: `producers("audit")`, `producers("audit", str, AuditEvent)`.
        async_producers: The same for coroutines.
        producer: The producer for threads of the alias "default".
        async_producer: The same for coroutines.

    Raises:
        ConfigurationError: When a producer is asked for: something is wrong in the configuration.
        ProducerClosedError: When a producer is asked for after `shutdown_resources()`.

    Example:
        >>> class Application(containers.DeclarativeContainer):
        ...     config = providers.Configuration()
        ...     kafka = providers.Container(ProducerContainer, config=config.kafka)
        ...     orders = providers.Factory(OrderService, producer=kafka.async_producer)
        ...     audit = providers.Factory(AuditService, producer=providers.Callable(kafka.producers, "audit"))
    """

    __self__ = providers.Self()

    config = providers.Configuration()
    registry = RegistryResource(open_registry, config, __self__)
    producers = providers.Callable(producer_of, registry)
    async_producers = providers.Callable(async_producer_of, registry)
    producer = providers.Callable(producer_of, registry, _DEFAULT_ALIAS)
    async_producer = providers.Callable(async_producer_of, registry, _DEFAULT_ALIAS)


@final
class _Overriding:
    """Finds what overrides a container's providers, for its registry to hand it out as well."""

    def __init__(self, container: Any) -> None:
        self._registry: Final = container.registry
        self._all: Final = (
            container.producer,
            container.async_producer,
            container.producers,
            container.async_producers,
            container.registry,
        )
        self._asking: Final = threading.local()

    def __call__(self, alias: str, face: Face) -> object | None:
        """Return the double of an alias; None if there is none."""
        for provider in self._all:
            if provider.last_overriding is not None:
                break
        else:
            return None
        if getattr(self._asking, "is_under_way", False):
            return None  # the overriding provider asks for the real one, to wrap it
        self._asking.is_under_way = True
        try:
            return self._double(alias, face)
        finally:
            self._asking.is_under_way = False

    def _double(self, alias: str, face: Face) -> object | None:
        """Return the most specific override: first of this very face, then of the other one."""
        order = (0, 1, 2, 3) if face is Face.THREADS else (1, 0, 3, 2)
        for provider, is_for_default in ((self._all[index], index < 2) for index in order):
            if provider.last_overriding is None or (is_for_default and alias != _DEFAULT_ALIAS):
                continue
            double: object = provider() if is_for_default else provider(alias)
            return double
        if self._registry.last_overriding is None:
            return None
        registry: ProducerRegistry = self._registry()
        return registry.producer(alias) if face is Face.THREADS else registry.async_producer(alias)
