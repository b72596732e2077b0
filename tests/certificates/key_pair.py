"""KeyPair: a certificate with its chain and its key, in the files that programs read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

__all__ = ("KEYSTORE_PASSWORD", "KeyPair")

KEYSTORE_PASSWORD: Final = "of keystores"


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A certificate and its key.

    Args:
        certfile: the certificate, followed by the intermediates up to the one that the root has signed.
        keyfile: the key, unencrypted PKCS#8.
        keystore: both in a file of PKCS#12, as Java wants them; `KEYSTORE_PASSWORD` opens it.
    """

    certfile: Path
    keyfile: Path
    keystore: Path

    @classmethod
    def write(cls, folder: Path, name: str, *, chain: bytes, key: bytes) -> Self:
        """Write the files of a pair, named after it.

        Args:
            folder: where; it is made if it is missing.
            name: their name, without the ending.
            chain: the certificates in PEM.
            key: the key in PEM, of any format.
        """
        folder.mkdir(parents=True, exist_ok=True)
        pair = cls(certfile=folder / f"{name}.crt", keyfile=folder / f"{name}.key", keystore=folder / f"{name}.p12")
        loaded = serialization.load_pem_private_key(key, password=None)
        assert isinstance(loaded, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        pair.certfile.write_bytes(chain)
        pair.keyfile.write_bytes(
            loaded.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        first, *others = x509.load_pem_x509_certificates(chain)
        encryption = serialization.BestAvailableEncryption(KEYSTORE_PASSWORD.encode())
        pair.keystore.write_bytes(
            pkcs12.serialize_key_and_certificates(name.encode(), loaded, first, others, encryption)
        )
        return pair

    def encrypted_keyfile(self, password: str, style: Literal["pkcs8", "traditional"] = "pkcs8") -> Path:
        """Write the key once more, encrypted, and return where.

        Args:
            password: opens it.
            style: ``BEGIN ENCRYPTED PRIVATE KEY``, or ``BEGIN EC PRIVATE KEY`` with a ``DEK-Info`` header (PKCS#1 and
                its like), as older versions of OpenSSL write it.
        """
        formats = {
            "pkcs8": serialization.PrivateFormat.PKCS8,
            "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
        }
        path = self.keyfile.with_suffix(f".{style}.key")
        key = serialization.load_pem_private_key(self.keyfile.read_bytes(), password=None)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                formats[style],
                serialization.BestAvailableEncryption(password.encode()),
            )
        )
        return path
