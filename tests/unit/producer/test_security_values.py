"""What security options come to for the engine."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from dekaf._security.mechanism import Mechanism
from dekaf._security.oidc_options import AssertionFile, SignedAssertion, TokenSource
from dekaf._security.secret import Secret
from dekaf._security.security_options import SecurityOptions, SecurityProtocol
from dekaf.errors import ConfigurationError
from dekaf.producer.config import ProducerConfig
from dekaf.security import OAuthToken
from tests.unit.producer.secure import CERTIFICATE, ENDPOINT, KEY, OIDC, PLAIN, SCRAM, SERVERS, provider

TOKENS: dict[str, Any] = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}


def values(**options: Any) -> SecurityOptions:
    return ProducerConfig(bootstrap_servers=SERVERS, **options).create_security_options()


def test_without_options_nothing_is_secure() -> None:
    assert values() == SecurityOptions()


def test_tls_consists_of_sources_that_nobody_has_looked_at_yet() -> None:
    made = values(
        security_protocol="SSL",
        ssl_cafile="/no/such/ca.pem",
        ssl_certfile=CERTIFICATE,
        ssl_keyfile=KEY,
        ssl_key_password="hush",
        ssl_check_hostname=False,
    )

    assert made.protocol is SecurityProtocol.SSL
    assert made.sasl is None
    tls = made.tls
    assert tls is not None
    assert tls.cafile is not None
    assert (tls.cafile.option, tls.cafile.path) == ("ssl_cafile", "/no/such/ca.pem")
    assert tls.certfile is not None
    assert tls.certfile.text.reveal_text() == CERTIFICATE
    assert tls.keyfile is not None
    assert tls.keyfile.text.reveal_text() == KEY
    assert tls.key_password == Secret(b"hush")
    assert not tls.check_hostname


def test_tls_without_options_trusts_the_system() -> None:
    tls = values(security_protocol="SSL").tls

    assert tls is not None
    assert (tls.context, tls.cafile, tls.check_hostname) == (None, None, True)


def test_a_context_is_passed_on_as_it_is() -> None:
    context = ssl.create_default_context()

    tls = values(security_protocol="SSL", ssl_context=context).tls

    assert tls is not None
    assert tls.context is context


@pytest.mark.parametrize(("options", "mechanism"), [(PLAIN, Mechanism.PLAIN), (SCRAM, Mechanism.SCRAM_SHA_512)])
def test_sasl_holds_user_and_password(options: dict[str, Any], mechanism: Mechanism) -> None:
    made = values(**options)

    assert made.tls is not None
    sasl = made.sasl
    assert sasl is not None
    assert (sasl.mechanism, sasl.username, sasl.password) == (mechanism, "alice", Secret(b"wonder"))
    assert (sasl.token_provider, sasl.oidc) == (None, None)


def test_sasl_without_tls_has_no_tls_options() -> None:
    made = values(**{**SCRAM, "security_protocol": "SASL_PLAINTEXT"})

    assert made.tls is None
    assert made.sasl is not None


def test_a_function_that_gives_the_password_is_not_called() -> None:
    sasl = values(**{**SCRAM, "sasl_password": provider}).sasl

    assert sasl is not None
    assert sasl.password is provider


def test_client_credentials() -> None:
    sasl = values(
        **OIDC,
        sasl_oauthbearer_scope="a b",
        sasl_oauthbearer_header_urlencode="yes",
        sasl_oauthbearer_extensions="logicalCluster=lkc-1",
    ).sasl

    assert sasl is not None
    oidc = sasl.oidc
    assert oidc is not None
    assert oidc.token_source is TokenSource.CLIENT_SECRET
    assert (oidc.token_endpoint_url, oidc.client_id, oidc.client_secret) == (ENDPOINT, "shop", Secret(b"hush"))
    assert (oidc.scope, oidc.header_urlencode, oidc.extensions) == ("a b", True, {"logicalCluster": "lkc-1"})


def test_an_assertion_in_a_file() -> None:
    oidc_options = {"sasl_oauthbearer_token_endpoint_url": ENDPOINT, "sasl_oauthbearer_assertion_file": "/run/jwt"}
    sasl = values(**TOKENS, **oidc_options).sasl

    assert sasl is not None
    assert sasl.oidc is not None
    assert sasl.oidc.assertion == AssertionFile(path="/run/jwt")
    assert sasl.oidc.token_source is TokenSource.JWT_BEARER


def test_an_assertion_to_sign() -> None:
    sasl = values(
        **TOKENS,
        sasl_oauthbearer_token_endpoint_url=ENDPOINT,
        sasl_oauthbearer_client_credentials_client_id="shop",
        sasl_oauthbearer_assertion_private_key_file=KEY,
        sasl_oauthbearer_assertion_private_key_passphrase="hush",
        sasl_oauthbearer_assertion_algorithm="es256",
        sasl_oauthbearer_assertion_claim_aud=ENDPOINT,
        sasl_oauthbearer_assertion_claim_iss="shop",
        sasl_oauthbearer_assertion_claim_sub="shop",
        sasl_oauthbearer_assertion_claim_exp_seconds="120",
        sasl_oauthbearer_assertion_claim_nbf_seconds=30,
        sasl_oauthbearer_assertion_claim_jti_include=True,
        sasl_oauthbearer_assertion_template_file="/etc/template.json",
    ).sasl

    assert sasl is not None
    assert sasl.oidc is not None
    assert sasl.oidc.token_source is TokenSource.CLIENT_ASSERTION
    signed = sasl.oidc.assertion
    assert isinstance(signed, SignedAssertion)
    assert signed.private_key.text.reveal_text() == KEY
    assert signed.passphrase == Secret(b"hush")
    assert (signed.algorithm, signed.aud, signed.iss, signed.sub) == ("ES256", ENDPOINT, "shop", "shop")
    assert (signed.exp_seconds, signed.nbf_seconds, signed.jti_include) == (120, 30, True)
    assert signed.template_file == "/etc/template.json"


class Provider:
    """A token provider that needs nothing to be made."""

    def token(self) -> OAuthToken:
        raise NotImplementedError


MADE = Provider()
TEXT = "shop.tokens"


class NeedsClient(Provider):
    def __init__(self, client: object) -> None:
        raise NotImplementedError


class Unlicensed(Provider):
    def __init__(self) -> None:
        raise RuntimeError("s3cret")


def token_provider(given: Any) -> object:
    sasl = values(**TOKENS, sasl_oauth_token_provider=given).sasl
    assert sasl is not None
    return sasl.token_provider


@pytest.mark.parametrize("given", [provider, MADE, f"{__name__}.MADE", f"{__name__}:MADE"])
def test_a_token_provider_is_an_object_or_its_name(given: Any) -> None:
    assert token_provider(given) is (provider if given is provider else MADE)


@pytest.mark.parametrize("given", [Provider, f"{__name__}.Provider"])
def test_a_class_that_provides_tokens_is_made(given: Any) -> None:
    assert isinstance(token_provider(given), Provider)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("no_such_module.tokens", "='no_such_module.tokens': cannot be imported: No module named 'no_such_module'"),
        (f"{__name__}.no_such", "cannot be imported: "),
        (f"{__name__}.TEXT", "must be a function that returns an OAuthToken"),
        (f"{__name__}.NeedsClient", "cannot be made without arguments: that raised TypeError; give an object"),
        (NeedsClient, "sasl_oauth_token_provider=<NeedsClient>: the class cannot be made without arguments"),
        (Unlicensed, "that raised RuntimeError"),
    ],
)
def test_a_token_provider_that_cannot_be_had_is_an_error_when_it_is_needed(given: Any, says: str) -> None:
    made = ProducerConfig(bootstrap_servers=SERVERS, **TOKENS, sasl_oauth_token_provider=given)

    with pytest.raises(ConfigurationError) as caught:
        made.create_security_options()

    assert str(caught.value).startswith("sasl_oauth_token_provider=")
    assert says in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None
