"""No way in shows a secret, whatever is wrong beside it: not in errors, their chains, reprs, variables or logs."""

from __future__ import annotations

import functools
import itertools
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from dependency_injector import providers
from pydantic_settings import SettingsConfigDict

import dekaf
from dekaf import AsyncProducer, Kafka, Producer, ProducerConfig, ProducerRegistry
from dekaf.contrib.dependency_injector import ProducerContainer
from dekaf.contrib.fastapi import DekafSettings
from dekaf.contrib.fastapi.settings import registry_of_settings
from dekaf.errors import ConfigurationError
from tests.properties.secrets import KEY, MARK, MISTAKES, given_options, leaks_in, leaks_of, logged
from tests.unit.security.tracebacks import frames_of_dekaf

Options = dict[str, Any]


def config_by_keywords(options: Options) -> Iterator[object]:
    config = ProducerConfig(**options)
    yield config
    yield config.create_security_options()
    yield config.with_options(linger_ms=7)


def config_by_replacing(options: Options) -> Iterator[object]:
    yield ProducerConfig(backend="memory").with_options(**options)


def config_by_mapping(options: Options) -> Iterator[object]:
    yield ProducerConfig.from_mapping(options)


def producer_by_keywords(options: Options) -> Iterator[object]:
    yield from closed(Producer(**options, backend="memory"))


def async_producer_by_keywords(options: Options) -> Iterator[object]:
    yield from closed(AsyncProducer(**options, backend="memory").as_sync())


def producer_by_config(options: Options) -> Iterator[object]:
    yield from closed(Producer(config=ProducerConfig(backend="memory"), **options))


def producer_by_builder(options: Options) -> Iterator[object]:
    builder = Kafka.create_producer(str, str).with_options(**options).with_backend("memory")
    yield builder
    yield from closed(builder.build())


def registry_by_mapping(options: Options) -> Iterator[object]:
    registry = ProducerRegistry({**options, "backend": "memory"})
    yield registry
    yield registry.config()
    yield registry.producer()
    registry.close()


def registry_by_aliases(options: Options) -> Iterator[object]:
    yield ProducerRegistry({"default": options, "audit": options}).config("audit")


def registry_by_object(options: Options) -> Iterator[object]:
    yield ProducerRegistry(SimpleNamespace(DEKAF=options)).config()


def container(options: Options) -> Iterator[object]:
    made = ProducerContainer(config=providers.Configuration())
    made.config.from_dict({**options, "backend": "memory"})
    yield made.producer()
    yield made.registry().config()
    made.shutdown_resources()


def settings_by_keywords(options: Options) -> Iterator[object]:
    settings = DekafSettings(**options)
    yield settings
    yield settings.model_extra
    yield registry_of_settings(settings).config()


def closed(producer: Any) -> Iterator[object]:
    yield producer
    yield producer.status()
    producer.close()


WAYS: Final = (
    *(config_by_keywords, config_by_replacing, config_by_mapping, producer_by_keywords, async_producer_by_keywords),
    *(producer_by_config, producer_by_builder, registry_by_mapping, registry_by_aliases, registry_by_object),
    *(container, settings_by_keywords),
)
MISTAKES_IN_TEXT: Final = [mistake for mistake in MISTAKES if mistake not in {"bytes", "a list", "a mapping"}]
IN_ANY_CASE: Final = frozenset(
    {config_by_mapping, registry_by_mapping, registry_by_aliases, registry_by_object, container, settings_by_keywords}
)


