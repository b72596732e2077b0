"""Dependencies that hand producers to endpoints: `Depends(get_producer)`.

They are coroutines, because a plain function would cost a change of threads per request, and take an HTTPConnection,
because a Request would leave out WebSockets.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Final, cast

from fastapi import Depends
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from typing_extensions import TypeVar

from dekaf.contrib.fastapi.aliases import note_alias
from dekaf.environment import registry_of_environment
from dekaf.errors import ConfigurationError
from dekaf.lifespans import SERVED, STATE_KEY, drain_with_lifespans, why_lost_at_stop
from dekaf.process_lock import ProcessLock
from dekaf.producer import AsyncProducer, AsyncTopicProducer, Producer, TopicProducer
from dekaf.registry import ProducerRegistry, is_overridden_everywhere
from dekaf.serialization import Serializer
from dekaf.sigterm import SigtermDrain, sigterm_drain

__all__ = (
    "ProducerDep",
    "SyncProducerDep",
    "get_producer",
    "get_registry",
    "get_sync_producer",
    "producer_for",
    "registry_of",
    "sync_producer_for",
    "sync_topic_for",
    "topic_for",
)

logger = logging.getLogger("dekaf.contrib.fastapi")

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)

_DEFAULT_ALIAS: Final = "default"
_REMEDY: Final = (
    "Write FastAPI(lifespan=dekaf_lifespan()), and have the server run lifespans: uvicorn without --lifespan off, a "
    'gunicorn worker without CONFIG_KWARGS = {"lifespan": "off"}. Or call dekaf.drain_on_sigterm() where the '
    "application is made."
)


async def get_registry(connection: HTTPConnection) -> ProducerRegistry:
    """Return the application's producers by alias.

    Raises:
        ConfigurationError: The application has no `dekaf_lifespan`, and the environment configures no producer.
    """
    return registry_of(connection)


async def get_producer(connection: HTTPConnection) -> AsyncProducer[Any, Any]:
    """Return the application's producer for coroutines: `producer: Annotated[AsyncProducer, Depends(get_producer)]`.

    Raises:
        ConfigurationError: As for `get_registry`.
        ProducerClosedError: The application has shut down.
    """
    return registry_of(connection).async_producer()


async def get_sync_producer(connection: HTTPConnection) -> Producer[Any, Any]:
    """Return the application's producer for threads, for endpoints that are plain functions; as `get_producer`."""
    return registry_of(connection).producer()


def producer_for(
    alias: str = _DEFAULT_ALIAS,
    key: type[K] | Serializer[K] | None = None,
    value: type[V] | Serializer[V] | None = None,
) -> Callable[[HTTPConnection], Coroutine[Any, Any, AsyncProducer[K, V]]]:
    """Return a dependency for the producer of an alias, with types: `Depends(producer_for("audit", str, AuditEvent))`.

    The same arguments give the same dependency, so `app.dependency_overrides[producer_for("audit")]` works.

    Args:
        alias: Which of the configured producers.
        key: The type of keys, or a serializer; default: what the alias is configured with.
        value: The same for values.
    """
    if alias == _DEFAULT_ALIAS and key is None and value is None:
        return cast("Callable[[HTTPConnection], Coroutine[Any, Any, AsyncProducer[K, V]]]", get_producer)

    async def get_producer_for(connection: HTTPConnection) -> AsyncProducer[K, V]:
        return registry_of(connection).async_producer(alias, key, value)

    return cast(
        "Callable[[HTTPConnection], Coroutine[Any, Any, AsyncProducer[K, V]]]",
        _same_for_same(("async", alias, key, value), get_producer_for, alias),
    )


def sync_producer_for(
    alias: str = _DEFAULT_ALIAS,
    key: type[K] | Serializer[K] | None = None,
    value: type[V] | Serializer[V] | None = None,
) -> Callable[[HTTPConnection], Coroutine[Any, Any, Producer[K, V]]]:
    """Return a dependency for the thread producer of an alias, for endpoints that are plain functions; as above."""
    if alias == _DEFAULT_ALIAS and key is None and value is None:
        return cast("Callable[[HTTPConnection], Coroutine[Any, Any, Producer[K, V]]]", get_sync_producer)

    async def get_sync_producer_for(connection: HTTPConnection) -> Producer[K, V]:
        return registry_of(connection).producer(alias, key, value)

    return cast(
        "Callable[[HTTPConnection], Coroutine[Any, Any, Producer[K, V]]]",
        _same_for_same(("sync", alias, key, value), get_sync_producer_for, alias),
    )


