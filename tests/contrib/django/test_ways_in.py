"""Every security option by every way in: what one way takes all do, and it means the same.

Here because Django's settings are the one way that needs a project around it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.test import override_settings
from pydantic_settings import SettingsConfigDict

from dekaf import Kafka, ProducerConfig
from dekaf.contrib.dependency_injector import ProducerContainer
from dekaf.contrib.django.producers import get_registry
from dekaf.contrib.fastapi import DekafSettings
from dekaf.contrib.fastapi.settings import registry_of_settings
from dekaf.producer.security_config import SecurityConfig
from dekaf.producer.security_values import security_options
from dekaf.security import OAuthToken

SERVERS = "broker.example:9093"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIC\n-----END PRIVATE KEY-----"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
OIDC = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "OAUTHBEARER",
    "sasl_oauthbearer_token_endpoint_url": "https://login.example/token",
}

# As text, which is all that variables and files can hold; between them every option but the one that is an object.
CASES: dict[str, dict[str, str]] = {
    "certificate": {
        "security_protocol": "SSL",
        "ssl_cafile": "/etc/kafka/ca.pem",
        "ssl_certfile": "/etc/kafka/shop.crt",
        "ssl_keyfile": "/etc/kafka/shop.key",
        "ssl_key_password": "of the key",
        "ssl_check_hostname": "false",
    },
    "PEM text": {
        "security_protocol": "ssl",
        "ssl_cafile": CERTIFICATE,
        "ssl_certfile": CERTIFICATE,
        "ssl_keyfile": KEY,
    },
    "password": {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "scram_sha_512",
        "sasl_username": "$ConnectionString",
        "sasl_password": " with=signs;and spaces",
    },
    "token provider": {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": f"{__name__}.give_token",
    },
    "client credentials": {
        **OIDC,
        "sasl_oauthbearer_client_credentials_client_id": "shop",
        "sasl_oauthbearer_client_credentials_client_secret": "of the client",
        "sasl_oauthbearer_scope": "kafka.write",
        "sasl_oauthbearer_header_urlencode": "true",
        "sasl_oauthbearer_extensions": "logicalCluster=lkc-1,identityPoolId=pool-1",
    },
    "assertion in a file": {**OIDC, "sasl_oauthbearer_assertion_file": "/var/run/token"},
    "assertion to sign": {
        **OIDC,
        "sasl_oauthbearer_assertion_private_key_file": KEY,
        "sasl_oauthbearer_assertion_private_key_passphrase": "of the key",
        "sasl_oauthbearer_assertion_algorithm": "ES256",
        "sasl_oauthbearer_assertion_claim_aud": "https://login.example",
        "sasl_oauthbearer_assertion_claim_iss": "shop",
        "sasl_oauthbearer_assertion_claim_sub": "shop",
        "sasl_oauthbearer_assertion_claim_exp_seconds": "120",
        "sasl_oauthbearer_assertion_claim_nbf_seconds": "30",
        "sasl_oauthbearer_assertion_claim_jti_include": "true",
        "sasl_oauthbearer_assertion_template_file": "/etc/kafka/template.json",
    },
}


def give_token() -> OAuthToken:
    """Stand for an application's provider."""
    return OAuthToken("token", time.time() + 60)


class Way(Protocol):
    """One way in."""

    def __call__(
        self, options: Mapping[str, str], *, alias: str, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> ProducerConfig:
        """Return the configuration that comes of options."""


def by_mapping(options: Mapping[str, str], **_: Any) -> ProducerConfig:
    """Take `ProducerConfig.from_mapping`, in upper case."""
    return ProducerConfig.from_mapping({name.upper(): value for name, value in options.items()})


def by_builder(options: Mapping[str, str], **_: Any) -> ProducerConfig:
    """Take the builder's step for any option; those with names of their own have tests of their own."""
    given: dict[str, Any] = dict(options)
    return Kafka.create_producer().with_options(**given)._config()


def by_django(options: Mapping[str, str], *, alias: str, **_: Any) -> ProducerConfig:
    """Take `settings.DEKAF`."""
    upper = {name.upper(): value for name, value in options.items()}
    with override_settings(DEKAF={alias: upper} if alias else upper):
        return get_registry().config(alias or "default")


def by_variables(
    options: Mapping[str, str], *, alias: str, monkeypatch: pytest.MonkeyPatch, **_: Any
) -> ProducerConfig:
    """Take DEKAF_…, or DEKAF_AUDIT__…."""
    for name, value in options.items():
        monkeypatch.setenv(variable(name, alias), value)
    return registry_of_settings().config(alias or "default")


def by_files(options: Mapping[str, str], *, alias: str, folder: Path, **_: Any) -> ProducerConfig:
    """Take a folder of secrets, with the line end that editors put."""
    for name, value in options.items():
        (folder / variable(name, alias)).write_text(f"{value}\n", encoding="utf-8")

    class Settings(DekafSettings):
        model_config = SettingsConfigDict(secrets_dir=folder)

    assert registry_of_settings(DekafSettings(_secrets_dir=folder)).aliases == (alias or "default",)
    return registry_of_settings(Settings()).config(alias or "default")


def by_container(options: Mapping[str, str], *, alias: str, **_: Any) -> ProducerConfig:
    """Take a container of dependency-injector."""
    container: Any = ProducerContainer()
    container.config.from_dict({alias: dict(options)} if alias else dict(options))
    config: ProducerConfig = container.registry().config(alias or "default")
    container.shutdown_resources()
    return config


def variable(name: str, alias: str) -> str:
    return f"DEKAF_{alias.upper()}__{name.upper()}" if alias else f"DEKAF_{name.upper()}"


WAYS: dict[str, Way] = {
    "mapping": by_mapping,
    "builder": by_builder,
    "Django": by_django,
    "variables": by_variables,
    "files": by_files,
    "container": by_container,
}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away DEKAF_…."""
    for name in os.environ:
        if name.upper().startswith("DEKAF_"):
            monkeypatch.delenv(name)


def test_the_cases_have_every_option_that_can_be_text() -> None:
    assert {name for case in CASES.values() for name in case} == set(SecurityConfig.model_fields) - {"ssl_context"}


@pytest.mark.parametrize("alias", ["", "audit"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", WAYS)
def test_options_mean_the_same_by_every_way(
    way: str, case: str, alias: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"bootstrap_servers": SERVERS, **CASES[case]}
    if way == "files" and case == "password":  # what stands around a secret in a file does not belong to it
        given["sasl_password"] = given["sasl_password"].strip()
    expected = ProducerConfig(**given)

    made = WAYS[way](given, alias=alias, monkeypatch=monkeypatch, folder=tmp_path)

    for name in CASES[case]:
        assert getattr(made, name) == getattr(expected, name), name
    assert made.given_security_options == expected.given_security_options


@pytest.mark.parametrize("way", WAYS)
def test_empty_options_are_none_by_every_way(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One settings file serves where there is security and where there is none."""
    nothing = dict.fromkeys((name for case in CASES.values() for name in case), "")

    made = WAYS[way]({"bootstrap_servers": SERVERS, **nothing}, alias="", monkeypatch=monkeypatch, folder=tmp_path)

    assert made.given_security_options == ()


@pytest.mark.parametrize("way", WAYS)
def test_a_dotted_name_leads_to_the_provider_by_every_way(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given = {"bootstrap_servers": SERVERS, **CASES["token provider"]}

    made = WAYS[way](given, alias="", monkeypatch=monkeypatch, folder=tmp_path)

    sasl = security_options(made).sasl
    assert sasl is not None
    provider: Any = sasl.token_provider
    assert provider().value == "token"
