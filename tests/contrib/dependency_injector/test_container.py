from __future__ import annotations

import asyncio
import os
import signal
import ssl
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pydantic
import pytest
from dependency_injector import containers, providers

from dekaf import AsyncProducer, ConfigurationError, Producer, ProducerClosedError
from dekaf.abc import AsyncKafkaProducer, KafkaProducer
from dekaf.contrib.dependency_injector import ProducerContainer
from dekaf.registry import ProducerRegistry
from dekaf.testing import KafkaFixture

OPTIONS: dict[str, object] = {"bootstrap_servers": "127.0.0.1:1", "close_timeout_ms": 200}
BY_ALIAS: dict[str, object] = {"default": OPTIONS, "audit": OPTIONS}


class OrderService:
    def __init__(self, producer: AsyncKafkaProducer[str, Any]) -> None:
        self.producer = producer


class AuditService:
    def __init__(self, producer: KafkaProducer[str, Any]) -> None:
        self.producer = producer


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    kafka = providers.Container(ProducerContainer, config=config.kafka)
    orders = providers.Factory(OrderService, producer=kafka.async_producer)
    audit = providers.Factory(AuditService, producer=providers.Callable(kafka.producers, "audit", str, dict))


@pytest.fixture
def application() -> Iterator[Any]:
    application = Application()
    application.config.from_dict({"kafka": BY_ALIAS})
    yield application
    application.shutdown_resources()


@pytest.fixture
def kafka() -> Iterator[Any]:
    kafka = ProducerContainer(config=BY_ALIAS)
    yield kafka
    kafka.shutdown_resources()


# Providing.


def test_all_providers_share_one_engine_per_alias(kafka: Any) -> None:
    assert kafka.producer() is kafka.producers("default")
    assert kafka.producer()._core is kafka.async_producer()._core
    assert kafka.producers("audit", str, dict)._core is kafka.async_producers("audit")._core
    assert kafka.producers("audit")._core is not kafka.producer()._core


def test_it_nests_in_a_users_container(application: Any) -> None:
    assert application.orders().producer is application.kafka.async_producer()
    assert application.audit().producer is application.kafka.producers("audit", str, dict)


def test_one_containers_producers_are_not_another_ones(application: Any) -> None:
    other = Application()
    other.config.from_dict({"kafka": BY_ALIAS})

    assert other.kafka.producer() is not application.kafka.producer()
    other.shutdown_resources()
    assert isinstance(application.kafka.producer(), Producer)


def test_configuration_may_be_an_object() -> None:
    class Settings(pydantic.BaseModel):
        bootstrap_servers: str = "127.0.0.1:1"
        linger_ms: int = 20

    from_pydantic = ProducerContainer()
    from_pydantic.config.override(providers.Object(Settings()))

    assert from_pydantic.registry().config().linger_ms == 20


def test_wrong_configuration_is_not_kept(kafka: Any) -> None:
    container = ProducerContainer(config={"bootstrap_server": "127.0.0.1:1"})

    with pytest.raises(ConfigurationError, match="did you mean bootstrap_servers"):
        container.producer()

    container.config.override(OPTIONS)
    assert isinstance(container.producer(), Producer)


def test_a_container_without_configuration_explains_itself() -> None:
    with pytest.raises(ConfigurationError, match=r"config is empty.*providers\.Callable\(kafka\.producers"):
        ProducerContainer().producer()


def test_threads_that_come_first_together_get_one_registry(kafka: Any) -> None:
    barrier = threading.Barrier(8)

    def ask(_: int) -> object:
        barrier.wait()
        return kafka.registry()

    with ThreadPoolExecutor(8) as threads:
        registries = set(map(id, threads.map(ask, range(8))))

    assert len(registries) == 1


