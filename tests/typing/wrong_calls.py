"""Wrong uses of producers: every type checker must refuse the lines marked as errors, and no other."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dekaf.abc import AsyncKafkaProducer, AsyncKafkaTopicProducer, KafkaProducer, KafkaTopicProducer
from dekaf.builder import Kafka
from dekaf.message import ProducerMessage
from dekaf.producer import AsyncProducer, Producer, ProducerConfig
from dekaf.types import Headers, RecordMetadata
from tests.typing.orders import BlockingOrderService, Event, Order, OrderService, use

ORDER = Order(number=1)
EVENT = ProducerMessage.create("orders", "1", Event("paid"))
NUMBERED = ProducerMessage.create("orders", 1, ORDER)


def messages(message: ProducerMessage[str, Order], metadata: RecordMetadata) -> None:
    """What was made stays as it is, and a message names its value."""
    ProducerMessage(topic="orders", key="1")  # error
    ProducerMessage("orders", "1", ORDER)  # error
    ProducerMessage(topic=b"orders", value=ORDER)  # error
    ProducerMessage(topic="orders", value=ORDER, partition="3")  # error
    ProducerMessage(topic="orders", value=ORDER, timestamp="now")  # error
    ProducerMessage(topic="orders", value=ORDER, headers={"a": 1})  # error
    Headers.create().add("a", 1)  # error
    message.topic = "others"  # error
    message.value = ORDER  # error
    metadata.offset = 5  # error
    narrower: ProducerMessage[str, Event] = message  # error
    use(narrower)


def produce(producer: KafkaProducer[str, Order], text: ProducerMessage[str, str]) -> None:
    """Each part of a message has its type."""
    producer.produce("orders", 1, ORDER)  # error
    producer.produce("orders", b"1", ORDER)  # error
    producer.produce("orders", "1", "text")  # error
    producer.produce("orders", "1", Event("paid"))  # error
    producer.produce("orders", "1")  # error
    producer.produce("orders")  # error
    producer.produce()  # error
    producer.produce("orders", ORDER)  # error
    producer.produce("orders", value="text")  # error
    producer.produce("orders", value=ORDER, key=1)  # error
    producer.produce(b"orders", "1", ORDER)  # error
    producer.produce("orders", "1", ORDER, headers={"a": 1})  # error
    producer.produce("orders", "1", ORDER, headers="a=1")  # error
    producer.produce("orders", "1", ORDER, headers=[("a", "1", "2")])  # error
    producer.produce("orders", "1", ORDER, timestamp="2026-01-01")  # error
    producer.produce("orders", "1", ORDER, timestamp=1.5)  # error
    producer.produce("orders", "1", ORDER, partition="3")  # error
    producer.produce("orders", "1", ORDER, timeout="5")  # error
    producer.produce("orders", "1", ORDER, deadline="5")  # error
    producer.produce("orders", "1", ORDER, 3)  # error
    producer.produce("orders", "1", ORDER, on_delivery=print)  # error
    producer.produce(EVENT)  # error
    producer.produce(NUMBERED)  # error
    producer.produce(text)  # error
    producer.produce(message=text)  # error
    producer.fire("orders", "1", "text")  # error
    producer.fire("orders", 1, ORDER)  # error
    producer.fire("orders", "1", ORDER, timeout=1)  # error
    producer.fire("orders", "1", ORDER, on_delivery=wrong_callback)  # error
    producer.fire(EVENT)  # error
    producer.submit("orders", "1", "text")  # error
    producer.submit("orders", "1", ORDER, timeout=1)  # error
    producer.submit(EVENT)  # error
    producer.produce_all([EVENT])  # error
    producer.produce_all([ORDER])  # error
    producer.produce_all([], True)  # error
    producer.close()  # error


def wrong_callback(metadata: RecordMetadata) -> None:
    """A callback without the error."""


def results(producer: KafkaProducer[str, Order], orders: list[ProducerMessage[str, Order]]) -> None:
    """What may be an error is not metadata."""
    all_good = producer.produce_all(orders)
    use(all_good[0].offset)
    mixed = producer.produce_all(orders, return_exceptions=True)
    use(mixed[0].offset)  # error
    handle = producer.submit("orders", "1", ORDER)
    use(handle.offset)  # error
    use(handle.result().offset)
    never: RecordMetadata = producer.fire("orders", "1", ORDER)  # error
    use(never)


async def await_produce(producer: AsyncKafkaProducer[str, Order]) -> None:
    """The same for coroutines."""
    await producer.produce("orders", 1, ORDER)  # error
    await producer.produce("orders", "1", "text")  # error
    await producer.produce("orders", "1")  # error
    await producer.produce("orders", "1", ORDER, headers={"a": 1})  # error
    await producer.produce("orders", "1", ORDER, timestamp="2026-01-01")  # error
    await producer.produce(EVENT)  # error
    await producer.produce_all([EVENT])  # error
    await producer.fire("orders", "1", ORDER)  # error
    producer.fire("orders", "1", "text")  # error
    accepted = await producer.submit("orders", "1", ORDER)
    use(accepted.offset)  # error
    use((await accepted).offset)
    mixed = await producer.produce_all([], return_exceptions=True)
    use(mixed[0].offset)  # error
    not_awaited: RecordMetadata = producer.produce("orders", "1", ORDER)  # error
    use(not_awaited)
    await producer.close()  # error


async def one_topic(orders: KafkaTopicProducer[str, Order], later: AsyncKafkaTopicProducer[str, Order]) -> None:
    """A view of one topic takes no topic."""
    orders.produce("orders", "1", ORDER)  # error
    orders.produce(1, ORDER)  # error
    orders.produce("1", "text")  # error
    orders.produce("1")  # error
    orders.fire(value="text")  # error
    orders.submit(1, ORDER)  # error
    orders.produce_all([(1, ORDER)])  # error
    orders.produce_all([("1", "text")])  # error
    orders.produce_all(["1"])  # error
    orders.topic = "others"  # error
    await later.produce("orders", "1", ORDER)  # error
    await later.produce(1, ORDER)  # error
    later.fire(value="text")  # error
    await later.submit(1, ORDER)  # error


def services(
    producer: KafkaProducer[str, Order],
    texts: KafkaProducer[str, str],
    later: AsyncKafkaProducer[str, Order],
    numbered: AsyncKafkaProducer[int, Order],
) -> None:
    """A service gets the producer it asks for."""
    BlockingOrderService(texts)  # error
    BlockingOrderService(later)  # error
    OrderService(numbered)  # error
    OrderService(producer)  # error
    wider: KafkaProducer[str, Order | Event] = producer  # error
    use(wider)


def faces(producer: Producer[str, Order], later: AsyncProducer[str, Order]) -> None:
    """The producers themselves are as strict as the protocols."""
    producer.produce("orders", 1, ORDER)  # error
    producer.produce("orders", "1", "text")  # error
    producer.produce("orders", "1", ORDER, headers={"a": 1})  # error
    producer.produce("orders", "1", ORDER, timestamp=datetime)  # error
    producer.fire("orders", "1", "text")  # error
    producer.submit(EVENT)  # error
    later.fire("orders", 1, ORDER)  # error
    OrderService(producer)  # error
    BlockingOrderService(later)  # error
    OrderService(producer.typed(str, Event).as_async())  # error
    events = producer.typed(str, Event)
    BlockingOrderService(events)  # error


def configure(options: dict[str, Any]) -> None:
    """Options have names and types; a mapping of anything has its own way in."""
    ProducerConfig(bootstrap_servers="a:9092", lingre_ms=5)  # error
    ProducerConfig(bootstrap_servers="a:9092", linger_ms="5")  # error
    ProducerConfig(bootstrap_servers="a:9092", acks="most")  # error
    ProducerConfig(bootstrap_servers="a:9092", compression_type="lz5")  # error
    ProducerConfig(bootstrap_servers="a:9092", security_protocol="TLS")  # error
    ProducerConfig(bootstrap_servers="a:9092", sasl_mechanism="GSSAPI")  # error
    ProducerConfig(bootstrap_servers="a:9092", sasl_password=b"wonder")  # error
    ProducerConfig(bootstrap_servers="a:9092", sasl_oauth_token_provider=len)  # error
    ProducerConfig.from_mapping(options)
    builder = Kafka.create_producer(str, Order)
    builder.with_linger_ms("5")  # error
    builder.with_acks("most")  # error
    builder.with_options(lingre_ms=5)  # error
    builder.use_snappy_compression(3)  # error
    builder.with_sasl_plain("alice")  # error
    builder.with_tls("ca.pem")  # error
    builder.with_compression_type("lz5")  # error
    Kafka.create_producer(str, ORDER)  # error
    Kafka.create_producer("text", Order)  # error
    texts: Producer[str, str] = builder.build()  # error
    use(texts)
