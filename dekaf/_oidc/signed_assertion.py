"""Sign a JWT with a private key, as KIP-1139 describes it; needs the extra `oauth-assertion`."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any, Final

from dekaf._oidc.small_file import read_small_file
from dekaf._security.oidc_options import SignedAssertion
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError, CredentialsUnavailableError

__all__ = ("assertion_claims", "assertion_header", "signed_assertion")

_PREFIX: Final = "sasl_oauthbearer_assertion_"
_ALGORITHM: Final = f"{_PREFIX}algorithm"
_PASSPHRASE: Final = f"{_PREFIX}private_key_passphrase"
_TEMPLATE: Final = f"{_PREFIX}template_file"


def signed_assertion(assertion: SignedAssertion, clock: Callable[[], float] = time.time) -> Secret:
    """Return a JWT signed now; its key and its template are read again.

    Args:
        assertion: What to sign, and with what.
        clock: Seconds since 1970.

    Raises:
        ConfigurationError: The package that signs is not installed.
        CredentialsUnavailableError: A file cannot be read, or the key cannot sign.
    """
    encode = _encoder(assertion.private_key.option)
    template = _template(assertion.template_file)
    header = assertion_header(assertion, template)
    claims = assertion_claims(assertion, template, int(clock()))
    key = _private_key(assertion)
    try:
        return Secret(encode(claims, key, algorithm=assertion.algorithm, headers=header).encode())
    except Exception as error:
        kind = type(error).__name__
    # Outside the handler, here and below: what a key's parser raises may quote the key.
    remedy = f": check the types of what {_TEMPLATE} adds" if template else ""
    raise CredentialsUnavailableError(
        f"{assertion.private_key.shown()}: cannot sign with {_ALGORITHM}={assertion.algorithm!r} ({kind}){remedy}."
    )


def assertion_header(assertion: SignedAssertion, template: dict[str, Any]) -> dict[str, Any]:
    """Return the JWT's header: the template's, such as `kid`, under what must be true."""
    return {**_object(template, "header"), "alg": assertion.algorithm, "typ": "JWT"}


def assertion_claims(assertion: SignedAssertion, template: dict[str, Any], now: int) -> dict[str, Any]:
    """Return the JWT's claims. As in Java, the template's replace those of options, and times replace both.

    Args:
        assertion: The options.
        template: What the template file holds; may be empty.
        now: Seconds since 1970.
    """
    named = {"aud": assertion.aud, "iss": assertion.iss, "sub": assertion.sub}
    claims: dict[str, Any] = {
        **{name: value for name, value in named.items() if value},
        **_object(template, "payload"),
        "iat": now,
        "exp": now + assertion.exp_seconds,
        "nbf": now - assertion.nbf_seconds,
    }
    if assertion.jti_include:
        claims["jti"] = str(uuid.uuid4())
    return claims


def _encoder(option: str) -> Callable[..., str]:
    try:
        import cryptography  # noqa: F401, PLC0415 # optional; jwt can be there without it
        import jwt  # noqa: PLC0415 # optional
    except ImportError:
        pass
    else:
        encode: Callable[..., str] = jwt.encode
        return encode
    raise ConfigurationError(f"{option}: to sign assertions, install a package: pip install 'dekaf[oauth-assertion]'")


def _private_key(assertion: SignedAssertion) -> Any:
    """Return the key, which fits the algorithm."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415 # optional

    key = _loaded(assertion.private_key, assertion.passphrase)
    if assertion.algorithm == "ES256":
        fits = isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
        needs = "a key for the elliptic curve P-256"
    else:
        fits = isinstance(key, rsa.RSAPrivateKey)
        needs = "an RSA key"
    if not fits:
        raise CredentialsUnavailableError(
            f"{assertion.private_key.shown()}: {_ALGORITHM}={assertion.algorithm!r} needs {needs}, and this is another."
        )
    return key


def _loaded(source: PemSource, passphrase: Secret | None) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 # optional

    pem = source.text if source.text else read_small_file(source.shown(), source.path)
    if passphrase is not None and b"ENCRYPTED" not in pem.reveal():
        passphrase = None  # it is not needed, as with ssl_key_password
    try:
        return load_pem_private_key(pem.reveal(), None if passphrase is None else passphrase.reveal())
    except Exception as error:
        asks = passphrase is None and isinstance(error, TypeError)
        kind = type(error).__name__
    if asks:
        fault = f"the key is encrypted: give its passphrase in {_PASSPHRASE}"
    elif passphrase is not None:
        fault = f"cannot be decrypted with {_PASSPHRASE}, which must be another one, or the key is damaged ({kind})"
    else:
        fault = f"holds no private key in PEM that can be read ({kind})"
    raise CredentialsUnavailableError(f"{source.shown()}: {fault}.")


def _template(path: str) -> dict[str, Any]:
    if not path:
        return {}
    data = read_small_file(f"{_TEMPLATE}={path!r}", path)
    try:
        template: object = json.loads(data.reveal())
    except (ValueError, RecursionError):
        template = None
    if isinstance(template, dict):
        return template
    raise CredentialsUnavailableError(f"{_TEMPLATE}={path!r}: must hold a JSON object.")


def _object(template: dict[str, Any], name: str) -> dict[str, Any]:
    value: object = template.get(name, {})
    if isinstance(value, dict):
        return value
    raise CredentialsUnavailableError(f"{_TEMPLATE}: {name!r} in it must be a JSON object.")
