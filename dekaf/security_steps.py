"""SecuritySteps: those of a builder's steps that make connections secure.

The name of the protocol follows from the steps, in whatever order they are taken, and it only gets safer: a password is
not sent in the clear unless the application wrote so.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from typing import Final, Self, Unpack, cast

from dekaf.producer.masked import Masked, unmasked
from dekaf.producer.options import ProducerOptions
from dekaf.producer.security_options import (
    Password,
    PemOption,
    SaslExtensions,
    SaslMechanismName,
    SecretText,
    SecurityProtocolName,
    TokenProvider,
)

__all__ = ("SecuritySteps",)

# What the steps that log in set; each replaces what another one said.
_LOGIN_OPTIONS: Final = (
    "sasl_username",
    "sasl_password",
    "sasl_oauth_token_provider",
    "sasl_oauthbearer_token_endpoint_url",
    "sasl_oauthbearer_client_credentials_client_id",
    "sasl_oauthbearer_client_credentials_client_secret",
    "sasl_oauthbearer_scope",
    "sasl_oauthbearer_extensions",
    "sasl_oauthbearer_assertion_file",
    "sasl_oauthbearer_header_urlencode",
)


class SecuritySteps:
    """The steps, over `with_options`.

    Args:
        options: What earlier steps have said. The values are masked, so that neither `vars` nor a traceback shows a
            password.
    """

    def __init__(self, options: ProducerOptions) -> None:
        self._options = options

    def with_options(self, /, **options: Unpack[ProducerOptions]) -> Self:
        """Set any options by name."""
        raise NotImplementedError

    def with_security_protocol(self, protocol: SecurityProtocolName) -> Self:
        """Name the protocol: ``PLAINTEXT``, ``SSL``, ``SASL_PLAINTEXT`` or ``SASL_SSL``.

        Only needed for ``SASL_PLAINTEXT``, before or after the login: the other steps know theirs. To leave TLS behind
        that `with_tls` asked for is refused by ``build()``.
        """
        return self.with_options(security_protocol=protocol)

    def with_tls(
        self,
        context: ssl.SSLContext | None = None,
        *,
        ca: PemOption | None = None,
        certificate: PemOption | None = None,
        key: PemOption | None = None,
        key_password: Password | None = None,
        check_hostname: bool = True,
    ) -> Self:
        """Encrypt connections, and verify the brokers' certificates; taking the step again replaces all it said.

        Args:
            context: A ready context, instead of everything else.
            ca: The authorities to trust: the path of a file or folder, or PEM text; default: the system's.
            certificate: A certificate to show to brokers: a path or PEM text; it may contain the key.
            key: Its private key: a path or PEM text.
            key_password: The key's password, or a function that returns it.
            check_hostname: Whether a broker's certificate must be for the host that is dialled.
        """
        current = self._protocol()
        return self.with_options(
            security_protocol="SASL_SSL" if current.startswith("SASL_") else "SSL",
            ssl_context=context,
            ssl_cafile=ca,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            ssl_key_password=key_password,
            ssl_check_hostname=None if check_hostname and context is not None else check_hostname,
        )

    def with_sasl_plain(self, username: str, password: Password) -> Self:
        """Log in by PLAIN; encrypted, unless `with_security_protocol` says ``SASL_PLAINTEXT``.

        Args:
            username: Whom to log in as; of some services an API key.
            password: The password, or a function that returns it, sync or async, for passwords that change.
        """
        return self._with_login("PLAIN", {"sasl_username": username, "sasl_password": Masked(password)})

    def with_sasl_scram_sha_256(self, username: str, password: Password) -> Self:
        """Log in by SCRAM-SHA-256; otherwise as `with_sasl_plain`."""
        return self._with_login("SCRAM-SHA-256", {"sasl_username": username, "sasl_password": Masked(password)})

    def with_sasl_scram_sha_512(self, username: str, password: Password) -> Self:
        """Log in by SCRAM-SHA-512; otherwise as `with_sasl_plain`."""
        return self._with_login("SCRAM-SHA-512", {"sasl_username": username, "sasl_password": Masked(password)})

    def with_oauth_bearer(self, provider: TokenProvider) -> Self:
        """Log in by OAUTHBEARER; encrypted, unless `with_security_protocol` says ``SASL_PLAINTEXT``.

        Args:
            provider: A function that returns a `dekaf.security.OAuthToken`, an object whose method ``token()`` does,
                or the dotted name of one; sync or async.
        """
        return self._with_login("OAUTHBEARER", {"sasl_oauth_token_provider": provider})

    def with_oidc(  # noqa: PLR0913 # each is an option
        self,
        token_endpoint_url: str,
        client_id: str | None = None,
        client_secret: SecretText | None = None,
        *,
        scope: str | None = None,
        extensions: SaslExtensions | None = None,
        assertion_file: str | os.PathLike[str] | None = None,
        header_urlencode: bool = False,
    ) -> Self:
        """Log in by OAUTHBEARER with tokens of an OpenID Connect provider; otherwise as `with_oauth_bearer`.

        Args:
            token_endpoint_url: Where to fetch tokens; ``file:///…`` for a file that holds one.
            client_id: Whom the endpoint knows us as.
            client_secret: What proves it.
            scope: What to ask for.
            extensions: What to tell brokers beside the token.
            assertion_file: A file with a JWT that proves it instead of the secret, or is itself exchanged for a token.
            header_urlencode: Whether id and secret are URL-encoded, as RFC 6749 says and not every endpoint expects.
        """
        options = {
            "sasl_oauthbearer_token_endpoint_url": token_endpoint_url,
            "sasl_oauthbearer_client_credentials_client_id": client_id,
            "sasl_oauthbearer_client_credentials_client_secret": Masked(client_secret),
            "sasl_oauthbearer_scope": scope,
            "sasl_oauthbearer_extensions": extensions,
            "sasl_oauthbearer_assertion_file": assertion_file,
            "sasl_oauthbearer_header_urlencode": header_urlencode or None,
        }
        del client_secret
        return self._with_login("OAUTHBEARER", options)

    def _with_login(self, mechanism: SaslMechanismName, options: Mapping[str, object]) -> Self:
        """Replace what other steps that log in have said."""
        current = self._protocol()
        changes: dict[str, object] = {
            **dict.fromkeys(_LOGIN_OPTIONS),
            **options,
            "sasl_mechanism": mechanism,
            "security_protocol": current if current.startswith("SASL_") else "SASL_SSL",
        }
        return self.with_options(**cast("ProducerOptions", changes))

    def _protocol(self) -> str:
        given: object = unmasked(self._options.get("security_protocol"))
        return given.strip().upper() if isinstance(given, str) else ""
