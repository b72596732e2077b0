"""Keys that sign assertions, in the forms in which people have them."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

__all__ = ("PASSPHRASE", "claims_of", "curve_key", "edwards_key", "header_of", "pem", "rsa_key", "verify")

PASSPHRASE = "pass phrase ü"


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    """Return an RSA key, always the same."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def curve_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    """Return a key for an elliptic curve, always the same."""
    return ec.generate_private_key(curve())


@cache
def edwards_key() -> ed25519.Ed25519PrivateKey:
    """Return a key for an algorithm that Kafka does not know, always the same."""
    return ed25519.Ed25519PrivateKey.generate()


def pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    *,
    passphrase: str = "",
    style: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> bytes:
    """Return a key in PEM, encrypted if there is a passphrase."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, style, encryption)


def header_of(token: str) -> Any:
    """Return a JWT's header."""
    return _part(token, 0)


def claims_of(token: str) -> Any:
    """Return a JWT's claims."""
    return _part(token, 1)


def verify(token: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    """Raise InvalidSignature if a JWT is not signed with a key (RFC 7518, sections 3.3 and 3.4)."""
    signed, _, encoded = token.rpartition(".")
    signature = _decoded(encoded)
    if isinstance(key, rsa.RSAPrivateKey):
        key.public_key().verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return
    assert len(signature) == 64
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.public_key().verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))


def _part(token: str, index: int) -> Any:
    return json.loads(_decoded(token.split(".")[index]))


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
