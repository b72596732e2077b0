"""What security options come to: the values that the engine gets of a configuration."""

from __future__ import annotations

from collections.abc import Callable

from dekaf._security.mechanism import Mechanism
from dekaf._security.oidc_options import Assertion, AssertionFile, OidcOptions, SignedAssertion
from dekaf._security.pem_source import PemSource, pem_source
from dekaf._security.sasl_options import PasswordSource, SaslOptions
from dekaf._security.secret import Secret, secret_text
from dekaf._security.security_options import SecurityOptions, SecurityProtocol
from dekaf._security.tls_options import TlsOptions
from dekaf.errors import ConfigurationError
from dekaf.producer.hidden_text import HiddenText, is_hidden
from dekaf.producer.security_config import SecurityConfig
from dekaf.producer.security_options import to_token_provider

__all__ = ("security_options", "tls_options")


def security_options(config: SecurityConfig) -> SecurityOptions:
    """Return what the options come to. A token provider that is a dotted name is imported; no file is read.

    Args:
        config: Options without contradictions.

    Raises:
        ConfigurationError: The token provider cannot be imported, or made.
    """
    protocol = SecurityProtocol(config.security_protocol)
    return SecurityOptions(
        protocol=protocol,
        tls=tls_options(config) if protocol.uses_tls else None,
        sasl=_sasl_options(config) if protocol.uses_sasl else None,
    )


def tls_options(config: SecurityConfig) -> TlsOptions:
    """Return the options that begin with ``ssl_``."""
    return TlsOptions(
        context=config.ssl_context,
        cafile=_pem("ssl_cafile", config.ssl_cafile),
        certfile=_pem("ssl_certfile", config.ssl_certfile),
        keyfile=_pem("ssl_keyfile", config.ssl_keyfile),
        key_password=_password("ssl_key_password", config.ssl_key_password),
        check_hostname=config.ssl_check_hostname,
    )


def _sasl_options(config: SecurityConfig) -> SaslOptions:
    provider = config.sasl_oauth_token_provider
    return SaslOptions(
        Mechanism(config.sasl_mechanism),
        username=config.sasl_username or "",
        password=_password("sasl_password", config.sasl_password),
        token_provider=None if provider is None else _token_provider(provider),
        oidc=None if config.sasl_oauthbearer_token_endpoint_url is None else _oidc_options(config),
    )


def _oidc_options(config: SecurityConfig) -> OidcOptions:
    return OidcOptions(
        token_endpoint_url=config.sasl_oauthbearer_token_endpoint_url or "",
        client_id=config.sasl_oauthbearer_client_credentials_client_id or "",
        client_secret=_secret("client_secret", config.sasl_oauthbearer_client_credentials_client_secret),
        assertion=_assertion(config),
        scope=config.sasl_oauthbearer_scope or "",
        header_urlencode=config.sasl_oauthbearer_header_urlencode,
        extensions=dict(config.sasl_oauthbearer_extensions or {}),
    )


def _assertion(config: SecurityConfig) -> Assertion | None:
    if config.sasl_oauthbearer_assertion_file is not None:
        return AssertionFile(path=config.sasl_oauthbearer_assertion_file)
    key = _pem("sasl_oauthbearer_assertion_private_key_file", config.sasl_oauthbearer_assertion_private_key_file)
    if key is None:
        return None
    return SignedAssertion(
        private_key=key,
        passphrase=_secret("passphrase", config.sasl_oauthbearer_assertion_private_key_passphrase),
        algorithm=config.sasl_oauthbearer_assertion_algorithm,
        aud=config.sasl_oauthbearer_assertion_claim_aud or "",
        iss=config.sasl_oauthbearer_assertion_claim_iss or "",
        sub=config.sasl_oauthbearer_assertion_claim_sub or "",
        exp_seconds=config.sasl_oauthbearer_assertion_claim_exp_seconds,
        nbf_seconds=config.sasl_oauthbearer_assertion_claim_nbf_seconds,
        jti_include=config.sasl_oauthbearer_assertion_claim_jti_include,
        template_file=config.sasl_oauthbearer_assertion_template_file or "",
    )


def _pem(option: str, value: str | HiddenText | None) -> PemSource | None:
    if value is None:
        return None
    if is_hidden(value):
        return pem_source(option, secret_text(option, value.get_secret_value()))
    return pem_source(option, secret_text(option, value))


def _secret(option: str, value: HiddenText | None) -> Secret | None:
    return None if value is None else secret_text(option, value.get_secret_value())


def _password(option: str, value: str | HiddenText | Callable[[], object] | None) -> PasswordSource | None:
    if is_hidden(value):
        return secret_text(option, value.get_secret_value())
    return value if callable(value) else None


def _token_provider(given: object) -> object:
    """Return the provider that a name, a class or an object stands for."""
    found = _imported(given) if isinstance(given, str) else given
    provider = _made(found) if isinstance(found, type) else found
    try:
        to_token_provider("" if isinstance(provider, str) else provider)
    except ValueError:
        pass
    else:
        return provider
    raise ConfigurationError(
        f"{_shown(given)}: must be a function that returns an OAuthToken, or an object whose method token() does; "
        "neither takes arguments"
    )


def _imported(name: str) -> object:
    import pkgutil  # noqa: PLC0415 - only dotted names need it

    try:
        found: object = pkgutil.resolve_name(name.replace(":", "."))
    except (ImportError, AttributeError) as error:
        fault = f"cannot be imported: {error}"
    except Exception as error:  # a module's top level may raise anything, and show anything
        fault = f"cannot be imported: that raised {type(error).__name__}"
    else:
        return found
    raise ConfigurationError(f"{_shown(name)}: {fault}")


def _made(provider_class: type) -> object:
    try:
        made: object = provider_class()
    except Exception as error:  # an application's class may raise anything, and show anything
        fault = f"the class cannot be made without arguments: that raised {type(error).__name__}; give an object"
    else:
        return made
    raise ConfigurationError(f"{_shown(provider_class)}: {fault}")


def _shown(given: object) -> str:
    shown = repr(given) if isinstance(given, str) else f"<{getattr(given, '__name__', type(given).__name__)}>"
    return f"sasl_oauth_token_provider={shown}"
