"""Kafka and the builders: the fluent way to a producer.

    producer = (
        Kafka.create_producer(str, Order)
        .with_bootstrap_servers("localhost:9092")
        .use_lz4_compression()
        .build()
    )

Builders are immutable: each step returns a new one, so a half-configured builder can be shared and built many times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Self, TypeVar, Unpack, cast, final, overload

from dekaf.abc import OnUndelivered
from dekaf.errors import ConfigurationError
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.producer.masked import masked_keywords
from dekaf.producer.options import (
    AcksSpec,
    Backend,
    BufferFull,
    CompressionType,
    ListenerSpec,
    MetadataRecoveryStrategy,
    PartitionerSpec,
    ProducerOptions,
    Start,
    TracerSpec,
)
from dekaf.security_steps import SecuritySteps
from dekaf.serialization import Serializer, SerializerSpec

__all__ = ("AsyncProducerBuilder", "Kafka", "ProducerBuilder")

K = TypeVar("K")
V = TypeVar("V")


class _BuilderBase(SecuritySteps, Generic[K, V]):
    """The steps both builders share; each returns a new builder."""

    def __init__(
        self, key: SerializerSpec = None, value: SerializerSpec = None, options: ProducerOptions | None = None
    ) -> None:
        super().__init__(options or {})
        self._key = key
        self._value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self._options)})"

    def with_options(self, /, **options: Unpack[ProducerOptions]) -> Self:
        """Set any options by name; `ProducerConfig` describes them all."""
        given = masked_keywords(options)
        if "key" in given or "value" in given:
            raise ConfigurationError("key and value are given to Kafka.create_producer, because they decide its type")
        return type(self)(self._key, self._value, cast("ProducerOptions", {**self._options, **given}))

    def with_bootstrap_servers(self, servers: str | Sequence[str]) -> Self:
        """Say where to find the cluster: ``"host:9092"``, ``"host1:9092,host2:9092"`` or a list."""
        # A list is copied: the caller may change it later.
        return self.with_options(bootstrap_servers=tuple(servers) if isinstance(servers, list) else servers)

    def with_client_id(self, client_id: str) -> Self:
        """Name the client for the brokers' logs, metrics and quotas; default: the program's name."""
        return self.with_options(client_id=client_id)

    def with_acks(self, acks: AcksSpec) -> Self:
        """Say who must have a record before it counts as delivered; default ``Acks.ALL``."""
        return self.with_options(acks=acks)

    def with_max_in_flight_requests_per_connection(self, requests: int) -> Self:
        """Allow this many unanswered requests per connection; default 5, more switch idempotence off."""
        return self.with_options(max_in_flight_requests_per_connection=requests)

    def with_linger_ms(self, milliseconds: int) -> Self:
        """Let a record wait this long for others to share its batch; default 5."""
        return self.with_options(linger_ms=milliseconds)

    def with_batch_size(self, size_bytes: int) -> Self:
        """Send a batch when it reaches this size, as it travels, at the latest; default 65536."""
        return self.with_options(batch_size=size_bytes)

    def with_partitioner(self, partitioner: PartitionerSpec) -> Self:
        """Choose partitions by a built-in name, a class or an object; default ``murmur2``."""
        return self.with_options(partitioner=partitioner)

    def with_buffer_memory(self, size_bytes: int) -> Self:
        """Bound what is accepted and not yet done with; default 32 MiB."""
        return self.with_options(buffer_memory=size_bytes)

    def with_max_block_ms(self, milliseconds: int) -> Self:
        """Wait at most this long for room in the buffer or a topic's metadata; default 5000."""
        return self.with_options(max_block_ms=milliseconds)

    def with_max_request_size(self, size_bytes: int) -> Self:
        """Allow records and requests up to this size; default 1 MiB."""
        return self.with_options(max_request_size=size_bytes)

    def with_request_timeout_ms(self, milliseconds: int) -> Self:
        """Give a broker this long to answer before trying again; default 10000."""
        return self.with_options(request_timeout_ms=milliseconds)

    def with_delivery_timeout_ms(self, milliseconds: int) -> Self:
        """Give a record this long from acceptance to its outcome, retries included; default 120000."""
        return self.with_options(delivery_timeout_ms=milliseconds)

    def with_produce_timeout_ms(self, milliseconds: int) -> Self:
        """Give `produce` and `produce_all` this long in all, unless they have a timeout of their own; default 20000."""
        return self.with_options(produce_timeout_ms=milliseconds)

    def with_unavailable_after_ms(self, milliseconds: int | None) -> Self:
        """Let calls fail at once when no broker has been reachable for this long; None: never. Default 5000."""
        return self.with_options(unavailable_after_ms=milliseconds)

    def with_close_timeout_ms(self, milliseconds: int) -> Self:
        """Give closing this long to deliver what was accepted; default 10000."""
        return self.with_options(close_timeout_ms=milliseconds)

    def with_retry_backoff_ms(self, milliseconds: int) -> Self:
        """Pause this long before the first retry; default 100."""
        return self.with_options(retry_backoff_ms=milliseconds)

    def with_retry_backoff_max_ms(self, milliseconds: int) -> Self:
        """Pause at most this long between retries; default 1000."""
        return self.with_options(retry_backoff_max_ms=milliseconds)

    def with_reconnect_backoff_ms(self, milliseconds: int) -> Self:
        """Pause this long before connecting to a broker again; default 50."""
        return self.with_options(reconnect_backoff_ms=milliseconds)

    def with_reconnect_backoff_max_ms(self, milliseconds: int) -> Self:
        """Pause at most this long between connection attempts; default 1000."""
        return self.with_options(reconnect_backoff_max_ms=milliseconds)

    def with_socket_connection_setup_timeout_ms(self, milliseconds: int) -> Self:
        """Give connecting this long; default 10000."""
        return self.with_options(socket_connection_setup_timeout_ms=milliseconds)

    def with_connections_max_idle_ms(self, milliseconds: int) -> Self:
        """Close a connection unused for this long; default 540000, -1: never."""
        return self.with_options(connections_max_idle_ms=milliseconds)

    def with_metadata_max_age_ms(self, milliseconds: int) -> Self:
        """Ask the cluster again after this long who leads which partitions; default 300000."""
        return self.with_options(metadata_max_age_ms=milliseconds)

    def with_metadata_max_idle_ms(self, milliseconds: int) -> Self:
        """Forget a topic that nothing is produced to for this long; default 300000."""
        return self.with_options(metadata_max_idle_ms=milliseconds)

    def with_metadata_recovery_strategy(self, strategy: MetadataRecoveryStrategy) -> Self:
        """Ask bootstrap servers again when brokers cannot help (``rebootstrap``, the default), or never (``none``)."""
        return self.with_options(metadata_recovery_strategy=strategy)

    def with_metadata_recovery_rebootstrap_trigger_ms(self, milliseconds: int) -> Self:
        """Return to the bootstrap servers after this long without usable metadata; default 300000."""
        return self.with_options(metadata_recovery_rebootstrap_trigger_ms=milliseconds)

    def with_start(self, start: Start) -> Self:
        """Connect at the first message (``lazy``, the default), in the ``background`` or at once (``eager``)."""
        return self.with_options(start=start)

    def with_backend(self, backend: Backend) -> Self:
        """Produce to ``kafka`` (the default), to ``memory`` or, ``disabled``, nowhere."""
        return self.with_options(backend=backend)

    def with_buffer_full(self, buffer_full: BufferFull) -> Self:
        """With a full buffer, ``block`` up to ``max_block_ms`` (the default) or ``raise`` at once."""
        return self.with_options(buffer_full=buffer_full)

    def with_listener(self, listener: ListenerSpec) -> Self:
        """Call these hooks, for tracing and metrics; several listeners are called one after the other."""
        return self.with_options(listener=listener)

    def with_tracer(self, tracer: TracerSpec) -> Self:
        """Ask this tracer about each message, in place of the process's."""
        return self.with_options(tracer=tracer)

    def with_on_undelivered(self, on_undelivered: OnUndelivered | str | None) -> Self:
        """Hand the messages that closing could not deliver to this function."""
        return self.with_options(on_undelivered=on_undelivered)

    def with_enable_idempotence(self, enabled: bool | None) -> Self:  # noqa: FBT001 - the option is the boolean
        """Decide about idempotence; None (the default): on where the other options allow it."""
        return self.with_options(enable_idempotence=enabled)

    def with_allow_auto_create_topics(self, enabled: bool) -> Self:  # noqa: FBT001 - the option is the boolean
        """Let producing to a missing topic create it, where the brokers allow that; default True."""
        return self.with_options(allow_auto_create_topics=enabled)

    def with_allow_blocking_in_loop(self, enabled: bool) -> Self:  # noqa: FBT001 - the option is the boolean
        """Let blocking calls run where an event loop runs, for notebooks; default False."""
        return self.with_options(allow_blocking_in_loop=enabled)

    def enable_idempotence(self) -> Self:
        """Never duplicate or reorder by retrying; needs ``acks`` all and at most 5 requests in flight."""
        return self.with_options(enable_idempotence=True)

    def disable_idempotence(self) -> Self:
        """Accept that a retry may write a record twice or out of order."""
        return self.with_options(enable_idempotence=False)

    def with_compression_type(self, compression_type: CompressionType) -> Self:
        """Compress batches by this codec; default ``none``."""
        return self.with_options(compression_type=compression_type)

    def with_compression_level(self, level: int | None) -> Self:
        """Compress at this level; None (the default): the codec's own."""
        return self.with_options(compression_level=level)

    def use_gzip_compression(self, level: int | None = None) -> Self:
        """Compress batches with gzip, at level 1 to 9 or the codec's default."""
        return self.with_options(compression_type="gzip", compression_level=level)

    def use_lz4_compression(self, level: int | None = None) -> Self:
        """Compress batches with lz4, at level 1 to 17 or the codec's default; needs ``pip install 'dekaf[lz4]'``."""
        return self.with_options(compression_type="lz4", compression_level=level)

    def use_zstd_compression(self, level: int | None = None) -> Self:
        """Compress batches with zstd, at level -131072 to 22 or the default; needs ``pip install 'dekaf[zstd]'``."""
        return self.with_options(compression_type="zstd", compression_level=level)

    def use_snappy_compression(self, level: None = None) -> Self:
        """Compress batches with snappy, which has no levels; needs ``pip install 'dekaf[snappy]'``."""
        return self.with_options(compression_type="snappy", compression_level=level)

    def _config(self) -> ProducerConfig:
        return ProducerConfig(key=self._key, value=self._value, **self._options)


