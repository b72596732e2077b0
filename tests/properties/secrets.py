"""Secrets with marks, the mistakes that may be made beside them, and all that must not show them."""

from __future__ import annotations

import base64
import logging
import pickle
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from dekaf.errors import ConfigurationError
from tests.unit.security.tracebacks import everything_shown

__all__ = ("KEY", "MARK", "MISTAKES", "SECRETS", "Given", "given_options", "leaks_in", "leaks_of", "logged")

SERVERS: Final = "127.0.0.1:1"  # nobody listens there

MARK: Final = "mArK7f3a91"
KEY: Final = f"-----BEGIN PRIVATE KEY-----\nMIIE{MARK}\n{MARK}Aw==\n-----END PRIVATE KEY-----\n"
TOKENS: Final[dict[str, Any]] = {
    "security_protocol": "SASL_SSL",
    "sasl_mechanism": "OAUTHBEARER",
    "sasl_oauthbearer_token_endpoint_url": "https://login.example/token",
}
SIGNED: Final[dict[str, Any]] = {**TOKENS, "sasl_oauthbearer_assertion_private_key_file": "key.pem"}
PLAIN: Final[dict[str, Any]] = {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "alice"}
TLS: Final[dict[str, Any]] = {"security_protocol": "SSL", "ssl_certfile": "client.pem"}

# Every secret option: its value, and the others that it needs.
SECRETS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "sasl_password": (MARK, PLAIN),
    "ssl_key_password": (MARK, TLS),
    "ssl_keyfile": (KEY, TLS),
    "ssl_certfile": (KEY, TLS),
    "ssl_cafile": (KEY, TLS),
    "sasl_oauthbearer_client_credentials_client_secret": (
        MARK,
        {**TOKENS, "sasl_oauthbearer_client_credentials_client_id": "shop"},
    ),
    "sasl_oauthbearer_assertion_private_key_file": (KEY, TOKENS),
    "sasl_oauthbearer_assertion_private_key_passphrase": (MARK, SIGNED),
}

# The names of others' options that hold secrets.
FOREIGN: Final = (
    *("sasl_plain_password", "sasl.password", "sasl.jaas.config", "sasl_jaas_config", "ssl.key.pem", "ssl_password"),
    *("ssl.keystore.password", "ssl.keystore.key", "sasl.oauthbearer.client.secret", "password", "no_such_option"),
)


class Given(NamedTuple):
    """Options to give, and whether they are wrong."""

    options: dict[str, Any]
    is_wrong: bool


MISTAKES: Final = (
    *("none", "another option is wrong", "an unknown option", "not used by the protocol", "everything at once"),
    *("bytes", "a list", "a mapping", "not UTF-8", "a NUL", "under another client's name", "in upper case"),
)


def given_options(mistake: str) -> Iterator[Given]:
    """Yield options that hold a secret each, with this mistake made."""
    if mistake == "under another client's name":
        for name in FOREIGN:
            value = f'PlainLoginModule required username="alice" password="{MARK}";' if "jaas" in name else MARK
            yield Given({"bootstrap_servers": SERVERS, **PLAIN, name: value}, is_wrong=True)
        return
    for option, (value, others) in SECRETS.items():
        options = {"bootstrap_servers": SERVERS, **others, option: value}
        yield Given(_mistaken(mistake, option, options), is_wrong=mistake not in {"none", "in upper case"})


def _mistaken(mistake: str, option: str, options: dict[str, Any]) -> dict[str, Any]:
    value: str = options[option]
    changes: dict[str, dict[str, Any]] = {
        "none": {},
        "another option is wrong": {"linger_ms": -1},
        "an unknown option": {"lingre_ms": 1},
        "not used by the protocol": {"security_protocol": "PLAINTEXT"},
        "everything at once": {name: secret for name, (secret, _) in SECRETS.items()},
        "bytes": {option: value.encode()},
        "a list": {option: [value]},
        "a mapping": {option: {"secret": value}},
        "not UTF-8": {option: f"{value}\ud800"},
        "a NUL": {option: f"\x00{MARK}", "linger_ms": -1},
        "in upper case": {},
    }
    mistaken = {**options, **changes[mistake]}
    if mistake == "in upper case":
        return {name.upper(): value for name, value in mistaken.items()}
    return mistaken


def leaks_of(error: BaseException) -> list[str]:
    """Return what an error shows of the secret: in its text, its chain, and in dekaf's frames."""
    assert isinstance(error, ConfigurationError), repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    return leaks_in(everything_shown(error), pickle.loads(pickle.dumps(error)))


def leaks_in(*shown: object) -> list[str]:
    """Return what shows the secret: objects as their repr and variables do, texts as they are."""
    texts = [one if isinstance(one, str) else f"{one!r} {one} {getattr(one, '__dict__', '')!r}" for one in shown]
    encoded = base64.b64encode(MARK.encode()).decode().rstrip("=")
    return [text for text in texts if MARK in text or encoded in text]


def logged(records: list[logging.LogRecord]) -> str:
    """Return all that was logged, with arguments and errors."""
    return "\n".join(f"{record.getMessage()} {record.args!r} {record.exc_info!r}" for record in records)
