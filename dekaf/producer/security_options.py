"""The options of secure connections one by one: their types, and the check of each value.

As in `options`, a check takes whatever was given and returns the value to use, or raises ValueError saying what is
allowed. A secret becomes a hidden text, of which a check is given the text; no message quotes what may be one.
"""

from __future__ import annotations

import inspect
import ipaddress
import os
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Literal, Protocol, TypeAlias
from urllib.parse import SplitResult, urlsplit

from dekaf._security.pem_source import PemSource, pem_source
from dekaf._security.secret import secret_text
from dekaf.errors import ConfigurationError
from dekaf.producer.dotted_names import is_dotted_name
from dekaf.producer.hidden_text import HiddenText, hidden, revealed
from dekaf.security import OAuthToken, checked_extensions

__all__ = (
    "AssertionAlgorithm",
    "Password",
    "PemOption",
    "SaslExtensions",
    "SaslMechanismName",
    "SecretText",
    "SecurityProtocolName",
    "TokenProvider",
    "TokenProviderObject",
    "is_given",
    "is_secret",
    "secret",
    "to_algorithm",
    "to_extensions",
    "to_password",
    "to_path",
    "to_pem",
    "to_sasl_mechanism",
    "to_secret",
    "to_security_protocol",
    "to_ssl_context",
    "to_text",
    "to_token_endpoint_url",
    "to_token_provider",
)

SecurityProtocolName: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanismName: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]
AssertionAlgorithm: TypeAlias = Literal["RS256", "ES256"]

SecretText: TypeAlias = str | HiddenText
PemOption: TypeAlias = str | HiddenText | os.PathLike[str]
Password: TypeAlias = str | HiddenText | Callable[[], str | Awaitable[str]]
SaslExtensions: TypeAlias = str | Mapping[str, str]


class TokenProviderObject(Protocol):
    """An object that gives OAuth tokens; a function that does will do as well."""

    def token(self) -> OAuthToken | Awaitable[OAuthToken]:
        """Return the token to use now; it may block, or be a coroutine."""
        ...


# In settings also the dotted name of one.
TokenProvider: TypeAlias = str | Callable[[], OAuthToken | Awaitable[OAuthToken]] | TokenProviderObject

_SECRETS: Final = frozenset(
    {
        "sasl_oauthbearer_assertion_private_key_passphrase",
        "sasl_oauthbearer_client_credentials_client_secret",
        "sasl_password",
        "ssl_key_password",
    }
)
_PEM: Final = frozenset(
    {"sasl_oauthbearer_assertion_private_key_file", "ssl_cafile", "ssl_certfile", "ssl_keyfile"}
)  # secret if they hold PEM text

_PROTOCOLS: Final = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_ALGORITHMS: Final = ("RS256", "ES256")
# What others do under these names, and what to do here.
_OTHER_MECHANISMS: Final = {
    "AWS_MSK_IAM": "write 'OAUTHBEARER', with a sasl_oauth_token_provider that asks Amazon's signer",
    "GSSAPI": "Kerberos is not supported: use another mechanism of the cluster's, or another client",
    "SCRAM": "write 'SCRAM-SHA-256' or 'SCRAM-SHA-512', whichever the user was created with",
}

# What a token of JSON begins with. Three parts of base64 with dots between could be a dotted name.
_TOKEN_BEGINS: Final = "eyJ"
_LONGEST_NAME: Final = 500  # characters of a dotted name
_EXTENSION: Final = re.compile(r"\s*([^=,\s]+)\s*=(.*)", re.DOTALL)


def is_given(value: object) -> bool:
    """Return whether a value counts as given: None, an empty text and an empty mapping do not.

    So one settings file serves where there is security and where there is none.
    """
    try:
        text = revealed(value)
        return not (text is None or (isinstance(text, str | Mapping) and len(text) == 0))
    except Exception:  # a lazy object of a framework: its check will tell
        return True


def is_secret(name: str, value: object) -> bool:
    """Return whether an option's value, as it was given, must not be shown.

    Args:
        name: The option.
        value: What was given.
    """
    if name not in _PEM:
        return name in _SECRETS
    try:
        text = os.fspath(value) if isinstance(value, os.PathLike) else value
        return not (isinstance(text, str) and _is_shown(name, text))
    except ConfigurationError:  # it is neither path nor PEM text
        return True


def secret(value: object) -> object:
    """Return a text as one that is not shown; anything else as it is."""
    return hidden(value) if isinstance(value, str) else value


def to_security_protocol(value: object) -> str:
    """Return the name of a security protocol."""
    return _one_of(value, _PROTOCOLS)


def to_sasl_mechanism(value: object) -> str:
    """Return the registered name of a SASL mechanism."""
    name = value.strip().upper() if isinstance(value, str) else ""
    if name in _OTHER_MECHANISMS:
        raise ValueError(f"must be one of {_quoted(_MECHANISMS)}; {_OTHER_MECHANISMS[name]}")
    return _one_of(name.replace("_", "-"), _MECHANISMS)


def to_algorithm(value: object) -> str:
    """Return the name of a signature's algorithm."""
    return _one_of(value, _ALGORITHMS)


