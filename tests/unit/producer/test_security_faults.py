"""Security options that contradict each other are refused, each with what to write."""

from __future__ import annotations

import logging
import ssl
from typing import Any

import pytest

from dekaf.errors import ConfigurationError
from dekaf.producer import Producer
from dekaf.producer.config import ProducerConfig
from dekaf.producer.security_config import SecurityConfig
from tests.unit.producer.secure import CERTIFICATE, ENDPOINT, KEY, OIDC, PLAIN, SCRAM, SERVERS, provider

CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS: dict[str, Any] = {"security_protocol": "SSL"}
TOKENS: dict[str, Any] = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}
PROVIDER: dict[str, Any] = {**TOKENS, "sasl_oauth_token_provider": provider}
CLIENT_ID = "sasl_oauthbearer_client_credentials_client_id"
CLIENT_SECRET = "sasl_oauthbearer_client_credentials_client_secret"
ASSERTION_FILE = "sasl_oauthbearer_assertion_file"
ASSERTION_KEY = "sasl_oauthbearer_assertion_private_key_file"
ASSERTED: dict[str, Any] = {**TOKENS, "sasl_oauthbearer_token_endpoint_url": ENDPOINT, ASSERTION_FILE: "/run/jwt"}
SIGNED: dict[str, Any] = {**TOKENS, "sasl_oauthbearer_token_endpoint_url": ENDPOINT, ASSERTION_KEY: "key.pem"}
TOKEN_FILE: dict[str, Any] = {**TOKENS, "sasl_oauthbearer_token_endpoint_url": "file:///run/token"}

# A valid value of each option.
VALUES: dict[str, Any] = {
    "ssl_context": CONTEXT,
    "ssl_cafile": "ca.pem",
    "ssl_certfile": CERTIFICATE,
    "ssl_keyfile": KEY,
    "ssl_key_password": "hush",
    "ssl_check_hostname": True,
    "sasl_mechanism": "PLAIN",
    "sasl_username": "alice",
    "sasl_password": "wonder",
    "sasl_oauth_token_provider": provider,
    "sasl_oauthbearer_token_endpoint_url": ENDPOINT,
    CLIENT_ID: "shop",
    CLIENT_SECRET: "hush",
    "sasl_oauthbearer_scope": "kafka",
    "sasl_oauthbearer_header_urlencode": False,
    "sasl_oauthbearer_extensions": {"logicalCluster": "lkc-1"},
    ASSERTION_FILE: "/run/jwt",
    ASSERTION_KEY: KEY,
    "sasl_oauthbearer_assertion_private_key_passphrase": "hush",
    "sasl_oauthbearer_assertion_algorithm": "ES256",
    "sasl_oauthbearer_assertion_claim_aud": ENDPOINT,
    "sasl_oauthbearer_assertion_claim_iss": "shop",
    "sasl_oauthbearer_assertion_claim_sub": "shop",
    "sasl_oauthbearer_assertion_claim_exp_seconds": 60,
    "sasl_oauthbearer_assertion_claim_nbf_seconds": 0,
    "sasl_oauthbearer_assertion_claim_jti_include": False,
    "sasl_oauthbearer_assertion_template_file": "/etc/template.json",
}


def fault_of(**options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        ProducerConfig(**{"bootstrap_servers": SERVERS, **options})
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"security_protocol": "PLAINTEXT"},
        TLS,
        {**TLS, "ssl_context": CONTEXT},
        {**TLS, "ssl_cafile": "ca.pem", "ssl_check_hostname": False},
        {**TLS, "ssl_certfile": "both.pem", "ssl_key_password": "hush"},
        {**TLS, "ssl_certfile": CERTIFICATE, "ssl_keyfile": KEY},
        PLAIN,
        {**PLAIN, "ssl_context": CONTEXT},
        {**PLAIN, "security_protocol": "SASL_PLAINTEXT"},
        SCRAM,
        {**SCRAM, "sasl_mechanism": "SCRAM-SHA-256", "sasl_password": provider},
        {**SCRAM, "ssl_certfile": CERTIFICATE, "ssl_keyfile": KEY},
        PROVIDER,
        OIDC,
        {**OIDC, "sasl_oauthbearer_header_urlencode": True, "sasl_oauthbearer_scope": "a b"},
        ASSERTED,
        {**ASSERTED, CLIENT_ID: "shop"},
        SIGNED,
        {**SIGNED, **{name: VALUES[name] for name in VALUES if name.startswith("sasl_oauthbearer_assertion_claim_")}},
        {**SIGNED, CLIENT_ID: "shop", "sasl_oauthbearer_assertion_private_key_passphrase": "hush"},
        {**TOKEN_FILE, "sasl_oauthbearer_extensions": "logicalCluster=lkc-1"},
    ],
)
def test_options_that_belong_together_are_accepted(options: dict[str, Any]) -> None:
    made = ProducerConfig(bootstrap_servers=SERVERS, **options)

    assert set(made.given_security_options) == set(options)


