"""The builder's steps to secure connections, in every order."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from typing import Any, Final

import pytest
from pydantic import SecretStr

from dekaf.builder import AsyncProducerBuilder, Kafka, ProducerBuilder
from dekaf.errors import ConfigurationError
from dekaf.producer import ProducerConfig
from dekaf.producer.security_config import SecurityConfig
from tests.unit.producer.secure import CERTIFICATE, ENDPOINT, KEY, provider

Builder = ProducerBuilder[Any, Any] | AsyncProducerBuilder[Any, Any]
Step = Callable[[Any], Any]

LOGINS: Final[dict[str, Step]] = {
    "PLAIN": lambda builder: builder.with_sasl_plain("alice", "wonder"),
    "SCRAM-SHA-256": lambda builder: builder.with_sasl_scram_sha_256("alice", "wonder"),
    "SCRAM-SHA-512": lambda builder: builder.with_sasl_scram_sha_512("alice", "wonder"),
    "OAUTHBEARER": lambda builder: builder.with_oauth_bearer(provider),
    "OAUTHBEARER by OIDC": lambda builder: builder.with_oidc(ENDPOINT, "shop", "hush"),
}


def tls(builder: Any) -> Any:
    return builder.with_tls()


def unencrypted(builder: Any) -> Any:
    return builder.with_security_protocol("SASL_PLAINTEXT")


@pytest.fixture(params=[Kafka.create_producer, Kafka.create_async_producer])
def started(request: pytest.FixtureRequest) -> Builder:
    made: Builder = request.param(str, str).with_bootstrap_servers("localhost:9092")
    return made


def config_of(builder: Builder, *steps: Step) -> ProducerConfig:
    for step in steps:
        builder = step(builder)
    return builder._config()


def test_tls_alone(started: Builder) -> None:
    config = config_of(started, tls)

    assert (config.security_protocol, config.ssl_check_hostname, config.sasl_mechanism) == ("SSL", True, None)


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_alone_is_encrypted(login: str, started: Builder) -> None:
    """A password must not be sent in the clear because a step was forgotten."""
    config = config_of(started, LOGINS[login])

    assert (config.security_protocol, config.sasl_mechanism) == ("SASL_SSL", login.split(maxsplit=1)[0])


@pytest.mark.parametrize("login", LOGINS)
def test_tls_and_a_login_in_either_order(login: str, started: Builder) -> None:
    one, other = (config_of(started, *steps) for steps in itertools.permutations([tls, LOGINS[login]]))

    assert one == other
    assert (one.security_protocol, one.sasl_mechanism) == ("SASL_SSL", login.split(maxsplit=1)[0])


@pytest.mark.parametrize("login", LOGINS)
def test_a_login_without_encryption_has_to_be_asked_for_before_or_after_it(login: str, started: Builder) -> None:
    one, other = (config_of(started, *steps) for steps in itertools.permutations([unencrypted, LOGINS[login]]))

    assert one == other
    assert one.security_protocol == "SASL_PLAINTEXT"


@pytest.mark.parametrize("steps", list(itertools.permutations([tls, unencrypted, LOGINS["PLAIN"]])))
def test_tls_is_never_left_behind(steps: tuple[Step, ...], started: Builder) -> None:
    """Whoever asked for both gets TLS, or is told."""
    if steps.index(tls) > steps.index(unencrypted):
        assert config_of(started, *steps).security_protocol == "SASL_SSL"
        return
    with pytest.raises(ConfigurationError, match="ssl_check_hostname: security_protocol='SASL_PLAINTEXT' is without"):
        config_of(started, *steps)


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(LOGINS, 2)))
def test_a_second_login_replaces_the_first(first: str, second: str, started: Builder) -> None:
    both = config_of(started, LOGINS[first], LOGINS[second])

    assert both == config_of(started, LOGINS[second])


def test_a_protocol_in_words_counts_in_any_case(started: Builder) -> None:
    steps: list[Step] = [lambda builder: builder.with_options(security_protocol="sasl_plaintext"), LOGINS["PLAIN"]]

    assert config_of(started, *steps).security_protocol == "SASL_PLAINTEXT"


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", ""])
def test_a_protocol_without_login_becomes_one_with_it(protocol: Any, started: Builder) -> None:
    steps: list[Step] = [lambda builder: builder.with_security_protocol(protocol), LOGINS["PLAIN"]]

    assert config_of(started, *steps).security_protocol == "SASL_SSL"


def test_a_wrong_protocol_is_refused(started: Builder) -> None:
    with pytest.raises(ConfigurationError, match="security_protocol='TLS': must be one of"):
        config_of(started, lambda builder: builder.with_security_protocol("TLS"))


def test_tls_with_files_or_text(started: Builder) -> None:
    config = started.with_tls(
        ca="ca.pem", certificate=CERTIFICATE, key=KEY, key_password="hush", check_hostname=False
    )._config()

    assert (config.ssl_cafile, config.ssl_check_hostname) == ("ca.pem", False)
    assert config.ssl_certfile == SecretStr(CERTIFICATE)
    assert config.ssl_keyfile == SecretStr(KEY)
    assert config.ssl_key_password == SecretStr("hush")


def test_tls_with_a_context(started: Builder) -> None:
    context = ssl.create_default_context()

    assert started.with_tls(context)._config().given_security_options == ("security_protocol", "ssl_context")
    with pytest.raises(ConfigurationError, match="ssl_cafile: ssl_context says it already"):
        started.with_tls(context, ca="ca.pem")._config()
    with pytest.raises(ConfigurationError, match="ssl_check_hostname: ssl_context says it already"):
        started.with_tls(context, check_hostname=False)._config()


def test_tls_again_replaces_all_that_it_said(started: Builder) -> None:
    config = started.with_tls(ca="ca.pem", check_hostname=False).with_tls(certificate="both.pem")._config()

    assert (config.ssl_cafile, config.ssl_certfile, config.ssl_check_hostname) == (None, "both.pem", True)


def test_oidc_with_all_it_takes(started: Builder) -> None:
    config = started.with_oidc(
        ENDPOINT,
        "shop",
        "hush",
        scope="kafka",
        extensions={"logicalCluster": "lkc-1"},
        header_urlencode=True,
    )._config()

    assert config.sasl_oauthbearer_token_endpoint_url == ENDPOINT
    assert config.sasl_oauthbearer_client_credentials_client_id == "shop"
    assert config.sasl_oauthbearer_client_credentials_client_secret == SecretStr("hush")
    assert config.sasl_oauthbearer_scope == "kafka"
    assert config.sasl_oauthbearer_extensions == {"logicalCluster": "lkc-1"}
    assert config.sasl_oauthbearer_header_urlencode


def test_oidc_with_an_assertion_or_a_file(started: Builder) -> None:
    asserted = started.with_oidc(ENDPOINT, client_id="shop", assertion_file="/run/jwt")._config()
    from_file = started.with_oidc("file:///run/token")._config()

    assert asserted.sasl_oauthbearer_assertion_file == "/run/jwt"
    assert from_file.sasl_oauthbearer_token_endpoint_url == "file:///run/token"


def test_a_builder_shows_no_secret(started: Builder) -> None:
    made = started.with_sasl_plain("alice", "wonder").with_tls(key=KEY, key_password="hush", certificate=CERTIFICATE)

    shown = repr(made) + repr(vars(made))

    assert not any(text in shown for text in ("wonder", "hush", "MIIC"))
    assert "sasl_password" in repr(made)


# What no step sets is rare enough for `with_options`.
WITHOUT_STEP = {name for name in SecurityConfig.model_fields if name.startswith("sasl_oauthbearer_assertion_")} - {
    "sasl_oauthbearer_assertion_file"
}


def test_there_is_a_step_for_every_option_that_is_not_rare(started: Builder) -> None:
    steps: list[Step] = [
        *LOGINS.values(),
        lambda builder: builder.with_tls(ssl.create_default_context()),
        lambda builder: builder.with_tls(ca="a", certificate="b", key="c", key_password="d"),
    ]

    options = {option for step in steps for option in step(started)._options}

    assert options - {"bootstrap_servers"} == set(SecurityConfig.model_fields) - WITHOUT_STEP
