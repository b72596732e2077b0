"""Which security options, each valid alone, do not go together. Nothing is read for it, and no value shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dekaf._security.security_options import SecurityProtocol
from dekaf.producer.hidden_text import is_hidden
from dekaf.producer.security_config import OIDC, SecurityConfig
from dekaf.producer.security_values import tls_options

__all__ = ("security_faults",)

_ASSERTION: Final = f"{OIDC}assertion_"
_CLIENT_ID: Final = f"{OIDC}client_credentials_client_id"
_CLIENT_SECRET: Final = f"{OIDC}client_credentials_client_secret"
_ENDPOINT: Final = f"{OIDC}token_endpoint_url"
_EXTENSIONS: Final = f"{OIDC}extensions"
_FILE: Final = f"{_ASSERTION}file"
_KEY: Final = f"{_ASSERTION}private_key_file"
_PASSWORD: Final = ("sasl_username", "sasl_password")
_PROVIDER: Final = "sasl_oauth_token_provider"


def security_faults(config: SecurityConfig) -> Iterator[str]:
    """Say what does not go together; each fault names the options, and what to write."""
    given = config.given_security_options
    protocol = SecurityProtocol(config.security_protocol)
    tls = [name for name in given if name.startswith("ssl_")]
    sasl = [name for name in given if name.startswith("sasl_")]
    if protocol.uses_tls:
        yield from _tls_faults(config, tls)
    elif tls:
        protocols = "'SASL_SSL'" if protocol.uses_sasl or sasl else "'SSL' or 'SASL_SSL'"
        yield _unused_fault(config, tls, "TLS", protocols=protocols)
    if protocol.uses_sasl:
        yield from _sasl_faults(config, sasl)
    elif sasl:
        protocols = "'SASL_SSL'" if protocol.uses_tls or tls else "'SASL_SSL' or 'SASL_PLAINTEXT'"
        yield _unused_fault(config, sasl, "SASL", protocols=protocols)


def _unused_fault(config: SecurityConfig, names: Sequence[str], what: str, *, protocols: str) -> str:
    is_given = "security_protocol" in config.model_fields_set
    protocol = f"security_protocol={config.security_protocol!r}"
    reason = f"{protocol} is without {what}" if is_given else f"security_protocol is not given, and without {what} then"
    return f"{_listed(names)}: {reason}: write security_protocol={protocols}, or leave {_them(names)} out"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _tls_faults(config: SecurityConfig, given: Sequence[str]) -> Iterator[str]:
    yield from tls_options(config).faults()
    if config.ssl_context is not None and "ssl_check_hostname" in given and config.ssl_check_hostname:
        yield "ssl_check_hostname: ssl_context says it already: give one of the two"


def _sasl_faults(config: SecurityConfig, given: Sequence[str]) -> Iterator[str]:
    mechanism = config.sasl_mechanism
    if mechanism is None:
        yield (
            f"sasl_mechanism: required with security_protocol={config.security_protocol!r}; write 'PLAIN', "
            "'SCRAM-SHA-256', 'SCRAM-SHA-512' or 'OAUTHBEARER', whichever the listener offers"
        )
        return
    if mechanism == "OAUTHBEARER":
        yield from _unused_credentials(mechanism, [name for name in _PASSWORD if name in given], "'PLAIN' or 'SCRAM-…'")
        yield from _token_faults(config, [name for name in given if name == _PROVIDER or name.startswith(OIDC)])
        return
    yield from _password_faults(config, mechanism, given)


def _unused_credentials(mechanism: str, names: Sequence[str], others: str) -> Iterator[str]:
    if names:
        yield (
            f"{_listed(names)}: sasl_mechanism={mechanism!r} has no use for {_them(names)}: write "
            f"sasl_mechanism={others}, or leave {_them(names)} out"
        )


def _password_faults(config: SecurityConfig, mechanism: str, given: Sequence[str]) -> Iterator[str]:
    for name in _PASSWORD:
        if name not in given:
            yield f"{name}: required with sasl_mechanism={mechanism!r}"
    password = config.sasl_password
    if is_hidden(password) and "\x00" in password.get_secret_value():
        yield "sasl_password: must not hold the character NUL"
    others = [name for name in given if name not in {*_PASSWORD, "sasl_mechanism"}]
    yield from _unused_credentials(mechanism, others, "'OAUTHBEARER'")


def _token_faults(config: SecurityConfig, given: Sequence[str]) -> Iterator[str]:
    oidc = [name for name in given if name != _PROVIDER]
    if not given:
        yield f"sasl_mechanism='OAUTHBEARER': needs {_PROVIDER}, or {_ENDPOINT}"
    elif _PROVIDER in given and oidc:
        yield f"{_listed(oidc)}: {_PROVIDER} gives the tokens: leave {_them(oidc)} out, or the provider"
    elif oidc and _ENDPOINT not in oidc:
        yield f"{_listed(oidc)}: {_ENDPOINT} is missing, which gives the tokens"
    elif (config.sasl_oauthbearer_token_endpoint_url or "").lower().startswith("file:"):
        unused = [name for name in oidc if name not in {_ENDPOINT, _EXTENSIONS}]
        if unused:
            yield f"{_listed(unused)}: {_ENDPOINT} is a file that holds the token: leave {_them(unused)} out"
    elif oidc:
        yield from _endpoint_faults(config, oidc)


def _endpoint_faults(config: SecurityConfig, given: Sequence[str]) -> Iterator[str]:
    assertion = [name for name in given if name.startswith(_ASSERTION)]
    if _FILE in given and len(assertion) > 1:
        others = [name for name in assertion if name != _FILE]
        yield f"{_listed(others)}: {_FILE} holds the assertion, signed already: leave {_them(others)} out, or the file"
    elif assertion and _FILE not in given and _KEY not in given:
        yield f"{_listed(assertion)}: of use only with {_KEY}, with which assertions are signed"
    if _FILE not in given and _KEY not in given:
        yield from _secret_faults(given)
        return
    if _CLIENT_SECRET in given:
        yield f"{_CLIENT_SECRET}: an assertion takes its place: leave it out, or {_FILE if _FILE in given else _KEY}"
    if config.sasl_oauthbearer_header_urlencode:
        yield f"{OIDC}header_urlencode: is about the client's secret, whose place an assertion takes: leave it out"


def _secret_faults(given: Sequence[str]) -> Iterator[str]:
    if _CLIENT_ID not in given:
        yield f"{_CLIENT_ID}: required with {_ENDPOINT}, unless there is an assertion ({_FILE})"
    if _CLIENT_SECRET not in given:
        yield f"{_CLIENT_SECRET}: required with {_ENDPOINT}, unless there is an assertion ({_FILE})"