@final
class ProducerBuilder(_BuilderBase[K, V]):
    """Steps towards a `Producer` for threads; made by `Kafka.create_producer`."""

    def build(self) -> Producer[K, V]:
        """Return a new producer; nothing is connected yet.

        Raises:
            ConfigurationError: options are missing, wrong or contradict each other; every fault has its line.
        """
        config = self._config()
        producer: Producer[K, V] = Producer.from_config(config, key=config.key, value=config.value)
        return producer


@final
class AsyncProducerBuilder(_BuilderBase[K, V]):
    """Steps towards an `AsyncProducer` for coroutines; made by `Kafka.create_async_producer`."""

    def build(self) -> AsyncProducer[K, V]:
        """Return a new producer; nothing is connected yet, and no event loop is needed.

        Raises:
            ConfigurationError: options are missing, wrong or contradict each other; every fault has its line.
        """
        config = self._config()
        producer: AsyncProducer[K, V] = AsyncProducer.from_config(config, key=config.key, value=config.value)
        return producer


@final
class Kafka:
    """Where building starts.

    ``key`` and ``value`` are a type or a serializer; left out, each key or value decides how it is written, and the
    type checker accepts anything.
    """

    @overload
    @staticmethod
    def create_producer() -> ProducerBuilder[Any, Any]: ...
    @overload
    @staticmethod
    def create_producer(key: type[K] | Serializer[K]) -> ProducerBuilder[K, Any]: ...
    @overload
    @staticmethod
    def create_producer(key: type[K] | Serializer[K], value: type[V] | Serializer[V]) -> ProducerBuilder[K, V]: ...
    @overload
    @staticmethod
    def create_producer(*, value: type[V] | Serializer[V]) -> ProducerBuilder[Any, V]: ...
    @staticmethod
    def create_producer(key: SerializerSpec = None, value: SerializerSpec = None) -> ProducerBuilder[Any, Any]:
        """Start building a producer for threads.

        Args:
            key: the keys' type, such as ``str``, or their serializer.
            value: the values' type, such as ``Order``, or their serializer.
        """
        return ProducerBuilder(key, value)

    @overload
    @staticmethod
    def create_async_producer() -> AsyncProducerBuilder[Any, Any]: ...
    @overload
    @staticmethod
    def create_async_producer(key: type[K] | Serializer[K]) -> AsyncProducerBuilder[K, Any]: ...
    @overload
    @staticmethod
    def create_async_producer(
        key: type[K] | Serializer[K], value: type[V] | Serializer[V]
    ) -> AsyncProducerBuilder[K, V]: ...
    @overload
    @staticmethod
    def create_async_producer(*, value: type[V] | Serializer[V]) -> AsyncProducerBuilder[Any, V]: ...
    @staticmethod
    def create_async_producer(
        key: SerializerSpec = None, value: SerializerSpec = None
    ) -> AsyncProducerBuilder[Any, Any]:
        """Start building a producer for coroutines.

        Args:
            key: the keys' type, such as ``str``, or their serializer.
            value: the values' type, such as ``Order``, or their serializer.
        """
        return AsyncProducerBuilder(key, value)
