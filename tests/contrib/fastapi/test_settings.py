from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings, SettingsConfigDict

from dekaf import ConfigurationError, ProducerConfig
from dekaf.contrib.fastapi.settings import DekafSettings, registry_of_settings
from dekaf.producer.hidden_text import hidden, is_hidden
from dekaf.registry import ProducerRegistry
from dekaf.testing import KafkaFixture

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

    with pytest.raises(
        ConfigurationError, match="DEKAF_BOOTSTRAP_SERVER: no such option; did you mean DEKAF_BOOTSTRAP_SERVERS"
    ):
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
    with KafkaFixture() as kafka:
        registry_of_settings().producer("audit").fire("orders", "42", "paid")

    assert [message.alias for message in kafka.messages()] == ["audit"]


PASSWORD = "wonder-7431"
SECURE = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "alice"}
KEY = "-----BEGIN PRIVATE KEY-----\nwonder-7431\n-----END PRIVATE KEY-----"


def secure_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(
        monkeypatch,
        DEKAF_BOOTSTRAP_SERVERS=NOWHERE,
        **{f"DEKAF_{name.upper()}": value for name, value in SECURE.items()},
    )


def password_of(registry: ProducerRegistry, alias: str = "default") -> str:
    password = registry.config(alias).sasl_password
    assert is_hidden(password)
    return password.get_secret_value()


def test_security_options_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    secure_environment(monkeypatch)
    set_environment(monkeypatch, DEKAF_SASL_PASSWORD=PASSWORD, DEKAF_AUDIT__SASL_PASSWORD="another")

    registry = registry_of_settings()

    assert password_of(registry) == PASSWORD
    assert password_of(registry, "audit") == "another"


@pytest.mark.parametrize("name", ["SASL_PASSWORD", "AUDIT__SASL_PASSWORD", "SSL_KEY_PASSWORD", "SASL_PLAIN_PASSWORD"])
def test_settings_show_no_secret_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, **{f"DEKAF_{name}": PASSWORD}, DEKAF_LINGER_MS="20")

    settings = DekafSettings()

    assert PASSWORD not in repr(settings) + str(settings) + repr(vars(settings)) + repr(settings.model_extra)
    assert PASSWORD not in repr(settings.model_dump()) + settings.model_dump_json()
    assert "20" in repr(settings)


@pytest.mark.parametrize(
    "options",
    [
        {"sasl_password": PASSWORD},
        {"audit": {"sasl_password": PASSWORD}},
        {"ssl_keyfile": KEY},
        {"bootstrap_servers": f"alice:{PASSWORD}@broker:9092"},
        {"no_option": PASSWORD},
    ],
)
def test_settings_show_no_secret_that_they_are_given(options: dict[str, object]) -> None:
    settings = DekafSettings(**options)

    assert PASSWORD not in repr(settings) + repr(vars(settings)) + repr(settings.model_extra)


def test_an_address_with_a_password_is_still_refused_with_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=f"alice:{PASSWORD}@broker:9092")

    with pytest.raises(ConfigurationError, match="write host:9092, without user and password") as caught:
        registry_of_settings()
    assert PASSWORD not in str(caught.value)