@pytest.mark.mistake("strimzi-kafka-bridge #343", "apisix #13786", "kafka-gitops #93")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_secret_is_shown(
    way: Callable[[Options], Iterator[object]], mistake: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    is_loud = mistake == "in upper case" and way not in IN_ANY_CASE
    for options, is_wrong in given_options(mistake):
        check_way(functools.partial(way, options), is_wrong=is_wrong or is_loud)

    assert not leaks_in(logged(caplog.records))


def check_way(way: Callable[[], Iterator[object]], *, is_wrong: bool) -> None:
    shown: list[object] = []
    error = error_of(way, shown)

    assert (error is not None) is is_wrong, error or shown
    if error is not None:
        assert frames_of_dekaf(error)
        assert not leaks_of(error)
    assert not leaks_in(*shown)


def error_of(way: Callable[[], Iterator[object]], shown: list[object]) -> ConfigurationError | None:
    """Go one way, keep what comes of it, and return the error in which it ends."""
    try:
        for one in way():
            shown.append(one)  # noqa: PERF402 # what came before an error is looked at, too
    except ConfigurationError as error:
        return error
    return None


@pytest.mark.parametrize("mistake", MISTAKES_IN_TEXT)
def test_no_secret_of_the_environment_is_shown(
    mistake: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def way() -> Iterator[object]:
        settings = DekafSettings()
        yield settings
        yield settings.model_extra
        yield registry_of_settings(settings).config()

    caplog.set_level(logging.DEBUG)
    for options, is_wrong in given_options(mistake):
        with monkeypatch.context() as environment:
            for name, value in options.items():
                if "\x00" not in str(value):
                    environment.setenv(f"DEKAF_{name.upper()}", encodable(value))
            check_way(way, is_wrong=is_wrong)

    assert not leaks_in(logged(caplog.records))


@pytest.mark.parametrize("alias", ["", "AUDIT__"])
@pytest.mark.parametrize("mistake", MISTAKES_IN_TEXT)
def test_no_secret_of_a_folder_is_shown(
    mistake: str, alias: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Settings(DekafSettings):
        model_config = SettingsConfigDict(secrets_dir=tmp_path)

    def way() -> Iterator[object]:
        settings = Settings()
        yield settings
        yield settings.model_extra
        yield registry_of_settings(settings).config(alias.rstrip("_").lower() or "default")

    caplog.set_level(logging.DEBUG)
    for options, is_wrong in given_options(mistake):
        for name, value in options.items():
            file = tmp_path / f"DEKAF_{alias}{name.upper()}"
            file.write_bytes(str(value).encode(errors="surrogatepass"))
        check_way(way, is_wrong=is_wrong)
        for file in tmp_path.iterdir():
            file.unlink()

    assert not leaks_in(logged(caplog.records))


def encodable(value: object) -> str:
    """Return a value as a variable holds it: a byte that is not UTF-8 is there as half of a surrogate pair."""
    return str(value).replace("\ud800", "\udcff")


def token_callback(config: str) -> tuple[str, float]:
    raise NotImplementedError


# Configurations of other clients that hold a secret each, right or wrong.
CONFLUENT: Final = {"bootstrap.servers": "a:9092", "security.protocol": "SASL_SSL"}
OF_CONFLUENT: Final[tuple[Options, ...]] = (
    {**CONFLUENT, "sasl.mechanisms": "PLAIN", "sasl.username": "alice", "sasl.password": MARK},
    {**CONFLUENT, "security.protocol": "SSL", "ssl.certificate.location": "client.pem", "ssl.key.pem": KEY},
    {**CONFLUENT, "security.protocol": "SSL", "ssl.certificate.location": "client.pem", "ssl.key.password": MARK},
    {
        **CONFLUENT,
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.config": f"secret={MARK}",
        "oauth_cb": token_callback,
    },
)
OF_PYTHON: Final[tuple[Options, ...]] = (
    {
        "bootstrap_servers": "a:9092",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "alice",
        "sasl_plain_password": MARK,
    },
)
# Mistakes under the names of either.
CONFLUENTS: Final[tuple[Options, ...]] = (
    {"no.such.option": MARK},
    {"linger.ms": -1},
    {"ssl.keystore.password": MARK, "transactional.id": MARK},
    {"ssl.key.password": [MARK]},
    {"security.protocol": "PLAINTEXT"},
)
PYTHONS: Final[tuple[Options, ...]] = (
    {"no_such_option": MARK},
    {"linger_ms": -1},
    {"transactional_id": MARK},
    {"sasl_plain_password": MARK.encode()},
    {"security_protocol": "PLAINTEXT"},
)


@pytest.mark.parametrize(
    ("made", "configurations", "mistakes"),
    [
        (ProducerConfig.from_confluent, OF_CONFLUENT, CONFLUENTS),
        (ProducerConfig.from_aiokafka, OF_PYTHON, PYTHONS),
        (ProducerConfig.from_kafka_python, OF_PYTHON, PYTHONS),
    ],
)
def test_no_secret_of_another_clients_configuration_is_shown(
    made: Callable[[Options], ProducerConfig],
    configurations: tuple[Options, ...],
    mistakes: tuple[Options, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def way(options: Options) -> Iterator[object]:
        yield made(options)

    caplog.set_level(logging.DEBUG)
    for configuration, mistake in itertools.product(configurations, ({}, *mistakes)):
        check_way(functools.partial(way, {**configuration, **mistake}), is_wrong=bool(mistake))

    assert not leaks_in(logged(caplog.records))


POSITIONAL: Final[tuple[Callable[[Any], object], ...]] = (
    *(ProducerConfig, Producer, AsyncProducer),
    *(lambda options: Producer(config=options), lambda options: AsyncProducer(config=options)),
    *(Producer.from_config, AsyncProducer.from_config),
    *(lambda options: ProducerRegistry([options]), lambda options: ProducerConfig.from_mapping(cast("Any", [options]))),
    lambda options: ProducerRegistry({"default": {"backend": "memory"}, "backend": options}),
    lambda options: ProducerConfig.from_mapping({"SASL_PASSWORD": options, "sasl_password": options}),
    lambda options: ProducerConfig.from_confluent(cast("Any", [options])),
    lambda options: ProducerConfig.from_aiokafka({}, sasl_password=cast("Any", [options])),
    lambda options: Kafka.create_producer().with_options(**{"key": str, **options}),
)


@pytest.mark.parametrize("made", POSITIONAL)
def test_no_secret_is_shown_where_options_are_out_of_place(made: Callable[[Any], object]) -> None:
    for options, _ in given_options("none"):
        with pytest.raises(ConfigurationError) as caught:
            made(options)

        # The faces are machine code in a compiled build, whose frames hold no local variables to show.
        assert dekaf.compiled or frames_of_dekaf(caught.value)
        assert not leaks_of(caught.value)
