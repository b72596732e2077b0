from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from dekaf import ConfigurationError, ProducerConfig
from dekaf.contrib.fastapi.settings import DekafSettings, registry_of_settings
from dekaf.registry import ProducerRegistry, override_everywhere
from dekaf.testing import RecordingProducer

NOWHERE = "127.0.0.1:1"


def set_environment(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_the_environment_configures_the_default_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, DEKAF_LINGER_MS="20", dekaf_acks="leader")

    config = registry_of_settings().config()

    assert (config.bootstrap_servers, config.linger_ms, config.acks.name) == ((NOWHERE,), 20, "LEADER")


def test_aliases_in_the_environment_start_from_what_all_have_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, DEKAF_LINGER_MS="20", DEKAF_AUDIT__LINGER_MS="50")

    registry = registry_of_settings()

    assert sorted(registry.aliases) == ["audit", "default"]
    assert registry.config("audit").bootstrap_servers == (NOWHERE,)
    assert [registry.config(alias).linger_ms for alias in ("default", "audit")] == [20, 50]


def test_options_in_common_are_no_producer_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, DEKAF_LINGER_MS="20", DEKAF_AUDIT__BOOTSTRAP_SERVERS=NOWHERE)

    registry = registry_of_settings()

    assert registry.aliases == ("audit",)
    assert registry.config("audit").linger_ms == 20


def test_mistakes_in_the_environment_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, DEKAF_BOOTSTRAP_SERVER=NOWHERE)

    with pytest.raises(ConfigurationError, match="bootstrap_server: no such option; did you mean bootstrap_servers"):
        registry_of_settings()


def test_empty_variables_and_those_of_dekafs_own_tests_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(
        monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, DEKAF_CLIENT_ID="", DEKAF_TEST_BOOTSTRAP_SERVERS="elsewhere:9092"
    )

    assert registry_of_settings().config().bootstrap_servers == (NOWHERE,)


def test_a_subclass_reads_another_prefix_and_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("KAFKA_BOOTSTRAP_SERVERS=file:9092\nKAFKA_LINGER_MS=30\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("KAFKA_LINGER_MS", "40")

    class KafkaSettings(DekafSettings):
        model_config = SettingsConfigDict(env_prefix="KAFKA_", env_file=file)

    config = registry_of_settings(KafkaSettings()).config()

    assert (config.bootstrap_servers, config.linger_ms) == (("file:9092",), 40)


def test_an_applications_own_settings_hold_them_under_one_name() -> None:
    class Settings(BaseSettings):
        debug: bool = False
        dekaf: dict[str, object] = {"bootstrap_servers": NOWHERE}

    assert registry_of_settings(Settings()).config().bootstrap_servers == (NOWHERE,)


def test_mappings_configurations_and_registries_are_settings() -> None:
    config = ProducerConfig(bootstrap_servers=NOWHERE)
    registry = ProducerRegistry(config)

    assert registry_of_settings({"BOOTSTRAP_SERVERS": NOWHERE}).config().bootstrap_servers == (NOWHERE,)
    assert registry_of_settings(config).config() is config
    assert registry_of_settings(registry) is registry


def test_no_settings_at_all_is_an_error_that_shows_the_remedy() -> None:
    with pytest.raises(ConfigurationError, match="DEKAF_BOOTSTRAP_SERVERS"):
        registry_of_settings()


def test_tests_need_no_settings() -> None:
    with override_everywhere(RecordingProducer()) as double:
        found: object = registry_of_settings().producer("audit")

    assert found is double