def test_a_child_forked_while_another_thread_makes_the_registry_can_make_it(kafka: Any) -> None:
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with kafka.registry._lock:
            held.set()
            enough.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks where there are threads
            pid = os.fork()
        if pid == 0:
            signal.alarm(10)  # hanging would be the failure
            os._exit(0 if isinstance(kafka.producer(), Producer) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        enough.set()
        holder.join()


# Overriding.


def everything(kafka: Any) -> dict[str, object]:
    """Return what each way to the default producer, and one to another, leads to."""
    registry: ProducerRegistry = kafka.registry()
    return {
        "producer": kafka.producer(),
        "async_producer": kafka.async_producer(),
        "producers": kafka.producers("default"),
        "async_producers": kafka.async_producers("default"),
        "registry": registry.producer(),
        "async registry": registry.async_producer(),
        "audit": kafka.producers("audit"),
        "async audit": kafka.async_producers("audit"),
    }


DEFAULT = {"producer", "async_producer", "producers", "async_producers", "registry", "async registry"}


@pytest.mark.parametrize(
    ("overridden", "double", "reached"),
    [
        ("producer", Producer(backend="memory"), DEFAULT),
        ("async_producer", AsyncProducer(backend="memory"), DEFAULT),
        ("producers", Producer(backend="memory"), DEFAULT | {"audit", "async audit"}),
        ("async_producers", AsyncProducer(backend="memory"), DEFAULT | {"audit", "async audit"}),
    ],
)
@pytest.mark.parametrize("is_made_before", [True, False], ids=["after the registry is made", "before it is made"])
def test_overriding_one_provider_reaches_all(
    kafka: Any, overridden: str, double: Any, reached: set[str], is_made_before: bool
) -> None:
    before = everything(kafka) if is_made_before else None

    with getattr(kafka, overridden).override(double):
        found = everything(kafka)

    replaced = {way: face for way, face in found.items() if getattr(face, "_core", None) is double._core}
    assert replaced.keys() == reached
    assert {way for way, producer in replaced.items() if isinstance(producer, AsyncProducer)} == {
        way for way in reached if "async" in way
    }
    assert before is None or everything(kafka) == before


def test_overriding_reaches_services_and_whoever_holds_the_registry(application: Any) -> None:
    registry: ProducerRegistry = application.kafka.registry()
    double = Producer(backend="memory")

    with double, application.kafka.producer.override(providers.Object(double)):
        service = application.orders()
        registry.producer().fire("orders", "42", "paid")

    assert isinstance(service.producer, AsyncProducer)
    assert service.producer.produced is double.produced
    assert len(double.produced.messages) == 1


def test_another_registry_reaches_whoever_holds_the_first(kafka: Any) -> None:
    first: ProducerRegistry = kafka.registry()
    with ProducerRegistry(BY_ALIAS) as second, kafka.registry.override(second):
        assert kafka.producer() is second.producer()
        assert first.async_producer("audit") is second.async_producer("audit")


def test_overriding_in_the_registry_reaches_the_providers(kafka: Any) -> None:
    double = Producer(backend="memory")

    with kafka.registry().override_all(double):
        assert kafka.producer() is double
        assert kafka.producers("audit") is double


def test_an_override_may_wrap_the_real_producer(kafka: Any) -> None:
    class Wrapper:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        def produce(self) -> None:
            """Make it a producer for threads."""

    registry = kafka.registry()
    with kafka.producer.override(providers.Factory(Wrapper, providers.Callable(kafka.producers, "default"))):
        wrapped = registry.producer()

    assert isinstance(wrapped, Wrapper)
    assert isinstance(wrapped.inner, Producer)


def test_tests_need_no_configuration() -> None:
    container = ProducerContainer()

    with KafkaFixture() as kafka:
        for producer in (container.producer(), container.producers("whatever")):
            producer.fire("orders", "42", "paid")

    assert [message.alias for message in kafka.messages()] == ["default", "whatever"]


# Shutting down.


def test_shutdown_closes_and_using_it_after_is_refused(application: Any) -> None:
    registry: ProducerRegistry = application.kafka.registry()
    application.kafka.producer().fire("orders", "42", "paid")

    application.shutdown_resources()
    application.shutdown_resources()

    assert registry.close().undelivered == 1
    for provider in (application.orders, application.kafka.producer, application.kafka.registry):
        with pytest.raises(ProducerClosedError, match=r"init_resources\(\) makes new ones"):
            provider()


def test_init_opens_it_again(application: Any) -> None:
    before = application.kafka.producer()
    application.shutdown_resources()

    application.init_resources()

    assert isinstance(application.kafka.producer(), Producer)
    assert application.kafka.producer() is not before


def test_shutdown_on_an_event_loops_thread_waits_as_well(application: Any) -> None:
    registry: ProducerRegistry = application.kafka.registry()
    application.kafka.producer().fire("orders", "42", "paid")

    async def shut_down() -> None:
        application.shutdown_resources()

    asyncio.run(shut_down())

    report = registry.close()
    assert (report.undelivered, report.pending) == (1, False)


def test_an_overridden_container_is_closed_as_well(kafka: Any) -> None:
    registry: ProducerRegistry = kafka.registry()

    with kafka.producer.override(Producer(backend="memory")), kafka.registry.override(providers.Object(None)):
        kafka.shutdown_resources()

    assert registry.is_closed


def test_objects_that_only_code_can_give_reach_the_producer() -> None:
    context = ssl.create_default_context()

    def password() -> str:
        raise NotImplementedError

    options = {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "SASL_SSL",
        "ssl_context": context,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "alice",
        "sasl_password": password,
    }
    by_keyword = ProducerContainer(config=options)
    by_provider = ProducerContainer()
    by_provider.config.from_dict(options)

    for container in (by_keyword, by_provider):
        config = container.registry().config()
        assert config.ssl_context is context
        assert config.sasl_password is password
        container.shutdown_resources()
