"""The security options one by one: what is accepted, what it becomes, and how faults are told."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dekaf.errors import ConfigurationError
from dekaf.producer.config import ProducerConfig
from dekaf.producer.hidden_text import is_hidden
from dekaf.producer.security_config import SecurityConfig
from dekaf.producer.security_options import is_secret
from dekaf.security import OAuthToken
from tests.unit.producer.secure import CERTIFICATE, KEY, OIDC, PLAIN, SERVERS, provider

TLS: dict[str, Any] = {"security_protocol": "SSL"}
TOKENS: dict[str, Any] = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}


def config(**options: Any) -> ProducerConfig:
    return ProducerConfig(**{"bootstrap_servers": SERVERS, **options})


def fault_of(**options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        config(**options)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("option", "default"),
    [
        ("security_protocol", "PLAINTEXT"),
        ("ssl_check_hostname", True),
        ("sasl_oauthbearer_header_urlencode", False),
        ("sasl_oauthbearer_assertion_algorithm", "RS256"),
        ("sasl_oauthbearer_assertion_claim_exp_seconds", 300),
        ("sasl_oauthbearer_assertion_claim_nbf_seconds", 60),
        ("sasl_oauthbearer_assertion_claim_jti_include", False),
    ],
)
def test_an_option_left_out_has_its_default(option: str, default: object) -> None:
    assert getattr(config(), option) == default


@pytest.mark.parametrize("option", sorted(SecurityConfig.model_fields))
@pytest.mark.parametrize("nothing", ["", None, SecretStr("")])
def test_an_empty_option_counts_as_not_given(option: str, nothing: object) -> None:
    made = config(**{option: nothing})

    assert made == config()
    assert made.given_security_options == ()


def test_an_empty_mapping_of_extensions_counts_as_not_given() -> None:
    assert config(sasl_oauthbearer_extensions={}) == config()


def test_one_settings_file_serves_with_security_and_without() -> None:
    empty = dict.fromkeys(PLAIN, "")

    assert config(**empty).security_protocol == "PLAINTEXT"
    assert config(**{**empty, **PLAIN}).sasl_mechanism == "PLAIN"


@pytest.mark.parametrize(
    ("given", "protocol"), [("plaintext", "PLAINTEXT"), (" Plaintext ", "PLAINTEXT"), ("PLAINTEXT", "PLAINTEXT")]
)
def test_a_protocol_may_be_in_any_case(given: Any, protocol: str) -> None:
    assert config(security_protocol=given).security_protocol == protocol
    assert config(security_protocol="sasl_ssl", **_without_protocol(PLAIN)).security_protocol == "SASL_SSL"


def _without_protocol(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "security_protocol"}


@pytest.mark.parametrize(
    ("given", "mechanism"),
    [("plain", "PLAIN"), ("scram-sha-256", "SCRAM-SHA-256"), ("SCRAM_SHA_512", "SCRAM-SHA-512")],
)
def test_a_mechanism_may_be_in_any_case(given: Any, mechanism: str) -> None:
    assert config(**{**PLAIN, "sasl_mechanism": given}).sasl_mechanism == mechanism


@pytest.mark.parametrize(
    ("option", "wrong", "says"),
    [
        ("security_protocol", "TLS", "security_protocol='TLS': must be one of 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT'"),
        ("security_protocol", 5, "security_protocol=5: must be one of"),
        ("sasl_mechanism", "MD5", "sasl_mechanism='MD5': must be one of 'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'"),
        ("sasl_mechanism", "GSSAPI", "Kerberos is not supported: use another mechanism"),
        ("sasl_mechanism", "AWS_MSK_IAM", "write 'OAUTHBEARER', with a sasl_oauth_token_provider"),
        ("sasl_mechanism", "SCRAM", "write 'SCRAM-SHA-256' or 'SCRAM-SHA-512', whichever the user"),
        ("ssl_context", "default", "ssl_context: must be an ssl.SSLContext, the object itself"),
        ("ssl_check_hostname", "maybe", "ssl_check_hostname='maybe': must be true or false"),
        ("ssl_cafile", 5, "ssl_cafile: must be a path or PEM text, not int"),
        ("ssl_cafile", CERTIFICATE.encode(), "ssl_cafile: must be a path or PEM text, not bytes"),
        ("ssl_cafile", "a\x00b", "ssl_cafile: must be a path or PEM text, which contains -----BEGIN"),
        ("ssl_keyfile", "\ud800", "ssl_keyfile: is not valid UTF-8 text"),
        ("sasl_password", 5, "sasl_password: must be text, not int"),
        ("sasl_password", b"wonder", "sasl_password: must be text, not bytes"),
        ("sasl_password", "\ud800", "sasl_password: is not valid UTF-8 text"),
        ("sasl_password", len, "sasl_password: must be called without arguments"),
        ("sasl_username", ["alice"], "sasl_username: must be text, not list"),
        ("sasl_username", "a\x00b", "sasl_username: must be UTF-8 text without the character NUL"),
        ("sasl_oauth_token_provider", 5, "sasl_oauth_token_provider: must be a function that returns an OAuthToken"),
        ("sasl_oauth_token_provider", "token", "as text, must be the dotted name of a function or an object"),
        ("sasl_oauth_token_provider", "a.b-c.d", "as text, must be the dotted name"),
        ("sasl_oauth_token_provider", lambda config: config, "must be called without arguments"),
        ("sasl_oauthbearer_extensions", 5, "must be a mapping of texts, not int"),
        ("sasl_oauthbearer_extensions", "lkc-1", "must be a mapping, or text like 'logicalCluster=lkc-1"),
        ("sasl_oauthbearer_extensions", "a=1,a=2", "must be a mapping, or text like"),
        ("sasl_oauthbearer_extensions", {"a-b": "1"}, "a name consists of the letters"),
        ("sasl_oauthbearer_assertion_file", 5, "must be the path of a file, not int"),
        ("sasl_oauthbearer_assertion_file", "eyJh.eyJi.c2ln", "must be the path of a file, not what the file holds"),
        ("sasl_oauthbearer_assertion_algorithm", "HS256", "must be one of 'RS256', 'ES256'"),
        ("sasl_oauthbearer_assertion_claim_exp_seconds", 0, "must be a whole number from 1"),
    ],
)
def test_a_wrong_value_is_refused_with_option_and_what_is_allowed(option: str, wrong: object, says: str) -> None:
    text = fault_of(**{option: wrong})

    assert text.startswith(option)
    assert says in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("login.example/token", "must begin with https://"),
        ("localhost:14293", "must begin with https://"),
        ("ftp://login.example", "must begin with https://"),
        ("http://login.example/token", "over http:// every machine on the way could read the secret"),
        ("http://localhost.example/token", "over http:// every machine on the way"),
        ("https://", "must begin with https://"),
        ("https://shop:hush@login.example/", "must not hold user and password"),
        ("https://login.example:port/", "is no URL"),
        ("https://login.example/a b", "is no URL"),
        ("file://", "must be file:/// and the absolute path"),
        ("file://server/token", "must be file:/// and the absolute path"),
        (5, "must be a URL, not int"),
    ],
)
def test_a_wrong_endpoint_is_refused_without_being_shown(url: Any, says: str) -> None:
    text = fault_of(sasl_oauthbearer_token_endpoint_url=url)

    assert text.startswith("sasl_oauthbearer_token_endpoint_url: ")
    assert says in text
    assert "hush" not in text


@pytest.mark.parametrize(
    "url", ["https://login.example", "http://localhost:14293/", "http://127.0.0.1:80/token", "http://[::1]/token"]
)
def test_an_endpoint_is_https_or_on_this_machine(url: str) -> None:
    made = config(**{**OIDC, "sasl_oauthbearer_token_endpoint_url": url})

    assert made.sasl_oauthbearer_token_endpoint_url == url


def test_the_end_of_a_line_is_no_part_of_an_endpoint() -> None:
    made = config(**{**OIDC, "sasl_oauthbearer_token_endpoint_url": "https://login.example/\n"})

    assert made.sasl_oauthbearer_token_endpoint_url == "https://login.example/"


def test_a_path_may_be_an_object() -> None:
    made = config(**TLS, ssl_cafile=Path("/etc/ca.pem"))

    assert made.ssl_cafile == "/etc/ca.pem"


@pytest.mark.parametrize("option", ["ssl_cafile", "ssl_certfile"])
@pytest.mark.parametrize("text", [KEY, CERTIFICATE, KEY.replace("\n", "\\n"), SecretStr(KEY)])
def test_pem_text_is_kept_as_a_secret_and_a_path_is_not(option: str, text: Any) -> None:
    made = config(**TLS, **{option: text})

    assert is_hidden(getattr(made, option))
    assert getattr(config(**TLS, **{option: "/etc/ssl/file.pem"}), option) == "/etc/ssl/file.pem"


def test_a_key_that_lacks_its_heading_is_kept_as_a_secret() -> None:
    made = config(**TLS, ssl_certfile="cert.pem", ssl_keyfile="MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7")

    assert is_hidden(made.ssl_keyfile)
    assert "MIIEvQ" not in repr(made)


def test_a_password_is_a_text_a_secret_or_a_function() -> None:
    def password() -> str:
        raise NotImplementedError

    async def awaited() -> str:
        raise NotImplementedError

    for text in ("wonder", SecretStr("wonder")):
        assert config(**{**PLAIN, "sasl_password": text}).sasl_password == SecretStr("wonder")
    for function in (password, awaited, functools.partial(str, "wonder")):
        assert config(**{**PLAIN, "sasl_password": function}).sasl_password is function


def test_a_dotted_name_for_a_password_is_a_password() -> None:
    assert config(**{**PLAIN, "sasl_password": "shop.vault.password"}).sasl_password == SecretStr("shop.vault.password")


def test_openssl_does_not_await_the_password_of_a_key() -> None:
    async def awaited() -> str:
        raise NotImplementedError

    text = fault_of(**TLS, ssl_certfile="cert.pem", ssl_key_password=awaited)

    assert text == "ssl_key_password: must be a plain function, not a coroutine, which OpenSSL would not await"


class Provider:
    def token(self) -> OAuthToken:
        raise NotImplementedError


class AsyncProvider:
    async def token(self) -> OAuthToken:
        raise NotImplementedError


async def awaited_provider() -> OAuthToken:
    raise NotImplementedError


@pytest.mark.parametrize(
    "given", [provider, awaited_provider, Provider(), AsyncProvider(), Provider, Provider().token, "shop.tokens:token"]
)
def test_a_token_provider_is_kept_as_it_was_given(given: Any) -> None:
    assert config(**TOKENS, sasl_oauth_token_provider=given).sasl_oauth_token_provider is given


def test_a_token_provider_by_name_is_not_imported_by_the_configuration() -> None:
    assert config(**TOKENS, sasl_oauth_token_provider="no_such_module.tokens").sasl_oauth_token_provider is not None


def test_a_token_in_the_place_of_its_provider_is_refused() -> None:
    text = fault_of(**TOKENS, sasl_oauth_token_provider="eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzaG9wIn0.c2lnbmF0dXJl")

    assert "dotted name" in text
    assert "eyJ" not in text


class NeedsClient:
    def token(self, client: object) -> Awaitable[OAuthToken]:
        raise NotImplementedError


def test_a_provider_that_wants_arguments_is_refused() -> None:
    assert "without arguments" in fault_of(**TOKENS, sasl_oauth_token_provider=NeedsClient())


@pytest.mark.parametrize(
    "extensions",
    [
        {"logicalCluster": "lkc-1", "identityPoolId": "pool-1"},
        "logicalCluster=lkc-1,identityPoolId=pool-1",
        " logicalCluster = lkc-1 , identityPoolId = pool-1",
    ],
)
def test_extensions_are_a_mapping_or_a_text(extensions: Any) -> None:
    made = config(**OIDC, sasl_oauthbearer_extensions=extensions)

    assert made.sasl_oauthbearer_extensions == {"logicalCluster": "lkc-1", "identityPoolId": "pool-1"}


def test_a_context_is_the_object_itself() -> None:
    context = ssl.create_default_context()

    assert config(**TLS, ssl_context=context).ssl_context is context


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("sasl_password", "wonder", True),
        ("sasl_password", 5, True),
        ("sasl_oauthbearer_client_credentials_client_secret", "", True),
        ("ssl_keyfile", KEY, True),
        ("ssl_keyfile", "key.pem", False),
        ("ssl_keyfile", "", True),
        ("ssl_cafile", CERTIFICATE, True),
        ("sasl_username", "alice", False),
        ("linger_ms", "5", False),
    ],
)
def test_what_is_secret_depends_on_option_and_value(option: str, value: object, expected: bool) -> None:
    assert is_secret(option, value) is expected


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ssl", "write security_protocol='SSL' or 'SASL_SSL'"),
        ("ssl_cipher_suites", "it is set through ssl_context"),
        ("ssl_ciphers", "it is set through ssl_context"),
        ("ssl_crlfile", "it is set through ssl_context"),
        ("ssl.crl.location", "it is set through ssl_context"),
        ("ssl_min_version", "it is set through ssl_context"),
        ("ssl_minimum_version", "it is set through ssl_context"),
        ("ssl_protocol", "it is set through ssl_context"),
        ("ssl.enabled.protocols", "it is set through ssl_context"),
        ("ssl_version", "it is set through ssl_context"),
        ("ssl.engine.location", "it is set through ssl_context"),
        ("sasl_plain_username", "write sasl_username"),
        ("sasl_plain_password", "write sasl_password"),
        ("sasl_mechanisms", "write sasl_mechanism"),
        ("sasl.mechanisms", "write sasl_mechanism"),
        ("sasl.username", "write sasl_username"),
        ("ssl_password", "write ssl_key_password"),
        ("ssl_ca_location", "write ssl_cafile"),
        ("ssl.certificate.location", "write ssl_certfile"),
        ("ssl.key.location", "write ssl_keyfile"),
        ("ssl_ca_pem", "write ssl_cafile, which takes PEM text"),
        ("ssl.truststore.location", "write ssl_cafile, which takes PEM"),
        ("ssl_keystore_location", "write ssl_cafile, ssl_certfile and ssl_keyfile, which take PEM"),
        ("ssl_keystore_password", "write ssl_cafile, ssl_certfile and ssl_keyfile, which take PEM"),
        ("ssl_endpoint_identification_algorithm", "write ssl_check_hostname"),
        ("enable_ssl_certificate_verification", "certificates are always verified"),
        ("sasl.oauthbearer.client.id", "write sasl_oauthbearer_client_credentials_client_id"),
        ("sasl.oauthbearer.method", "write sasl_oauthbearer_token_endpoint_url"),
        ("oauth_cb", "write sasl_oauth_token_provider"),
        ("sasl.login.callback.handler.class", "write sasl_oauth_token_provider"),
        ("sasl_kerberos_service_name", "Kerberos (GSSAPI) is not supported"),
        ("socks5_proxy", "proxies are not supported"),
        ("sasl_pasword", "did you mean sasl_password?"),
        ("security_protokol", "did you mean security_protocol?"),
    ],
)
def test_other_names_are_refused_with_what_to_write(name: str, says: str) -> None:
    text = fault_of(**{name: "s3cret"})

    assert says in text
    assert "s3cret" not in text


@pytest.mark.mistake("strimzi-kafka-bridge #343", "alpakka-kafka #1592")
@pytest.mark.parametrize("name", ["sasl_jaas_config", "sasl.jaas.config", "SASL_JAAS_CONFIG"])
@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("org.apache.kafka.common.security.plain.PlainLoginModule", "sasl_mechanism='PLAIN', sasl_username"),
        (
            "org.apache.kafka.common.security.scram.ScramLoginModule",
            "sasl_mechanism='SCRAM-SHA-256' or 'SCRAM-SHA-512'",
        ),
        ("org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule", "sasl_oauthbearer_token_endpoint_url"),
        ("software.amazon.msk.auth.iam.IAMLoginModule", "sasl_oauth_token_provider that asks Amazon's signer"),
        ("com.sun.security.auth.module.Krb5LoginModule", "GSSAPI, which is not supported"),
        ("org.example.OwnModule", "write sasl_mechanism"),
    ],
)
def test_of_a_jaas_config_only_the_modules_class_is_looked_at(name: str, module: str, says: str) -> None:
    jaas = f'{module} required username="alice-7" password="s3cret";'

    for given in (jaas, SecretStr(jaas)):
        text = fault_of(**{name: given})

        assert says in text
        assert "s3cret" not in text
        assert "alice-7" not in text
