"""Where the options of the command's producer come from, and which of them wins."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from dekaf import ConfigurationError
from dekaf.command.options import add_options, config_of, of_properties, sources_of
from dekaf.producer.security_config import SecurityConfig


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEKAF_BOOTSTRAP_SERVERS", raising=False)


def arguments(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(given)


def test_without_anything_it_is_the_kafka_of_this_machine() -> None:
    assert config_of(arguments()).bootstrap_servers == ("localhost:9092",)


def test_arguments_win_over_a_file_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "of-environment:1")
    monkeypatch.setenv("DEKAF_LINGER_MS", "7")
    file = tmp_path / "kafka.toml"
    file.write_text('bootstrap_servers = "of-file:1"\nlinger_ms = 8\n')

    of_environment = config_of(arguments("-X", "batch_size=1000"))
    of_file = config_of(arguments("-c", str(file), "-b", "of-argument:1"))

    assert (of_environment.bootstrap_servers, of_environment.linger_ms) == (("of-environment:1",), 7)
    assert of_environment.batch_size == 1000
    assert (of_file.bootstrap_servers, of_file.linger_ms) == (("of-argument:1",), 8)


def test_what_the_command_wants_gives_way_to_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert config_of(arguments(), linger_ms=50).linger_ms == 50
    assert config_of(arguments("-X", "linger_ms=3"), linger_ms=50).linger_ms == 3
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "of-environment:1")
    monkeypatch.setenv("DEKAF_LINGER_MS", "7")
    assert config_of(arguments(), linger_ms=50).linger_ms == 7


def test_an_argument_completes_what_the_environment_leaves_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_SASL_PASSWORD", "hidden")
    login = ("-X", "security_protocol=SASL_SSL", "-X", "sasl_mechanism=PLAIN", "-X", "sasl_username=shop")

    found = config_of(arguments("-b", "broker:9093", *login))

    assert (found.bootstrap_servers, found.sasl_username) == (("broker:9093",), "shop")
    assert found.sasl_password is not None
    assert config_of(arguments(*login)).bootstrap_servers == ("localhost:9092",)
    monkeypatch.setenv("DEKAF_AUDIT__LINGER_MS", "7")
    assert config_of(arguments("-b", "broker:9093", *login, "--alias", "audit")).linger_ms == 7
    with pytest.raises(ConfigurationError, match="Did you mean 'audit'"):
        config_of(arguments("-b", "broker:9093", *login, "--alias", "audti"))


def test_a_mistake_names_the_environment_and_the_command_line_if_both_said_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEKAF_SASL_USERNAME", "shop")

    with pytest.raises(ConfigurationError, match=r"the environment \(DEKAF_…\) and the command line: sasl_"):
        config_of(arguments("-X", "security_protocol=SASL_SSL"))


@pytest.mark.parametrize(
    ("name", "content", "alias"),
    [
        ("kafka.toml", "LINGER_MS = 7\nbatch_size = 1000\n", "default"),
        ("kafka.toml", "[audit]\nLINGER_MS = 7\nbatch_size = 1000\n", "audit"),
        ("kafka.properties", "linger.ms=7\nbatch.size=1000\n", "default"),
    ],
)
def test_an_argument_completes_what_a_file_leaves_open(tmp_path: Path, name: str, content: str, alias: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    given = arguments("-c", str(file), "--alias", alias, "-b", "broker:1", "-X", "linger_ms=3")

    found = config_of(given, max_in_flight_requests_per_connection=1)

    assert (found.bootstrap_servers, found.linger_ms, found.batch_size) == (("broker:1",), 3, 1000)
    assert found.max_in_flight_requests_per_connection == 1
    assert sources_of(given)["bootstrap_servers"] == "-b"
    assert sources_of(given)["batch_size"] == str(file)


def test_a_file_may_have_many_producers(tmp_path: Path) -> None:
    file = tmp_path / "kafka.toml"
    file.write_text('[default]\nbootstrap_servers = "a:1"\n[audit]\nbootstrap_servers = "b:1"\n')

    assert config_of(arguments("-c", str(file), "--alias", "audit")).bootstrap_servers == ("b:1",)
    with pytest.raises(ConfigurationError, match="Did you mean 'audit'"):
        config_of(arguments("-c", str(file), "--alias", "audti"))


def test_a_file_for_kcat_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kcat.conf"
    file.write_text("# of the console\nbootstrap.servers=a:9092,b:9092\n\nlinger.ms = 20\n")

    config = config_of(arguments("-c", str(file)))

    assert (config.bootstrap_servers, config.linger_ms) == (("a:9092", "b:9092"), 20)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("kafka.toml", "bootstrap_servers", "kafka.toml"),
        ("kcat.conf", "bootstrap.servers", "line 1 is not `name=value`"),
        ("kcat.conf", "bootstrap.serverss=a:1", "bootstrap.servers"),
    ],
)
def test_a_mistake_in_a_file_is_told(tmp_path: Path, name: str, content: str, said: str) -> None:
    file = tmp_path / name
    file.write_text(content)

    with pytest.raises(ConfigurationError, match=said):
        config_of(arguments("-c", str(file)))


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigurationError, match="--config /no/such"):
        config_of(arguments("-c", "/no/such"))


SECRETS = [name for name in SecurityConfig.model_fields if name.endswith(("password", "secret", "passphrase"))]


@pytest.mark.parametrize("name", [*SECRETS, "SASL_PASSWORD"])
def test_secrets_are_no_arguments(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("-X", f"{name}=hunter2")

    error = capsys.readouterr().err
    assert f"DEKAF_{name.upper()}" in error
    assert "hunter2" not in error


def test_there_are_secrets_to_refuse() -> None:
    assert len(SECRETS) == 4


def test_properties_may_have_an_equals_sign_in_their_value() -> None:
    assert of_properties("sasl.jaas.config=a b=c;\n") == {"sasl.jaas.config": "a b=c;"}