def secret_file(folder: Path, name: str, content: str | bytes) -> None:
    folder.joinpath(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def settings_with(*folders: Path) -> DekafSettings:
    class Settings(DekafSettings):
        model_config = SettingsConfigDict(secrets_dir=folders if len(folders) > 1 else folders[0])

    return Settings()


def test_a_folder_of_secrets_counts_as_variables_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secure_environment(monkeypatch)
    secret_file(tmp_path, "DEKAF_SASL_PASSWORD", f"{PASSWORD}\n")
    secret_file(tmp_path, "DEKAF_AUDIT__SASL_PASSWORD", "another")
    secret_file(tmp_path, "OTHER_PASSWORD", "of somebody else")

    settings = settings_with(tmp_path)
    registry = registry_of_settings(settings)

    assert sorted(registry.aliases) == ["audit", "default"]
    assert (password_of(registry), password_of(registry, "audit")) == (PASSWORD, "another")
    assert PASSWORD not in repr(settings) + repr(vars(settings)) + repr(settings.model_extra)


def test_files_may_be_in_lower_case_as_docker_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secure_environment(monkeypatch)
    secret_file(tmp_path, "dekaf_sasl_password", PASSWORD)

    assert password_of(registry_of_settings(settings_with(tmp_path))) == PASSWORD


def test_kubernetes_mounts_files_as_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secure_environment(monkeypatch)
    version = tmp_path / "..2026_11_28"
    version.mkdir()
    secret_file(version, "DEKAF_SASL_PASSWORD", PASSWORD)
    (tmp_path / "..data").symlink_to(version.name)
    (tmp_path / "DEKAF_SASL_PASSWORD").symlink_to("..data/DEKAF_SASL_PASSWORD")

    assert password_of(registry_of_settings(settings_with(tmp_path))) == PASSWORD


def test_a_key_in_a_file_is_pem_text(tmp_path: Path) -> None:
    secret_file(tmp_path, "DEKAF_BOOTSTRAP_SERVERS", NOWHERE)
    secret_file(tmp_path, "DEKAF_SECURITY_PROTOCOL", "SSL")
    secret_file(tmp_path, "DEKAF_SSL_CERTFILE", "/etc/ssl/client.pem")
    secret_file(tmp_path, "DEKAF_SSL_KEYFILE", KEY)

    config = registry_of_settings(settings_with(tmp_path)).config()

    assert config.ssl_keyfile == hidden(KEY)
    assert config.ssl_certfile == "/etc/ssl/client.pem"


def test_a_variable_goes_before_a_file_and_the_last_folder_before_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = tmp_path / "first", tmp_path / "last"
    for folder in (first, last):
        folder.mkdir()
        secret_file(folder, "DEKAF_CLIENT_ID", folder.name)
        secret_file(folder, "DEKAF_LINGER_MS", "30")
    set_environment(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, DEKAF_LINGER_MS="40")

    config = registry_of_settings(settings_with(first, last)).config()

    assert (config.client_id, config.linger_ms) == ("last", 40)


def test_empty_files_and_those_of_dekafs_own_tests_are_left_alone(tmp_path: Path) -> None:
    secret_file(tmp_path, "DEKAF_BOOTSTRAP_SERVERS", NOWHERE)
    secret_file(tmp_path, "DEKAF_SASL_PASSWORD", "\n")
    secret_file(tmp_path, "DEKAF_TEST_SOMETHING", "1")
    (tmp_path / "DEKAF_FOLDER").mkdir()

    assert registry_of_settings(settings_with(tmp_path)).config().given_security_options == ()


def test_bytes_that_are_no_text_are_a_fault_of_their_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secure_environment(monkeypatch)
    secret_file(tmp_path, "DEKAF_SASL_PASSWORD", b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="sasl_password: is not valid UTF-8 text"):
        registry_of_settings(settings_with(tmp_path))


def test_a_folder_that_is_not_there_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="does not exist"):
        assert settings_with(tmp_path / "none").is_empty


def test_a_derived_class_has_secrets_of_its_own(tmp_path: Path) -> None:
    secret_file(tmp_path, "SHOP_DATABASE_PASSWORD", "of the database")
    secret_file(tmp_path, "SHOP_BOOTSTRAP_SERVERS", NOWHERE)

    class Shop(DekafSettings):
        model_config = SettingsConfigDict(env_prefix="SHOP_", secrets_dir=tmp_path)
        database_password: str = ""

    shop = Shop()

    assert shop.database_password == "of the database"
    assert shop.model_extra == {"bootstrap_servers": NOWHERE}


def test_extensions_that_are_a_mapping_are_no_producer() -> None:
    settings = DekafSettings(
        bootstrap_servers=NOWHERE,
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        sasl_oauthbearer_token_endpoint_url="file:///run/token",
        sasl_oauthbearer_extensions={"logicalCluster": "lkc-1"},
    )

    assert registry_of_settings(settings).config().sasl_oauthbearer_extensions == {"logicalCluster": "lkc-1"}
