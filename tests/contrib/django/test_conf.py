"""The setting: what is read from it, and what is said where there is none."""

from __future__ import annotations

import pytest
from django.test import override_settings

from dekaf import ConfigurationError
from dekaf.contrib.django.conf import registry_of_settings
from dekaf.testing import KafkaFixture


def test_options_of_one_producer_are_those_of_the_default() -> None:
    with override_settings(DEKAF={"BOOTSTRAP_SERVERS": "a:1", "linger_ms": 7}):
        registry = registry_of_settings()

    assert registry.aliases == ("default",)
    assert (registry.config().bootstrap_servers, registry.config().linger_ms) == (("a:1",), 7)


def test_options_by_alias_are_each_producers_own() -> None:
    with override_settings(DEKAF={"default": {"bootstrap_servers": "a:1"}, "audit": {"bootstrap_servers": "b:2"}}):
        registry = registry_of_settings()

    assert {alias: registry.config(alias).bootstrap_servers for alias in registry.aliases} == {
        "default": ("a:1",),
        "audit": ("b:2",),
    }


def test_fault_is_told_with_the_name_of_the_setting() -> None:
    with (
        override_settings(DEKAF={"bootstrap_servers": "a:1", "lingre_ms": 7}),
        pytest.raises(ConfigurationError, match="lingre_ms") as caught,
    ):
        registry_of_settings()

    assert "DEKAF" in str(caught.value)


def test_without_the_setting_the_error_says_what_to_write() -> None:
    with (
        override_settings(DEKAF=None),
        pytest.raises(ConfigurationError, match=r"The setting DEKAF is missing\. Write DEKAF ="),
    ):
        registry_of_settings()


def test_without_the_setting_a_double_in_the_place_of_all_producers_is_enough() -> None:
    with override_settings(DEKAF=None), KafkaFixture():
        assert not registry_of_settings().is_closed


def test_without_the_setting_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "a:1")
    monkeypatch.setenv("DEKAF_AUDIT__LINGER_MS", "50")

    with override_settings(DEKAF=None):
        registry = registry_of_settings()

    assert sorted(registry.aliases) == ["audit", "default"]
    assert registry.config("audit").linger_ms == 50


def test_without_the_setting_a_variable_that_is_no_option_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "a:1")
    monkeypatch.setenv("DEKAF_LINGE_MS", "50")

    with override_settings(DEKAF=None), pytest.raises(ConfigurationError, match="did you mean DEKAF_LINGER_MS"):
        registry_of_settings()


def test_beside_the_setting_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEKAF_BOOTSTRAP_SERVERS", "a:1")
    monkeypatch.setenv("DEKAF_LOG_LEVEL", "INFO")

    with override_settings(DEKAF={"bootstrap_servers": "b:2"}):
        assert registry_of_settings().config().bootstrap_servers == ("b:2",)