def topic_for(
    topic: str,
    key: type[K] | Serializer[K] | None = None,
    value: type[V] | Serializer[V] | None = None,
    *,
    alias: str = _DEFAULT_ALIAS,
) -> Callable[[HTTPConnection], Coroutine[Any, Any, AsyncTopicProducer[K, V]]]:
    """Return a dependency for one topic, with types: `Depends(topic_for("orders", str, Order))`.

    The endpoint then awaits `orders.produce(order.id, order)`. The same arguments give the same dependency.

    Args:
        topic: The topic that everything goes to.
        key: The type of keys, or a serializer; default: what the alias is configured with.
        value: The same for values.
        alias: Which of the configured producers.
    """

    async def get_topic(connection: HTTPConnection) -> AsyncTopicProducer[K, V]:
        return registry_of(connection).async_producer(alias, key, value).for_topic(topic)

    return cast(
        "Callable[[HTTPConnection], Coroutine[Any, Any, AsyncTopicProducer[K, V]]]",
        _same_for_same(("async topic", topic, alias, key, value), get_topic, alias),
    )


def sync_topic_for(
    topic: str,
    key: type[K] | Serializer[K] | None = None,
    value: type[V] | Serializer[V] | None = None,
    *,
    alias: str = _DEFAULT_ALIAS,
) -> Callable[[HTTPConnection], Coroutine[Any, Any, TopicProducer[K, V]]]:
    """Return a dependency for one topic, for endpoints that are plain functions; as `topic_for`."""

    async def get_sync_topic(connection: HTTPConnection) -> TopicProducer[K, V]:
        return registry_of(connection).producer(alias, key, value).for_topic(topic)

    return cast(
        "Callable[[HTTPConnection], Coroutine[Any, Any, TopicProducer[K, V]]]",
        _same_for_same(("sync topic", topic, alias, key, value), get_sync_topic, alias),
    )


ProducerDep = Annotated[AsyncProducer[Any, Any], Depends(get_producer)]
SyncProducerDep = Annotated[Producer[Any, Any], Depends(get_sync_producer)]

_dependencies: Final[dict[object, object]] = {}  # made where endpoints are defined, so no more than those


def _same_for_same(arguments: tuple[object, ...], dependency: object, alias: str) -> object:
    with contextlib.suppress(TypeError):  # of a serializer that has no hash
        dependency = _dependencies.setdefault(arguments, dependency)
    note_alias(dependency, alias)
    return dependency


note_alias(get_producer, _DEFAULT_ALIAS)
note_alias(get_sync_producer, _DEFAULT_ALIAS)


def registry_of(source: Starlette | HTTPConnection | Mapping[str, Any], /) -> ProducerRegistry:
    """Return an application's producers by alias, where there are no dependencies: in middleware, tasks, schedulers.

    Args:
        source: The application, while its lifespan runs; or a request, a WebSocket, or an ASGI scope.

    Raises:
        ConfigurationError: The application has no `dekaf_lifespan`, and the environment configures no producer.

    Example:
        >>> registry_of(app).async_producer("audit", str, AuditEvent).fire("audit-log", user.email, AuditEvent(...))
    """
    scope = source.scope if isinstance(source, HTTPConnection) else source
    if isinstance(scope, Starlette):
        scope = {"app": scope}
    # The lifespan's state first: in a mounted sub-application, scope["app"] is that one, whose lifespan never ran.
    state = scope.get("state")
    registry = state.get(STATE_KEY) if state else None
    if registry is None or registry is SERVED:  # an application around this one drains
        registry = getattr(getattr(scope.get("app"), "state", None), STATE_KEY, None)
    return _without_lifespan(scope) if registry is None else cast("ProducerRegistry", registry)


_process_lock: Final = ProcessLock()  # guards _of_process
_of_process: Final[list[ProducerRegistry]] = []


def _without_lifespan(scope: Mapping[str, Any]) -> ProducerRegistry:
    """Return what there is where no `dekaf_lifespan` ran."""
    if is_overridden_everywhere():
        return ProducerRegistry.without_configuration()
    with _process_lock:
        if not _of_process:
            registry = registry_of_environment()
            if registry is None:
                raise ConfigurationError(
                    "No producers: the lifespan of dekaf did not run. Write\n"
                    "    app = FastAPI(lifespan=dekaf_lifespan(settings))\n"
                    "or, in a lifespan of your own, `async with dekaf_lifespan(settings)(app) as state: yield state`. "
                    "In tests, use `with TestClient(app)`, or the fixture `kafka`. A mounted application finds the "
                    "producers of the outer one, which has to have the lifespan."
                )
            _of_process.append(registry)
            _say_what_drains(scope)
        return _of_process[0]


def _say_what_drains(scope: Mapping[str, Any]) -> None:
    """Say that nothing does, or only the interpreter's exit; nothing where a lifespan around it, or SIGTERM, does."""
    if STATE_KEY in (scope.get("state") or {}) or sigterm_drain() is SigtermDrain.IN_FORCE:
        return
    fault = why_lost_at_stop(scope, _REMEDY)
    if fault is not None:
        logger.error("Producers were made from DEKAF_… of the environment. %s", fault)
        return
    logger.warning(
        "No lifespan of dekaf ran, so producers were made from DEKAF_… of the environment; they are drained when the "
        "interpreter exits, which not every server lets happen. %s",
        _REMEDY,
    )


async def _adrain_process() -> None:
    """Deliver what was accepted without a lifespan, at the end of one around it."""
    for registry in _of_process:
        await registry.aclose()
        registry.reopen()


drain_with_lifespans(_adrain_process)
