"""A JWT that proves who asks for a token: read from a file that others renew, or signed here."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from dekaf._security.oidc_options import Assertion, AssertionFile, SignedAssertion
from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError, CredentialsUnavailableError, caused_error

__all__ = ("assertion_of", "check_signing_package")


def check_signing_package() -> None:
    """Raise ConfigurationError if assertions are to be signed and the package that can is not installed."""
    try:
        import jwt  # noqa: F401, PLC0415 # optional
    except ImportError as error:
        raise ConfigurationError(
            "sasl_oauthbearer_assertion_private_key_file: signing needs a package: pip install dekaf[oauth-assertion]"
        ) from error


def assertion_of(assertion: Assertion) -> Secret:
    """Return the JWT for one request; reads files.

    Raises:
        CredentialsUnavailableError: A file cannot be read, or the key cannot sign.
    """
    if isinstance(assertion, AssertionFile):
        text = Secret(_read(assertion.path, "sasl_oauthbearer_assertion_file").strip())
        if not text:
            raise CredentialsUnavailableError(f"sasl_oauthbearer_assertion_file={assertion.path!r} is empty.")
        return text
    return _signed(assertion)


def _signed(assertion: SignedAssertion) -> Secret:
    import jwt  # noqa: PLC0415 # optional, and checked when the producer is made

    template = _template(assertion.template_file)
    claims = {**_object(template, "payload"), **_claims(assertion, int(time.time()))}
    try:
        return Secret(
            jwt.encode(
                claims,
                _private_key(assertion),
                algorithm=assertion.algorithm,
                headers=_object(template, "header") or None,
            ).encode()
        )
    except (CredentialsUnavailableError, MemoryError):
        raise
    except Exception as error:
        kind = type(error).__name__
    # Outside the handler: what a key's parser raises may quote the key.
    raise CredentialsUnavailableError(
        f"{assertion.private_key.shown()}: cannot sign with {assertion.algorithm} ({kind}): check the key, its "
        "passphrase and sasl_oauthbearer_assertion_algorithm."
    )


def _claims(assertion: SignedAssertion, now: int) -> dict[str, Any]:
    named = {"aud": assertion.aud, "iss": assertion.iss, "sub": assertion.sub}
    claims: dict[str, Any] = {
        "iat": now,
        "exp": now + assertion.exp_seconds,
        "nbf": now - assertion.nbf_seconds,
        **{name: value for name, value in named.items() if value},
    }
    if assertion.jti_include:
        claims["jti"] = str(uuid.uuid4())
    return claims


def _private_key(assertion: SignedAssertion) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 # with jwt[crypto]

    source = assertion.private_key
    pem = source.text.reveal() if source.text else _read(source.path, source.option)
    passphrase = None if assertion.passphrase is None else assertion.passphrase.reveal()
    return load_pem_private_key(pem, passphrase)


def _template(path: str) -> dict[str, Any]:
    if not path:
        return {}
    option = "sasl_oauthbearer_assertion_template_file"
    try:
        template: object = json.loads(_read(path, option))
    except ValueError as error:
        raise caused_error(CredentialsUnavailableError(f"{option}={path!r} is not JSON."), error) from error
    if not isinstance(template, dict):
        raise CredentialsUnavailableError(f"{option}={path!r} holds no JSON object.")
    return template


def _object(template: dict[str, Any], name: str) -> dict[str, Any]:
    value: object = template.get(name, {})
    if not isinstance(value, dict):
        raise CredentialsUnavailableError(f"sasl_oauthbearer_assertion_template_file: {name} must be a JSON object.")
    return value


def _read(path: str, option: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        failure = CredentialsUnavailableError(f"{option}={path!r} cannot be read: {error.strerror or error}.")
        raise caused_error(failure, error) from error