def test_there_is_a_value_for_every_option() -> None:
    assert set(VALUES) == set(SecurityConfig.model_fields) - {"security_protocol"}


@pytest.mark.parametrize("option", VALUES)
@pytest.mark.parametrize("protocol", ["PLAINTEXT", None, "SSL", "SASL_PLAINTEXT"])
def test_what_the_protocol_does_not_use_is_refused(option: str, protocol: str | None) -> None:
    """Else a setting that is meant to protect would silently do nothing."""
    kind = "SASL" if option.startswith("sasl_") else "SSL"
    if protocol is not None and kind in protocol.split("_"):
        return
    base = {**PLAIN, "security_protocol": protocol} if protocol == "SASL_PLAINTEXT" else {"security_protocol": protocol}

    text = fault_of(**base, **{option: VALUES[option]})

    assert text.startswith(f"{option}: security_protocol")
    assert "write security_protocol='" in text
    assert "or leave it out" in text
    assert text.count("\n") == 0


def test_all_that_the_protocol_does_not_use_is_told_in_two_lines() -> None:
    text = fault_of(ssl_cafile="ca.pem", ssl_check_hostname=True, sasl_username="alice", sasl_password="wonder")

    count, tls, sasl = text.splitlines()
    assert count == "2 faults"
    assert tls == (
        "- ssl_cafile, ssl_check_hostname: security_protocol is not given, and without TLS then: write "
        "security_protocol='SASL_SSL', or leave them out"
    )
    assert sasl == (
        "- sasl_username, sasl_password: security_protocol is not given, and without SASL then: write "
        "security_protocol='SASL_SSL', or leave them out"
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({**TLS, "ssl_keyfile": KEY}, "ssl_keyfile: a key is of use only with its certificate: give ssl_certfile, too"),
        ({**TLS, "ssl_key_password": "hush"}, "ssl_key_password: there is no key to decrypt: give ssl_certfile"),
        ({**TLS, "ssl_context": CONTEXT, "ssl_cafile": "ca.pem"}, "ssl_cafile: ssl_context says it already: give one"),
        (
            {**TLS, "ssl_context": CONTEXT, "ssl_check_hostname": True},
            "ssl_check_hostname: ssl_context says it already",
        ),
        ({**TLS, "ssl_context": CONTEXT, "ssl_check_hostname": False}, "ssl_check_hostname: ssl_context says it"),
        ({**TLS, "ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)}, "ssl_context: is a server's: make one with"),
        (
            {"security_protocol": "SASL_SSL"},
            "sasl_mechanism: required with security_protocol='SASL_SSL'; write",
        ),
        ({"security_protocol": "SASL_PLAINTEXT"}, "sasl_mechanism: required with security_protocol='SASL_PLAINTEXT'"),
        ({**PLAIN, "sasl_username": ""}, "sasl_username: required with sasl_mechanism='PLAIN'"),
        ({**SCRAM, "sasl_password": None}, "sasl_password: required with sasl_mechanism='SCRAM-SHA-512'"),
        ({**PLAIN, "sasl_password": "won\x00der"}, "sasl_password: must not hold the character NUL"),
        (
            {**SCRAM, "sasl_oauth_token_provider": provider},
            "sasl_oauth_token_provider: sasl_mechanism='SCRAM-SHA-512' has no use for it: write sasl_mechanism='OAUTHB",
        ),
        ({**PLAIN, CLIENT_ID: "shop"}, f"{CLIENT_ID}: sasl_mechanism='PLAIN' has no use for it"),
        (
            {**PROVIDER, "sasl_password": "wonder"},
            "sasl_password: sasl_mechanism='OAUTHBEARER' has no use for it: write sasl_mechanism='PLAIN' or 'SCRAM-…'",
        ),
        (TOKENS, "sasl_mechanism='OAUTHBEARER': needs sasl_oauth_token_provider, or sasl_oauthbearer_token_endpoint_"),
        ({**OIDC, "sasl_oauth_token_provider": provider}, "sasl_oauth_token_provider gives the tokens: leave them out"),
        ({**TOKENS, CLIENT_ID: "shop"}, "sasl_oauthbearer_token_endpoint_url is missing, which gives the tokens"),
        ({**OIDC, CLIENT_ID: ""}, f"{CLIENT_ID}: required with sasl_oauthbearer_token_endpoint_url, unless"),
        ({**OIDC, CLIENT_SECRET: ""}, f"{CLIENT_SECRET}: required with sasl_oauthbearer_token_endpoint_url, unless"),
        ({**OIDC, ASSERTION_FILE: "/run/jwt"}, f"{CLIENT_SECRET}: an assertion takes its place: leave it out, or"),
        (
            {**OIDC, ASSERTION_KEY: KEY},
            f"an assertion takes its place: leave it out, or {ASSERTION_KEY}",
        ),
        ({**ASSERTED, "sasl_oauthbearer_header_urlencode": True}, "whose place an assertion takes: leave it out"),
        ({**ASSERTED, ASSERTION_KEY: KEY}, f"{ASSERTION_KEY}: {ASSERTION_FILE} holds the assertion, signed already"),
        (
            {**OIDC, "sasl_oauthbearer_assertion_claim_iss": "shop"},
            f"sasl_oauthbearer_assertion_claim_iss: of use only with {ASSERTION_KEY}",
        ),
        ({**TOKEN_FILE, CLIENT_ID: "shop"}, "is a file that holds the token: leave it out"),
    ],
)
def test_a_contradiction_is_told_with_its_remedy(options: dict[str, Any], says: str) -> None:
    text = fault_of(**options)

    assert says in text
    assert "\n" not in text
    assert "wonder" not in text
    assert "hush" not in text


def test_security_is_checked_for_every_backend() -> None:
    with pytest.raises(ConfigurationError, match="sasl_mechanism: required"):
        ProducerConfig(backend="memory", security_protocol="SASL_SSL")


def test_leaving_security_behind_takes_more_than_another_protocol() -> None:
    secure = ProducerConfig(bootstrap_servers=SERVERS, **PLAIN)

    with pytest.raises(ConfigurationError, match="security_protocol='PLAINTEXT' is without SASL"):
        secure.with_options(security_protocol="PLAINTEXT")
    plain = secure.with_options(
        security_protocol="PLAINTEXT", sasl_mechanism=None, sasl_username=None, sasl_password=None
    )
    assert plain.given_security_options == ("security_protocol",)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (PLAIN, False),
        ({**PLAIN, "security_protocol": "SASL_PLAINTEXT"}, True),
        ({**SCRAM, "security_protocol": "SASL_PLAINTEXT"}, False),
        ({**PROVIDER, "security_protocol": "SASL_PLAINTEXT"}, True),
        ({}, False),
    ],
)
def test_a_configuration_says_whether_its_credentials_can_be_read_on_the_way(
    options: dict[str, Any], expected: bool
) -> None:
    made = ProducerConfig(bootstrap_servers=SERVERS, **options)

    assert made.shows_credentials is expected
    assert made.create_security_options().shows_credentials is expected


def test_a_password_that_can_be_read_on_the_way_is_warned_of_once_per_producer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, logger="dekaf"):
        Producer(bootstrap_servers=SERVERS, **{**PLAIN, "security_protocol": "SASL_PLAINTEXT"}).close()
        Producer(bootstrap_servers=SERVERS, **{**SCRAM, "security_protocol": "SASL_PLAINTEXT"}).close()
        Producer(backend="memory", **{**PLAIN, "security_protocol": "SASL_PLAINTEXT"}).close()

    [record] = caplog.records
    assert "security_protocol SASL_PLAINTEXT" in record.getMessage()
    assert "wonder" not in record.getMessage()
