from __future__ import annotations

import os
import re
import traceback

import pytest
from pydantic import SecretStr

from dekaf import ConfigurationError
from dekaf.environment import registry_of_environment
from dekaf.registry import ProducerRegistry

NOWHERE = "127.0.0.1:1"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().startswith("DEKAF_"):
            monkeypatch.delenv(name)


def registry_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> ProducerRegistry:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    registry = registry_of_environment()
    assert registry is not None
    return registry


def test_an_environment_that_says_nothing_has_no_producers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_TEST_BOOTSTRAP_SERVERS", NOWHERE)
    monkeypatch.setenv("DEKAF_CLIENT_ID", "")

    assert registry_of_environment() is None


def test_options_without_an_alias_are_those_of_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_of(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=f"{NOWHERE},b:2", dekaf_linger_ms="20")

    assert registry.aliases == ("default",)
    assert (registry.config().bootstrap_servers, registry.config().linger_ms) == ((NOWHERE, "b:2"), 20)


def test_aliases_have_what_is_given_for_all_and_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_of(
        monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, DEKAF_LINGER_MS="20", DEKAF_AUDIT__LINGER_MS="50"
    )

    assert sorted(registry.aliases) == ["audit", "default"]
    assert [registry.config(alias).linger_ms for alias in ("default", "audit")] == [20, 50]
    assert registry.config("audit").bootstrap_servers == (NOWHERE,)


def test_options_for_all_are_no_producer_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert registry_of(monkeypatch, DEKAF_LINGER_MS="20", DEKAF_AUDIT__BACKEND="memory").aliases == ("audit",)


def test_hooks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_of(
        monkeypatch,
        DEKAF_BACKEND="memory",
        DEKAF_LISTENER="tests.named_hooks.LISTENER,tests.named_hooks.NotingListener",
        DEKAF_TRACER="tests.named_hooks.NotingTracer",
        DEKAF_ON_UNDELIVERED="tests.named_hooks.save",
    )

    config = registry.config()
    assert [type(listener).__name__ for listener in config.listeners] == ["NotingListener", "NotingListener"]
    assert type(config.tracer).__name__ == "NotingTracer"
    assert config.on_undelivered is not None


def test_another_prefix_is_read_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_NO_SUCH_OPTION", "1")
    monkeypatch.setenv("SHOP_BOOTSTRAP_SERVERS", NOWHERE)

    registry = registry_of_environment("SHOP_")

    assert registry is not None
    assert registry.config().bootstrap_servers == (NOWHERE,)


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("DEKAF_LINGE_MS", "DEKAF_LINGE_MS: no such option; did you mean DEKAF_LINGER_MS?"),
        ("dekaf_linge_ms", "DEKAF_LINGE_MS: no such option; did you mean DEKAF_LINGER_MS?"),
        (
            "DEKAF_AUDIT_BOOTSTRAP_SERVERS",
            "DEKAF_AUDIT_BOOTSTRAP_SERVERS: no such option; did you mean DEKAF_AUDIT__BOOTSTRAP_SERVERS?",
        ),
        ("DEKAF_DEFAULT_ACKS", "did you mean DEKAF_DEFAULT__ACKS?"),
        ("DEKAF_LINGER__MS", "DEKAF_LINGER__MS: no such option; did you mean DEKAF_LINGER_MS?"),
        ("DEKAF__LINGER_MS", "did you mean DEKAF_LINGER_MS?"),
        ("DEKAF_AUDIT__LINGE_MS", "DEKAF_AUDIT__LINGE_MS: no such option; did you mean DEKAF_AUDIT__LINGER_MS?"),
        ("DEKAF_AUDIT___LINGER_MS", "did you mean DEKAF_AUDIT__LINGER_MS?"),
        ("DEKAF_SSL_KEY", "DEKAF_SSL_KEY: no such option; write ssl_keyfile"),
        ("DEKAF_BROKERS", "DEKAF_BROKERS: no such option; write bootstrap_servers"),
        ("DEKAF_LOG_LEVEL", "DEKAF_LOG_LEVEL: no such option"),
        ("DEKAF_TRANSACTIONAL_ID", "DEKAF_TRANSACTIONAL_ID: is not supported by this version of dekaf yet"),
    ],
)
def test_a_variable_that_is_no_option_is_refused_with_the_one_that_was_meant(
    variable: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        registry_of(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, **{variable: "1"})


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="2 faults"):
        registry_of(monkeypatch, DEKAF_LINGE_MS="5", DEKAF_AKCS="all")


def test_a_variable_given_in_two_cases_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="DEKAF_ACKS is given twice, in different case"):
        registry_of(monkeypatch, DEKAF_ACKS="all", dekaf_acks="none")


@pytest.mark.parametrize(
    ("variable", "source"),
    [("DEKAF_LINGER_MS", r"the environment \(DEKAF_…\)"), ("DEKAF_AUDIT__ACKS", r"environment \(DEKAF_AUDIT__…\)")],
)
def test_a_wrong_value_is_told_with_where_it_stands(
    variable: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match=source):
        registry_of(monkeypatch, DEKAF_BOOTSTRAP_SERVERS=NOWHERE, **{variable: "many"})


@pytest.mark.parametrize("name", ["SASL_PASSWORD", "SASL_PASWORD", "AUDIT__SASL_PASSWORD", "AUDIT_SASL_PASSWORD"])
def test_no_secret_shows_in_an_error_or_its_traceback(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"DEKAF_{name}", "wonder-7431")
    monkeypatch.setenv("DEKAF_LINGER_MS", "never")

    with pytest.raises(ConfigurationError) as caught:
        registry_of_environment()

    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "wonder-7431" not in str(caught.value) + "".join(shown.format())


def test_a_password_is_taken_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_of(
        monkeypatch,
        DEKAF_BOOTSTRAP_SERVERS=NOWHERE,
        DEKAF_SECURITY_PROTOCOL="SASL_SSL",
        DEKAF_SASL_MECHANISM="PLAIN",
        DEKAF_SASL_USERNAME="alice",
        DEKAF_SASL_PASSWORD="wonder-7431",
    )

    assert registry.config().sasl_password == SecretStr("wonder-7431")
