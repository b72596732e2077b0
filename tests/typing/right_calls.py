"""Right uses of producers: every type checker must accept all of this file."""

from __future__ import annotations

import asyncio
import concurrent.futures
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

from pydantic import SecretStr

from dekaf.abc import (
    AsyncKafkaProducer,
    AsyncKafkaTopicProducer,
    DeliveryHandle,
    KafkaProducer,
    KafkaTopicProducer,
    ProducerListener,
)
from dekaf.builder import AsyncProducerBuilder, Kafka, ProducerBuilder
from dekaf.errors import ProduceError
from dekaf.message import ProducerMessage
from dekaf.metrics import ProducerMetrics
from dekaf.presets import EVENT_HUBS
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.security import OAuthToken
from dekaf.serialization import IntegerSerializer, JsonSerializer, SerializationContext, Serializer, StringSerializer
from dekaf.types import Acks, DrainReport, Headers, ProducerStatus, RecordMetadata
from tests.typing.orders import BlockingOrderService, Event, Order, OrderService, RushOrder, announce, use

SERVERS = "localhost:9092"
ORDER = Order(number=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class MoneySerializer:
    """A user's serializer needs no base class."""

    def serialize(self, value: tuple[int, str], context: SerializationContext, /) -> bytes:
        """Return the bytes."""
        return f"{value[0]} {value[1]} {context.topic}".encode()


class CountingListener(ProducerListener):
    """A listener overrides what it needs."""

    def on_acknowledged(self, metadata: RecordMetadata) -> None:
        """Count."""


def on_delivery(metadata: RecordMetadata | None, error: ProduceError | None) -> None:
    """Do nothing."""


def messages_of(orders: list[Order]) -> Iterator[ProducerMessage[str, Order]]:
    """Yield messages."""
    for order in orders:
        yield ProducerMessage(topic="orders", key=str(order.number), value=order)


async def messages_later() -> AsyncIterator[ProducerMessage[str, Order]]:
    """Yield messages, sometime."""
    await asyncio.sleep(0)
    yield ProducerMessage.create("orders", "1", ORDER)


def messages() -> None:
    """Messages infer their types, and a message of the narrower type is one of the wider."""
    rush = ProducerMessage(topic="orders", key="1", value=RushOrder(number=1), headers={"a": "b"}, timestamp=NOW)
    tombstone: ProducerMessage[str, Order] = ProducerMessage.create("orders", "1", None)
    keyless: ProducerMessage[str, Order] = ProducerMessage(topic="orders", value=ORDER, partition=0, timestamp=5)
    assert_type(rush, ProducerMessage[str, RushOrder])
    orders: list[ProducerMessage[str, Order]] = [rush, tombstone, keyless]
    assert_type(orders[0].key, str | None)
    assert_type(orders[0].value, Order | None)
    assert_type(orders[0].headers, Headers)


def produce(producer: KafkaProducer[str, Order]) -> None:
    """Every way to produce, with None wherever Kafka has a null."""
    assert_type(producer.produce("orders", "1", ORDER), RecordMetadata)
    producer.produce("orders", None, ORDER)
    producer.produce("orders", "1", None)
    producer.produce("orders", None, None)
    producer.produce("orders", "1", RushOrder(number=1))
    producer.produce("orders", value=ORDER)
    producer.produce("orders", value=None)
    producer.produce("orders", value=ORDER, key="1", partition=3, timestamp=NOW, timeout=1.5)
    producer.produce("orders", key="1", value=ORDER, timestamp=5, timeout=1)
    producer.produce("orders", "1", ORDER, headers={"a": "1", "b": b"2", "c": None})
    producer.produce("orders", "1", ORDER, headers={"a": "1"})
    producer.produce("orders", "1", ORDER, headers=[("a", "1"), ("b", b"2"), ("c", None)])
    producer.produce("orders", "1", ORDER, headers=Headers.create().add("a", "1").add("b", None))
    producer.produce("orders", "1", ORDER, headers=None, partition=None, timestamp=None, timeout=None)
    producer.produce(ProducerMessage(topic="orders", value=ORDER))
    producer.produce(ProducerMessage.create("orders", "1", RushOrder(number=1)), timeout=5)
    producer.produce("orders", "1", ORDER, timeout=1.5, deadline=5)
    producer.fire("orders", "1", ORDER, deadline=0.5)
    producer.fire("orders", "1", ORDER)
    producer.fire("orders", value=ORDER, on_delivery=on_delivery)
    producer.fire("orders", "1", None, on_delivery=lambda metadata, _error: use(metadata))
    producer.fire(ProducerMessage.create("orders", "1", ORDER), on_delivery=on_delivery)
    assert_type(producer.flush(), DrainReport)
    assert_type(producer.flush(1.5), DrainReport)
    assert_type(producer.status(), ProducerStatus)
    assert_type(producer.metrics(), ProducerMetrics)


def produce_all(producer: KafkaProducer[str, Order], flag: bool) -> None:
    """What produce_all returns depends on return_exceptions."""
    assert_type(producer.produce_all(messages_of([ORDER])), list[RecordMetadata])
    assert_type(producer.produce_all([*messages_of([ORDER])], return_exceptions=False), list[RecordMetadata])
    both = producer.produce_all(messages_of([ORDER]), return_exceptions=True, timeout=3, deadline=None)
    assert_type(both, list[RecordMetadata | ProduceError])
    either = producer.produce_all(messages_of([ORDER]), return_exceptions=flag)
    assert_type(either, list[RecordMetadata | ProduceError])


def submit(producer: KafkaProducer[str, Order]) -> None:
    """A handle is light; a standard future is one call away."""
    handle = producer.submit("orders", "1", ORDER)
    assert_type(handle, DeliveryHandle)
    assert_type(handle.result(timeout=1.5), RecordMetadata)
    assert_type(handle.done(), bool)
    assert_type(handle.as_concurrent(), concurrent.futures.Future[RecordMetadata])
    handle.add_done_callback(lambda done: use(done.done()))
    producer.submit("orders", value=None, deadline=5)
    producer.submit(ProducerMessage.create("orders", "1", ORDER))


async def await_produce(producer: AsyncKafkaProducer[str, Order], flag: bool) -> None:
    """The same for coroutines."""
    assert_type(await producer.produce("orders", "1", ORDER), RecordMetadata)
    await producer.produce("orders", None, None)
    await producer.produce("orders", value=ORDER, timeout=1.5, deadline=2.5)
    await producer.produce(ProducerMessage.create("orders", "1", ORDER), timeout=1.5)
    await asyncio.gather(*(producer.produce("orders", str(number), ORDER) for number in range(3)))
    producer.fire("orders", "1", ORDER, on_delivery=on_delivery)
    accepted = await producer.submit("orders", "1", ORDER)
    awaited: Awaitable[RecordMetadata] = accepted
    assert_type(await awaited, RecordMetadata)
    assert_type(await producer.produce_all(messages_later()), list[RecordMetadata])
    assert_type(await producer.produce_all(messages_of([]), return_exceptions=False), list[RecordMetadata])
    both = await producer.produce_all(messages_later(), return_exceptions=True, deadline=5)
    assert_type(both, list[RecordMetadata | ProduceError])
    either = await producer.produce_all(messages_of([]), return_exceptions=flag, timeout=3)
    assert_type(either, list[RecordMetadata | ProduceError])
    assert_type(await producer.flush(timeout=1), DrainReport)
    assert_type(producer.status(), ProducerStatus)
    assert_type(producer.metrics(), ProducerMetrics)


def one_topic(orders: KafkaTopicProducer[str, Order]) -> None:
    """A view of one topic takes no topic."""
    assert_type(orders.topic, str)
    assert_type(orders.produce("1", ORDER), RecordMetadata)
    orders.produce(None, None, headers={"a": "1"}, timeout=1)
    orders.produce(value=ORDER, key="1")
    orders.fire("1", ORDER, on_delivery=on_delivery, deadline=5)
    orders.fire(value=None)
    assert_type(orders.submit(value=ORDER).result(), RecordMetadata)
    assert_type(orders.produce_all([("1", ORDER), (None, None)]), list[RecordMetadata])
    assert_type(orders.produce_all(iter([("1", ORDER)]), return_exceptions=True), list[RecordMetadata | ProduceError])
    assert_type(orders.flush(), DrainReport)


async def await_one_topic(orders: AsyncKafkaTopicProducer[str, Order]) -> None:
    """The same for coroutines."""
    assert_type(await orders.produce("1", ORDER), RecordMetadata)
    await orders.produce(value=None, timeout=1)
    orders.fire(value=ORDER, key="1")
    assert_type(await (await orders.submit("1", ORDER)), RecordMetadata)
    assert_type(await orders.produce_all([("1", ORDER)]), list[RecordMetadata])
    assert_type(await orders.flush(), DrainReport)


def build() -> None:
    """Types and serializers decide the builder's type; what is left out accepts anything."""
    assert_type(Kafka.create_producer(str, Order), ProducerBuilder[str, Order])
    assert_type(Kafka.create_async_producer(UUID, dict), AsyncProducerBuilder[UUID, dict[Any, Any]])
    assert_type(Kafka.create_producer(), ProducerBuilder[Any, Any])
    assert_type(Kafka.create_producer(str), ProducerBuilder[str, Any])
    assert_type(Kafka.create_producer(value=Order), ProducerBuilder[Any, Order])
    assert_type(Kafka.create_async_producer(value=Order), AsyncProducerBuilder[Any, Order])
    assert_type(Kafka.create_producer(StringSerializer(), IntegerSerializer()), ProducerBuilder[str, int])
    assert_type(Kafka.create_producer(str, JsonSerializer[Order]()), ProducerBuilder[str, Order])
    assert_type(Kafka.create_producer(str, MoneySerializer()), ProducerBuilder[str, tuple[int, str]])
    built = (
        Kafka.create_async_producer(str, Order)
        .with_bootstrap_servers(["a:9092", "b:9092"])
        .with_acks(Acks.ALL)
        .with_acks("leader")
        .with_linger_ms(5)
        .use_zstd_compression(3)
        .use_lz4_compression()
        .enable_idempotence()
        .with_listener(CountingListener())
        .with_on_undelivered(lambda messages: [message.value for message in messages])
        .with_options(batch_size=1000, start="eager")
        .build()
    )
    assert_type(built, AsyncProducer[str, Order])
    OrderService(built)
    assert_type(Kafka.create_producer(str, Order).with_bootstrap_servers(SERVERS).build(), Producer[str, Order])


def configure() -> None:
    """The other two ways in."""
    config = ProducerConfig(bootstrap_servers=SERVERS, acks="all", linger_ms=5, key=str, value="json")
    assert_type(config.with_options(acks=1), ProducerConfig)
    assert_type(ProducerConfig.from_mapping({"BOOTSTRAP_SERVERS": SERVERS, "LINGER_MS": "5"}), ProducerConfig)
    producer: Producer[str, Order] = Producer(bootstrap_servers=SERVERS, key=str, value=Order, linger_ms=5)
    from_config: AsyncProducer[str, Order] = AsyncProducer.from_config(config, key=str, value=Order)
    BlockingOrderService(producer)
    OrderService(from_config)


class Tokens:
    """A token provider needs no base class."""

    async def token(self) -> OAuthToken:
        """Return the token."""
        return OAuthToken("token", NOW)


def password() -> str:
    """Return a password that changes."""
    return "wonder"


def configure_security() -> None:
    """Secure connections by keywords, by the builder, and with a service's own options."""
    ProducerConfig(
        security_protocol="SASL_SSL", ssl_cafile=Path("ca.pem"), sasl_mechanism="PLAIN", sasl_password=password
    )
    ProducerConfig(security_protocol="SSL", ssl_context=ssl.create_default_context(), ssl_key_password=SecretStr("x"))
    ProducerConfig(sasl_mechanism="OAUTHBEARER", sasl_oauth_token_provider=Tokens(), sasl_username=None)
    ProducerConfig(sasl_mechanism="OAUTHBEARER", sasl_oauth_token_provider=Tokens().token)
    ProducerConfig(sasl_oauthbearer_extensions={"logicalCluster": "lkc-1"}, sasl_oauthbearer_scope=None)
    Producer(bootstrap_servers=SERVERS, **EVENT_HUBS)
    builder = Kafka.create_producer(str, Order).with_tls(ca="ca.pem", key=SecretStr("x")).with_options(**EVENT_HUBS)
    assert_type(builder.with_sasl_plain("alice", "wonder"), ProducerBuilder[str, Order])
    assert_type(builder.with_sasl_scram_sha_512("alice", password), ProducerBuilder[str, Order])
    assert_type(builder.with_oauth_bearer(Tokens()), ProducerBuilder[str, Order])
    assert_type(builder.with_oidc("https://login.example", "shop", SecretStr("x")), ProducerBuilder[str, Order])


def threads(producer: Producer[str, Order]) -> None:
    """The thread producer and its views satisfy the protocols."""
    produce(producer)
    produce_all(producer, flag=True)
    submit_through(producer)
    BlockingOrderService(producer)
    one_topic(producer.for_topic("orders"))
    announce(producer.for_topic("orders"))
    retyped: KafkaProducer[str, Event] = producer.typed(str, Event)
    retyped.produce("events", "1", Event("paid"))
    OrderService(producer.as_async())
    produced = producer.produce("orders", "1", ORDER)
    assert_type(produced, RecordMetadata)
    assert_type(producer.produce_all(messages_of([ORDER])), list[RecordMetadata])
    assert_type(producer.produce_all(messages_of([ORDER]), return_exceptions=True), list[RecordMetadata | ProduceError])
    assert_type(producer.close(timeout=1), DrainReport)
    with producer as opened:
        assert_type(opened.submit("orders", "1", ORDER).result(1), RecordMetadata)


def submit_through(producer: KafkaProducer[str, Order]) -> None:
    """A handle of any producer is a DeliveryHandle."""
    handles: list[DeliveryHandle] = [producer.submit("orders", "1", ORDER), producer.submit("orders", value=None)]
    use(handles)


async def coroutines(producer: AsyncProducer[str, Order]) -> None:
    """The coroutine producer and its views satisfy the protocols."""
    await await_produce(producer, flag=True)
    OrderService(producer)
    await await_one_topic(producer.for_topic("orders"))
    retyped: AsyncKafkaProducer[str, Event] = producer.typed(str, Event)
    await retyped.produce("events", "1", Event("paid"))
    BlockingOrderService(producer.as_sync())
    accepted: asyncio.Future[RecordMetadata] = await producer.submit("orders", "1", ORDER)
    assert_type(await accepted, RecordMetadata)
    assert_type(await producer.produce("orders", "1", ORDER), RecordMetadata)
    assert_type(await producer.produce_all(messages_later()), list[RecordMetadata])
    assert_type(await producer.close(timeout=1), DrainReport)
    async with producer as opened:
        await opened.produce("orders", "1", ORDER)


def variance(
    anything: KafkaProducer[object, object],
    wider: KafkaProducer[str | int, Order | Event],
    serializer: Serializer[Order],
) -> None:
    """A producer of more is a producer of less."""
    BlockingOrderService(anything)
    BlockingOrderService(wider)
    rush: Serializer[RushOrder] = serializer
    use(rush)