def _one_of(value: object, names: tuple[str, ...]) -> str:
    name = value.strip().upper() if isinstance(value, str) else ""
    if name not in names:
        raise ValueError(f"must be one of {_quoted(names)}")
    return name


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names))


def to_ssl_context(value: object) -> ssl.SSLContext:
    """Return the context, if it is one."""
    if not isinstance(value, ssl.SSLContext):
        raise ValueError("must be an ssl.SSLContext, the object itself; settings that are text take ssl_cafile")  # noqa: TRY004 - a check
    return value


def to_pem(option: str) -> Callable[[object], str | HiddenText]:
    """Return a check for a path or PEM text; the text, and what could be a key without its heading, is kept secret."""

    def check(value: object) -> str | HiddenText:
        text = _text(os.fspath(value) if isinstance(value, os.PathLike) else value, "must be a path or PEM text")
        return text if _is_shown(option, text) else hidden(text)

    return check


def _is_shown(option: str, text: str) -> bool:
    source: PemSource = pem_source(option, secret_text(option, text))
    return bool(source.path) and source.is_plausible_path()


def to_secret(option: str) -> Callable[[object], HiddenText]:
    """Return a check for a secret text."""

    def check(value: object) -> HiddenText:
        text = _text(value, "must be text")
        secret_text(option, text)  # that is, it can be encoded
        return hidden(text)

    return check


def to_password(option: str, *, may_await: bool) -> Callable[[object], HiddenText | Callable[[], object]]:
    """Return a check for a secret text, or a function that returns it.

    Args:
        option: Its name.
        may_await: Whether the function may be a coroutine.
    """
    check_text = to_secret(option)

    def check(value: Any) -> HiddenText | Callable[[], object]:
        if not callable(value):
            return check_text(value)
        if fault := _call_fault(value):
            raise ValueError(fault)
        if not may_await and _is_coroutine(value):
            raise ValueError("must be a plain function, not a coroutine, which OpenSSL would not await")
        called: Callable[[], object] = value
        return called

    return check


def to_text(value: object) -> str:
    """Return a text that can be sent."""
    text = _text(value, "must be text")
    if "\x00" in text or _has_no_utf8(text):
        raise ValueError("must be UTF-8 text without the character NUL")
    return text


def to_path(value: object) -> str:
    """Return the path of a file; the file is not looked at."""
    path = _text(os.fspath(value) if isinstance(value, os.PathLike) else value, "must be the path of a file")
    if not PemSource("", path=path).is_plausible_path() or path.startswith(_TOKEN_BEGINS) or "-----BEGIN" in path:
        raise ValueError("must be the path of a file, not what the file holds")
    return path


def _text(value: object, says: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{says}, not {type(value).__name__}")  # noqa: TRY004 - a check
    return str(value)  # lazy texts of frameworks, too


def _has_no_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def to_token_endpoint_url(value: object) -> str:
    """Return the URL of an endpoint that gives tokens, or of a file that holds one."""
    url = _text(value, "must be a URL").strip()
    parts = _split(url)
    if parts is None:
        raise ValueError("is no URL; write https://…, or file:///… for a file that holds the token")
    if "@" in parts.netloc:
        raise ValueError("must not hold user and password: they are options of their own")
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not parts.path:
            raise ValueError("must be file:/// and the absolute path of a file")
    elif not parts.hostname or parts.scheme not in {"https", "http"}:
        raise ValueError("must begin with https://, or with file:/// for a file that holds the token")
    elif parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must begin with https://: over http:// every machine on the way could read the secret")
    return url


def _split(url: str) -> SplitResult | None:
    if not url.isprintable() or " " in url:
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - a wrong one raises
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def to_extensions(value: object) -> dict[str, str]:
    """Return SASL extensions by name; a text has them as ``name=value,name=value``."""
    given = _pairs(value) if isinstance(value, str) else value
    return checked_extensions("sasl_oauthbearer_extensions", given)


def _pairs(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split(","):
        pair = _EXTENSION.fullmatch(part)
        if pair is None or pair[1] in found:
            raise ValueError("must be a mapping, or text like 'logicalCluster=lkc-1,identityPoolId=pool-1'")
        found[pair[1]] = pair[2].strip()
    return found


def to_token_provider(value: Any) -> object:
    """Return the specification of a token provider; a dotted name is not imported before a producer needs it."""
    if isinstance(value, str):
        return _dotted_name(value)
    method: object = getattr(value, "token", None)
    call = method if callable(method) else value
    fault = "must be a function that returns an OAuthToken, or an object whose method token() does"
    if callable(call):
        fault = "" if isinstance(value, type) else _call_fault(call)
    if fault:
        raise ValueError(fault)
    provider: object = value
    return provider


def _dotted_name(text: str) -> str:
    name = text.strip()
    if not is_dotted_name(name) or len(name) > _LONGEST_NAME or name.startswith(_TOKEN_BEGINS):
        raise ValueError("as text, must be the dotted name of a function or an object, such as 'shop.tokens.provider'")
    return name


def _call_fault(call: Callable[..., object]) -> str:
    """Say why something cannot be called without arguments; empty if it can, as far as its signature tells."""
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):  # of a few built-in functions it is not known
        return ""
    try:
        signature.bind()
    except TypeError:
        return "must be called without arguments"
    return ""


def _is_coroutine(call: object) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - not whether it can be called
