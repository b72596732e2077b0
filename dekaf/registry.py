"""ProducerRegistry: the producers of one process by alias; made when first asked for, replaced in tests, closed as one.

The adapters for web frameworks and containers are thin layers over it, so one override reaches all of them.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
import time
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Final, Generic, Self, cast, final

from typing_extensions import TypeVar

from dekaf.errors import ConfigurationError, ProducerClosedError
from dekaf.metrics import ProducerMetrics
from dekaf.nearest_name import nearest_name
from dekaf.process_lock import ProcessLock
from dekaf.producer._core.core import ProducerCore
from dekaf.producer.async_producer import AsyncProducer, close_all
from dekaf.producer.config import ProducerConfig
from dekaf.producer.masked import masked, without_frames
from dekaf.producer.options import LONGEST_CLIENT_ID
from dekaf.producer.produced import MemoryPlace, ProducedMessages
from dekaf.producer.sync_producer import Producer, close_all_blocking
from dekaf.real_kafka import GUARD
from dekaf.serialization import Serializer, SerializerSpec, serializer_for
from dekaf.types import DrainReport, Field

__all__ = (
    "Face",
    "Override",
    "ProducerRegistry",
    "clear_memories",
    "disabled_producer",
    "is_overridden_everywhere",
    "override_everywhere",
)

K = TypeVar("K", default=Any)
V = TypeVar("V", default=Any)
DoubleT = TypeVar("DoubleT")

DEFAULT_ALIAS: Final = "default"
_UNCONFIGURED: Final = object()
_FAILURES_SHOWN: Final = 16  # as many as the report of one producer holds


class Face(Enum):
    """The two faces of a producer."""

    THREADS = "threads"
    COROUTINES = "coroutines"


FindDouble = Callable[[str, Face], object | None]
_Faces = dict[tuple[str, object, object], object]  # by alias, key and value


@final
class Override(Generic[DoubleT]):
    """A double in the place of producers, from the call that returned this until `end` or the end of a `with` block."""

    def __init__(self, alias: str | None, double: DoubleT, on_end: Callable[[Override[Any]], None]) -> None:
        self.alias: Final = alias  # None: every alias
        self.double: Final = double
        self.order: Final = next(_orders)
        self._on_end: Final = on_end

    def end(self) -> None:
        """Take the double out again; whatever it replaced, maybe another double, is back."""
        self._on_end(self)

    def __enter__(self) -> DoubleT:
        return self.double

    def __exit__(self, *_: object) -> None:
        self.end()


# Of overrides of one alias, of all, and of all registries, the latest wins.
_orders: Final = itertools.count()
_module_lock: Final = ProcessLock()  # guards _everywhere and _live
_everywhere: Final[list[Override[Any]]] = []
_live: Final[weakref.WeakSet[ProducerRegistry]] = weakref.WeakSet()


class ProducerRegistry:
    """The producers of a process by alias.

    Every alias has one engine, made when it is first asked for; `producer` and `async_producer` return views of it, so
    closing what they return does nothing. Making a registry, or a producer, does no network I/O. A registry may be used
    from any thread, and in forked children.

    Ask it for a producer where you need one, as it costs no more than a look-up in a dictionary: an override reaches
    every caller that asks from then on, not one that kept a producer from before.

    Args:
        config: The options of one producer, or those of many by alias, as a mapping or a settings object with such
            attributes; or a `ProducerConfig`. They are many if every value is a mapping and no name is an option.
            Options may be in upper case. Of an object that has it, the attribute `dekaf` or `DEKAF` is taken. It may be
            masked.
        source: Where the configuration comes from, for errors.
        find_double: Asked at every look-up, by alias and face, for a double to be used instead; None means none.

    Raises:
        ConfigurationError: An option is unknown, wrong or contradicts another; or options and aliases are mixed.

    Example:
        >>> registry = ProducerRegistry(
        ...     {
        ...         "default": {"bootstrap_servers": "localhost:9092"},
        ...         "audit": {"bootstrap_servers": "audit-kafka:9092", "linger_ms": 50},
        ...     }
        ... )
        >>> registry.producer("audit", str, AuditEvent).fire("audit-log", "42", event)
        >>> registry.close()
    """

    def __init__(self, config: object, *, source: str = "DEKAF", find_double: FindDouble | None = None) -> None:
        self._is_closed = False
        self._source: Final = source
        given = masked(config)
        del config  # a traceback may show local variables, and there are passwords among these
        self._configs: Final = (
            {} if given.reveal() is _UNCONFIGURED else without_frames(lambda: _configs_of(given.reveal(), source))
        )
        self._find_double: Final = find_double
        self._lock: Final = ProcessLock()  # guards what follows
        self._owners: Final[dict[str, AsyncProducer[Any, Any]]] = {}
        self._overrides: list[Override[Any]] = []
        self._views: Final[dict[Face, _Faces]] = {face: {} for face in Face}  # of the real producers
        self._faces: Final[dict[Face, _Faces]] = {
            face: {} for face in Face
        }  # what is handed out now: views, or doubles
        self._sync_faces: Final = self._faces[Face.THREADS]
        self._async_faces: Final = self._faces[Face.COROUTINES]
        with _module_lock:
            _live.add(self)

    @classmethod
    def without_configuration(cls) -> Self:
        """Return a registry for tests of an application that is not configured.

        While `override_everywhere` is active it knows every alias, otherwise none.
        """
        return cls(_UNCONFIGURED)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that are configured."""
        return tuple(self._configs)

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return self._is_closed

    def config(self, alias: str = DEFAULT_ALIAS) -> ProducerConfig:
        """Return the configuration of an alias.

        Raises:
            ConfigurationError: There is no such alias.
        """
        config = self._configs.get(alias)
        if config is None:
            raise self._unknown_alias_error(alias)
        return config

    # Looking up.

    def producer(
        self,
        alias: str = DEFAULT_ALIAS,
        key: type[K] | Serializer[K] | None = None,
        value: type[V] | Serializer[V] | None = None,
    ) -> Producer[K, V]:
        """Return the producer for threads of an alias; the same one for the same alias and types.

        Args:
            alias: Which of the configured producers.
            key: The type of keys, or a serializer; default: what the alias is configured with.
            value: The same for values.

        Raises:
            ConfigurationError: There is no such alias, or its producer cannot be made as configured.
            ProducerClosedError: The registry is closed.
        """
        found = None if self._find_double is None else self._find_double(alias, Face.THREADS)
        face = _look_up(self._sync_faces, (alias, key, value)) if found is None else None
        return cast("Producer[K, V]", self._find(Face.THREADS, alias, key, value, found) if face is None else face)

    def async_producer(
        self,
        alias: str = DEFAULT_ALIAS,
        key: type[K] | Serializer[K] | None = None,
        value: type[V] | Serializer[V] | None = None,
    ) -> AsyncProducer[K, V]:
        """Return the producer for coroutines of an alias; arguments and errors as for `producer`."""
        found = None if self._find_double is None else self._find_double(alias, Face.COROUTINES)
        face = _look_up(self._async_faces, (alias, key, value)) if found is None else None
        return cast(
            "AsyncProducer[K, V]", self._find(Face.COROUTINES, alias, key, value, found) if face is None else face
        )

    def _find(self, kind: Face, alias: str, key: Any, value: Any, found: object | None) -> object:
        with self._lock:
            if self._is_closed:
                raise ProducerClosedError(
                    f"The producers of {self._source} are closed, as happens when the application shuts down."
                )
            double: Any = self._overriding(alias)
            double = found if double is None else double
            config = self._configs.get(alias)
            if config is None and (self._configs or double is None):
                raise self._unknown_alias_error(alias)
            if double is None:
                return self._view(kind, alias, key, value)
            if hasattr(type(double), "double_for"):
                double = double.double_for(alias, config)
            face = _typed(
                _as_face(double, kind, alias), _spec(key, config, Field.KEY), _spec(value, config, Field.VALUE)
            )
            if found is None:  # others may find another one next time
                _keep(self._faces[kind], alias, key, value, face)
            return face

    def _view(self, kind: Face, alias: str, key: Any, value: Any) -> object:
        view = _look_up(self._views[kind], (alias, key, value))
        if view is None:
            owner = self._owners.get(alias)
            if owner is None:
                owner = self._owners[alias] = self._owner(alias)
            face = owner if kind is Face.COROUTINES else cast("Producer[Any, Any]", owner.as_sync())
            view = face.typed(key, value)  # also without types: the owner is closed by the registry alone
            _keep(self._views[kind], alias, key, value, view)
        _keep(self._faces[kind], alias, key, value, view)
        return view

    def _owner(self, alias: str) -> AsyncProducer[Any, Any]:
        config = self._configs[alias]
        if config.backend != "kafka":
            return AsyncProducer.from_config(config)
        # Without the registry: one that is dropped ends at once, not when the next collection finds a circle.
        refusal = functools.partial(_refusal_error, self._source, alias, config)
        return AsyncProducer(_core=ProducerCore(config, None, refusal))

    def _enforce_guard(self) -> None:
        with self._lock:
            owners = self._owners.copy()
        for alias, owner in owners.items():
            config = self._configs[alias]
            if config.backend == "kafka" and _refusal_error(self._source, alias, config) is not None:
                owner._core.suspend()  # noqa: SLF001 # it is this registry's own

    def _clear_memories(self) -> None:
        with self._lock:
            owners = self._owners.copy()
        for alias, owner in owners.items():
            if self._configs[alias].backend == "memory":
                owner.produced.clear()

    def _unknown_alias_error(self, alias: object) -> ConfigurationError:
        if not self._configs:
            return ConfigurationError(f"No producer is configured: {self._source} is missing.")
        known = ", ".join(repr(name) for name in self._configs)
        if not isinstance(alias, str):
            return ConfigurationError(
                f"The alias comes first, then the types of key and value; known aliases: {known}."
            )
        near = nearest_name(alias, self._configs)
        hint = f" Did you mean {near!r}?" if near else ""
        return ConfigurationError(f"{self._source} has no alias {alias!r}; known aliases: {known}.{hint}")

    # Doubles.

    def override(self, alias: str, double: DoubleT) -> Override[DoubleT]:
        """Put a double in the place of an alias's producers, for threads and for coroutines.

        Args:
            alias: Which producer; it need not have been made yet.
            double: A producer of either face. Its `as_async` or `as_sync` makes the other one, its `typed` those with
                types, where its class has them. Or something with a `double_for(alias, config)` that returns one.

        Returns:
            The override, which is active at once; as a context manager it ends with the block.

        Raises:
            ConfigurationError: There is no such alias; or the double is a class.
        """
        if self._configs:
            self.config(alias)
        return self._override(alias, double)

    def override_all(self, double: DoubleT) -> Override[DoubleT]:
        """Put a double in the place of all aliases' producers; as `override`."""
        return self._override(None, double)

    def _override(self, alias: str | None, double: DoubleT) -> Override[DoubleT]:
        _refuse_classes(double)
        override = Override(alias, double, self._end_override)
        with self._lock:
            self._overrides.append(override)
        _forget_all_faces()  # others may share it
        return override

    def _end_override(self, override: Override[Any]) -> None:
        with self._lock:
            if override in self._overrides:
                self._overrides.remove(override)
        _forget_all_faces()  # others may share it

    def share_overrides_of(self, other: ProducerRegistry) -> None:
        """Have the doubles of a registry, those that are put in later included, in this one's producers' place, too.

        For a registry that takes the place of one with another configuration.

        Args:
            other: The registry that had it before.
        """
        with self._lock:
            self._overrides = other._overrides  # of this very class
            self._forget_faces()

    def _forget_faces(self) -> None:
        with self._lock:
            for faces in self._faces.values():
                faces.clear()

    def _overriding(self, alias: str) -> object | None:
        latest = max(
            (override for override in (*self._overrides, *_everywhere) if override.alias in (None, alias)),
            key=lambda override: override.order,
            default=None,
        )
        return None if latest is None else cast("object", latest.double)

    # Looking.

    def metrics(self) -> dict[str, ProducerMetrics]:
        """Return what the producers count and measure, by alias; those that were never asked for have nothing."""
        with self._lock:
            owners = self._owners.copy()
        return {alias: owner.metrics() for alias, owner in owners.items()}

    # Closing.

    def close(self, timeout: float | None = None) -> DrainReport:
        """Deliver what all producers have accepted, then end them; never raises for what could not be delivered.

        It blocks, also on a thread that runs an event loop: see `aclose`. Closing again does nothing.

        Args:
            timeout: Seconds to wait, for all of them together; default: the `close_timeout_ms` of each.

        Returns:
            What was delivered and what was not, all aliases together.
        """
        started = time.monotonic()
        owners = self._stop()
        reports = close_all_blocking([cast("Producer[Any, Any]", owner.as_sync()) for owner in owners], timeout)
        return _sum(reports, started)

    async def aclose(self, timeout: float | None = None) -> DrainReport:
        """Close without blocking the event loop; otherwise as `close`."""
        started = time.monotonic()
        return _sum(await close_all(self._stop(), timeout), started)

    def reopen(self) -> None:
        """Make producers anew when they are asked for, after a close; doubles stay. One that is open stays as it is."""
        with self._lock:
            if self._is_closed:
                self._owners.clear()
                self._is_closed = False

    def _stop(self) -> list[AsyncProducer[Any, Any]]:
        with self._lock:
            self._is_closed = True
            self._views[Face.THREADS].clear()
            self._views[Face.COROUTINES].clear()
            self._forget_faces()
            return list(self._owners.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        configs = getattr(self, "_configs", {})  # without, if it could not be made: tracebacks show local variables
        state = "closed" if self._is_closed else "open"
        return f"<{type(self).__name__} {', '.join(configs) or 'without configuration'} {state}>"


def disabled_producer(alias: str, config: ProducerConfig | None) -> Producer[Any, Any]:
    """Return a producer that stands in for an alias for a while: it takes everything, and produces nothing.

    Unlike one that is configured with `backend="disabled"` it does not warn of that; its owner closes it.

    Args:
        alias: In whose place it is.
        config: The alias's options; None: a registry of doubles has none.
    """
    given = ProducerConfig(backend="disabled") if config is None else config
    core = ProducerCore(given.with_options(backend="disabled", start="lazy"), MemoryPlace(ProducedMessages(0), alias))
    return Producer(_core=core)


def override_everywhere(double: DoubleT) -> Override[DoubleT]:
    """Put a double in the place of every alias of every registry, those included that are made later.

    For a test fixture. Overrides made later, of one registry, go before it.

    Args:
        double: As for `ProducerRegistry.override`.

    Returns:
        The override, which is active at once; as a context manager it ends with the block.
    """
    _refuse_classes(double)
    override = Override(None, double, _end_everywhere)
    with _module_lock:
        _everywhere.append(override)
    _forget_all_faces()
    return override


def clear_memories() -> None:
    """Empty the memory of every producer with ``backend="memory"`` in any registry, as between two tests."""
    for registry in _registries():
        registry._clear_memories()  # noqa: SLF001 # of this very module


def _enforce_guard() -> None:
    for registry in _registries():
        registry._enforce_guard()  # noqa: SLF001 # of this very module


GUARD.follow(_enforce_guard)


def _registries() -> list[ProducerRegistry]:
    with _module_lock:
        return list(_live)


def is_overridden_everywhere() -> bool:
    """Return whether `override_everywhere` is active."""
    return bool(_everywhere)


def _end_everywhere(override: Override[Any]) -> None:
    with _module_lock:
        if override in _everywhere:
            _everywhere.remove(override)
    _forget_all_faces()


def _forget_all_faces() -> None:
    for registry in _registries():
        registry._forget_faces()  # noqa: SLF001 # of this very module


def _refusal_error(source: str, alias: str, config: ProducerConfig) -> RuntimeError | None:
    whose = f"the producer {alias!r} of {source},"
    if _everywhere:
        whose = f"{whose} which was looked up before a double took its place (ask for it where you produce),"
    return GUARD.refusal_error(whose, config.bootstrap_endpoints)


def _keep(faces: _Faces, alias: str, key: object, value: object, face: object) -> None:
    """Remember a face, unless a serializer is part of its key: one may be made anew for every call, without end."""
    kinds = type | types.GenericAlias | types.UnionType
    if (key is None or isinstance(key, kinds)) and (value is None or isinstance(value, kinds)):
        faces[alias, key, value] = face


def _look_up(faces: _Faces, key: tuple[str, object, object]) -> object | None:
    try:
        return faces.get(key)
    except TypeError:  # a serializer, or a wrong alias, that has no hash
        return None


def _as_face(double: object, kind: Face, alias: str) -> object:
    """Return the face of a double that is asked for.

    What a double can do is asked of its class: a bare mock has every attribute, but not in its class.
    """
    name = "as_sync" if kind is Face.THREADS else "as_async"
    if hasattr(type(double), name):
        return cast("object", getattr(double, name)())
    # A mock has no code, or one that is a mock: it is taken for what it is used as.
    flags: object = getattr(getattr(getattr(double, "produce", None), "__code__", None), "co_flags", None)
    if isinstance(flags, int) and bool(flags & inspect.CO_COROUTINE) is not (kind is Face.COROUTINES):
        raise ConfigurationError(
            f"The double for {alias!r}, a {type(double).__name__}, is no producer for {kind.value}, "
            f"and has no {name}() to make one."
        )
    return double


def _refuse_classes(double: object) -> None:
    """Refuse a class where an object is meant; its methods would be called without one."""
    if isinstance(double, type):
        raise ConfigurationError(f"The double must be an object, not the class: write {double.__name__}().")


def _typed(face: Any, key: SerializerSpec, value: SerializerSpec) -> object:
    if (key is None and value is None) or not hasattr(type(face), "typed"):
        return cast("object", face)
    return cast("object", face.typed(key, value))


def _spec(given: Any, config: ProducerConfig | None, field: Field) -> SerializerSpec:
    """Return how a double is to serialize: as the alias does, so that a test sees what production would write."""
    if given is not None or config is None:
        return cast("SerializerSpec", given)
    configured = config.key if field is Field.KEY else config.value
    return None if configured is None else serializer_for(configured, field)


def _sum(reports: Iterable[DrainReport], started: float) -> DrainReport:
    all_of_them = list(reports)
    failures = itertools.chain.from_iterable(report.failures for report in all_of_them)
    return DrainReport(
        delivered=sum(report.delivered for report in all_of_them),
        failed=sum(report.failed for report in all_of_them),
        undelivered=sum(report.undelivered for report in all_of_them),
        elapsed=time.monotonic() - started,
        pending=any(report.pending for report in all_of_them),
        failures=tuple(itertools.islice(failures, _FAILURES_SHOWN)),
        callbacks_pending=sum(report.callbacks_pending for report in all_of_them),
    )


# What a configuration looks like.


def _configs_of(config: object, source: str) -> dict[str, ProducerConfig]:
    """Return the validated configuration of every alias."""
    if isinstance(config, ProducerConfig):
        return {DEFAULT_ALIAS: config}
    options = _options_of(config, source)
    if not _is_by_alias(options, source):
        return {DEFAULT_ALIAS: ProducerConfig.from_mapping(options, source=source)}
    configs: dict[str, ProducerConfig] = {}
    faults: list[str] = []
    for alias, given in options.items():
        try:
            configs[alias] = given if isinstance(given, ProducerConfig) else _config_of(alias, given, source)
        except ConfigurationError as error:
            faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return configs


def _config_of(alias: str, given: object, source: str) -> ProducerConfig:
    """Return an alias's configuration; log lines, threads and brokers tell it from others by its client id."""
    config = ProducerConfig.from_mapping(_options_of(given, source), source=f"{source}[{alias!r}]")
    own = f"{config.client_id}-{alias}"
    may_be_one = own.isprintable() and len(own) <= LONGEST_CLIENT_ID
    if alias == DEFAULT_ALIAS or "client_id" in config.model_fields_set or not may_be_one:
        return config
    return config.model_copy(update={"client_id": own})


def _is_by_alias(options: Mapping[str, object], source: str) -> bool:
    groups = [name for name, value in options.items() if not _is_option(name) and _is_group(value)]
    others = [name for name in options if name not in groups]
    for name in groups:
        if name != DEFAULT_ALIAS and str(name).lower() == DEFAULT_ALIAS:
            raise ConfigurationError(f"{source}: the alias {name!r} is written {DEFAULT_ALIAS!r}.")
    if DEFAULT_ALIAS in others:
        raise ConfigurationError(
            f"{source}[{DEFAULT_ALIAS!r}]: must hold the options of a producer, as in "
            f"{{'bootstrap_servers': 'localhost:9092'}}, not {type(options[DEFAULT_ALIAS]).__name__}."
        )
    if groups and others:
        raise ConfigurationError(
            f"{source}: {groups[0]!r} looks like the alias of a producer, {others[0]!r} does not. Write either the "
            f"options of one producer, or options by alias: {_by_alias(groups[0], others[0])}."
        )
    return bool(groups)


def _by_alias(alias: object, other: object) -> str:
    """Return what could be meant by an alias and something else beside it."""
    if not _is_option(other):
        return f"{{{alias!r}: {{…}}, {other!r}: {{…}}}}"
    if alias == DEFAULT_ALIAS:
        return f"{{{alias!r}: {{{other!r}: …, …}}}}"
    return f"{{{DEFAULT_ALIAS!r}: {{{other!r}: …}}, {alias!r}: {{…}}}}"


def _is_option(name: object) -> bool:
    return isinstance(name, str) and name.lower() in ProducerConfig.model_fields


def _is_group(value: object) -> bool:
    return isinstance(value, Mapping | ProducerConfig) or _fields_of(value) is not None


def _options_of(settings: object, source: str) -> Mapping[str, object]:
    if isinstance(settings, Mapping):
        return settings
    for name in ("dekaf", "DEKAF"):
        inner = getattr(settings, name, None)
        if inner is not None:
            return _options_of(inner, source)
    fields = _fields_of(settings)
    if fields is not None:
        return fields
    found = {name: getattr(settings, name) for name in ProducerConfig.model_fields if hasattr(settings, name)}
    if not found:
        raise ConfigurationError(
            f"{source}: expected a mapping of options or an object that has them, or an attribute `dekaf` with them, "
            f"not {type(settings).__name__}."
        )
    return found


def _fields_of(settings: object) -> dict[str, object] | None:
    """Return what is set in a pydantic model or a dataclass; None for anything else."""
    model_fields = getattr(type(settings), "model_fields", None)
    if isinstance(model_fields, dict):
        names = [*model_fields, *(getattr(settings, "model_extra", None) or ())]
    elif dataclasses.is_dataclass(settings) and not isinstance(settings, type):
        names = [field.name for field in dataclasses.fields(settings)]
    else:
        return None
    return {name: value for name in names if (value := getattr(settings, name)) is not None}
