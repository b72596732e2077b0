"""SecurityConfig: the options of secure connections, which are part of a `ProducerConfig`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Final, final

from dekaf.producer.frozen_options import FrozenOptions, option
from dekaf.producer.hidden_text import HiddenText, is_hidden
from dekaf.producer.options import to_switch, whole_number
from dekaf.producer.security_options import (
    AssertionAlgorithm,
    Password,
    SaslMechanismName,
    SecurityProtocolName,
    TokenProvider,
    to_algorithm,
    to_extensions,
    to_password,
    to_path,
    to_pem,
    to_sasl_mechanism,
    to_secret,
    to_security_protocol,
    to_ssl_context,
    to_text,
    to_token_endpoint_url,
    to_token_provider,
)

__all__ = ("OIDC", "SecurityConfig", "is_security_option")

OIDC: Final = "sasl_oauthbearer_"  # how the names of options begin that say where to fetch tokens

_CLIENT_ID: Final = "sasl_oauthbearer_client_credentials_client_id"
_CLIENT_SECRET: Final = "sasl_oauthbearer_client_credentials_client_secret"
_PRIVATE_KEY: Final = "sasl_oauthbearer_assertion_private_key_file"
_PASSPHRASE: Final = "sasl_oauthbearer_assertion_private_key_passphrase"


def is_security_option(name: str) -> bool:
    """Return whether an option is one of these."""
    return name in SecurityConfig.model_fields


class SecurityConfig(FrozenOptions):
    """How to connect to brokers, and as whom. Nothing is looked at, read or called before a producer is made of it."""

    security_protocol: SecurityProtocolName = option(
        "PLAINTEXT",
        check=to_security_protocol,
        description="`PLAINTEXT`, `SSL`, `SASL_PLAINTEXT` or `SASL_SSL`; default `PLAINTEXT`. Whether connections are "
        "encrypted (`…SSL`), and whether the producer logs in (`SASL_…`). Options below that the protocol has no use "
        "for are refused, unless they are empty. Kafka: `security.protocol`.",
    )
    ssl_context: ssl.SSLContext | None = option(
        None,
        check=to_ssl_context,
        description="An `ssl.SSLContext` for clients, the object itself; default: made from the other `ssl_…` "
        "options, which it excludes. For what these do not offer: a minimum version, ciphers, revocation lists. It is "
        "used as it is.",
    )
    ssl_cafile: str | HiddenText | None = option(
        None,
        check=to_pem("ssl_cafile"),
        description="The path of a file, that of a folder, of which every `*.pem` and `*.crt` is read, or PEM text; "
        "default: the system's authorities. Which authorities may have issued the brokers' certificates. Kafka: "
        "`ssl.truststore.location`, `ssl.truststore.certificates` (KIP-651).",
    )
    ssl_certfile: str | HiddenText | None = option(
        None,
        check=to_pem("ssl_certfile"),
        description="The path of a file, or PEM text; default: none. The certificate to show to brokers, with those "
        "between it and its authority, and maybe with its key. Kafka: `ssl.keystore.location`, "
        "`ssl.keystore.certificate.chain`.",
    )
    ssl_keyfile: str | HiddenText | None = option(
        None,
        check=to_pem("ssl_keyfile"),
        description="The path of a file, or PEM text, which is kept secret; default: the key is in `ssl_certfile`. The "
        "certificate's private key. Kafka: `ssl.keystore.location`, `ssl.keystore.key`.",
    )
    ssl_key_password: Password | None = option(
        None,
        check=to_password("ssl_key_password", may_await=False),
        description="Text, which is kept secret, or a function that returns it; default: the key is not encrypted. "
        "The private key's password. A function is called on a thread of dekaf's own before the first connection, and "
        "whenever the key is read again. Kafka: `ssl.key.password`.",
    )
    ssl_check_hostname: bool = option(
        default=True,
        check=to_switch,
        description="True or False; default True. Whether a broker's certificate must be for the host that is dialled. "
        "Whether it must be of a trusted authority is not an option. Kafka: `ssl.endpoint.identification.algorithm`.",
    )
    sasl_mechanism: SaslMechanismName | None = option(
        None,
        check=to_sasl_mechanism,
        description="`PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`; required with `SASL_…`. How the "
        "producer logs in. Kafka: `sasl.mechanism`.",
    )
    sasl_username: str | None = option(
        None,
        check=to_text,
        description="Text; required with `PLAIN` and `SCRAM-…`. Whom to log in as; of some services an API key. Kafka: "
        "`username` in `sasl.jaas.config`.",
    )
    sasl_password: Password | None = option(
        None,
        check=to_password("sasl_password", may_await=True),
        description="Text, which is kept secret, or a function that returns it, for passwords that change; required "
        "with `PLAIN` and `SCRAM-…`. The function is called for each connection, on a thread of its own, and may be a "
        "coroutine. Kafka: `password` in `sasl.jaas.config`.",
    )
    sasl_oauth_token_provider: TokenProvider | None = option(
        None,
        check=to_token_provider,
        description="A function that returns a `dekaf.security.OAuthToken`, an object whose method `token()` does, or "
        "the dotted name of one; `OAUTHBEARER` needs it, or `sasl_oauthbearer_token_endpoint_url`. Sync or async; "
        "called on a thread of its own, for all connections together, before a token expires. Kafka: "
        "`sasl.login.callback.handler.class`.",
    )
    sasl_oauthbearer_token_endpoint_url: str | None = option(
        None,
        check=to_token_endpoint_url,
        description="A URL; default: none. Where to fetch tokens: an OpenID Connect provider's endpoint (`https:`), or "
        "`file:///…`, a file that holds the token and is read again for each. Kafka: "
        "`sasl.oauthbearer.token.endpoint.url` (KIP-768).",
    )
    sasl_oauthbearer_client_credentials_client_id: str | None = option(
        None,
        check=to_text,
        description="Text; default: none. Whom the endpoint knows the producer as. Kafka: "
        "`sasl.oauthbearer.client.credentials.client.id` (KIP-1139).",
    )
    sasl_oauthbearer_client_credentials_client_secret: HiddenText | None = option(
        None,
        check=to_secret(_CLIENT_SECRET),
        description="Text, which is kept secret; default: none. What proves that to the endpoint, unless an assertion "
        "does. Kafka: `sasl.oauthbearer.client.credentials.client.secret` (KIP-1139).",
    )
    sasl_oauthbearer_scope: str | None = option(
        None,
        check=to_text,
        description="Text, such as `kafka.write api://shop/.default`; default: none. What the endpoint is asked for. "
        "Kafka: `sasl.oauthbearer.scope` (KIP-1139).",
    )
    sasl_oauthbearer_header_urlencode: bool = option(
        default=False,
        check=to_switch,
        description="True or False; default False. Whether the client's id and secret are URL-encoded on their way to "
        "the endpoint, as RFC 6749 says and not every endpoint expects. Kafka: `sasl.oauthbearer.header.urlencode` "
        "(KIP-1025).",
    )
    sasl_oauthbearer_extensions: dict[str, str] | None = option(
        None,
        check=to_extensions,
        description="A mapping, or text like `logicalCluster=lkc-1,identityPoolId=pool-1`; default: none. What brokers "
        "are told beside the fetched token (KIP-342). Kafka: `extension_…` in `sasl.jaas.config`.",
    )
    sasl_oauthbearer_assertion_file: str | None = option(
        None,
        check=to_path,
        description="The path of a file; default: none. A JWT that others renew, such as Kubernetes: it is read again "
        "for each token, and given to the endpoint in place of a secret if there is a client id (KIP-1258), or as the "
        "grant (KIP-1139). Kafka: `sasl.oauthbearer.assertion.file`.",
    )
    sasl_oauthbearer_assertion_private_key_file: str | HiddenText | None = option(
        None,
        check=to_pem(_PRIVATE_KEY),
        description="The path of a file, or PEM text, which is kept secret; default: none. The key with which to sign "
        "the JWT oneself, instead of `sasl_oauthbearer_assertion_file`; needs `pip install 'dekaf[oauth-assertion]'`. "
        "Kafka: `sasl.oauthbearer.assertion.private.key.file` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_private_key_passphrase: HiddenText | None = option(
        None,
        check=to_secret(_PASSPHRASE),
        description="Text, which is kept secret; default: the key is not encrypted. Kafka: "
        "`sasl.oauthbearer.assertion.private.key.passphrase` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_algorithm: AssertionAlgorithm = option(
        "RS256",
        check=to_algorithm,
        description="`RS256` or `ES256`; default `RS256`. How the JWT is signed. Kafka: "
        "`sasl.oauthbearer.assertion.algorithm` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_claim_aud: str | None = option(
        None,
        check=to_text,
        description="Text; default: none. For whom the JWT is: mostly the endpoint's URL. Kafka: "
        "`sasl.oauthbearer.assertion.claim.aud` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_claim_iss: str | None = option(
        None,
        check=to_text,
        description="Text; default: none. Who issues the JWT: mostly the client's id. Kafka: "
        "`sasl.oauthbearer.assertion.claim.iss` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_claim_sub: str | None = option(
        None,
        check=to_text,
        description="Text; default: none. Whom the JWT is about: mostly the client's id. Kafka: "
        "`sasl.oauthbearer.assertion.claim.sub` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_claim_exp_seconds: int = option(
        300,
        check=whole_number(1),
        description="Seconds; default 300. For how long the JWT is valid. Kafka: "
        "`sasl.oauthbearer.assertion.claim.exp.seconds` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_claim_nbf_seconds: int = option(
        60,
        check=whole_number(0),
        description="Seconds; default 60. For how long it has been valid already when it is made, because clocks "
        "differ. Kafka: `sasl.oauthbearer.assertion.claim.nbf.seconds` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_claim_jti_include: bool = option(
        default=False,
        check=to_switch,
        description="True or False; default False. Whether each JWT gets a unique id. Kafka: "
        "`sasl.oauthbearer.assertion.claim.jti.include` (KIP-1139).",
    )
    sasl_oauthbearer_assertion_template_file: str | None = option(
        None,
        check=to_path,
        description="The path of a JSON file with the objects `header` and `payload`; default: none. Further headers "
        "of the JWT, such as `kid`, and claims. Kafka: `sasl.oauthbearer.assertion.template.file` (KIP-1139).",
    )

    @property
    def given_security_options(self) -> tuple[str, ...]:
        """The names of those that were given, in the order of the documentation."""
        return tuple(name for name in SecurityConfig.model_fields if name in self.model_fields_set)

    def _shown_values(self) -> Iterator[tuple[str, object]]:
        """Show of these options those that were given, and of functions and objects their kind only."""
        for name, value in super()._shown_values():
            if not is_security_option(name):
                yield name, value
            elif name in self.model_fields_set:
                is_plain = isinstance(value, str | int | dict) or is_hidden(value)
                yield name, value if is_plain else _Kind(type(value).__name__)


@final
class _Kind:
    """Stands for an object in a repr: its own might show what it knows."""

    def __init__(self, name: str) -> None:
        self._name: Final = name

    def __repr__(self) -> str:
        return f"<{self._name}>"
