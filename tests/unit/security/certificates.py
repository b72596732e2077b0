"""Authorities, certificates and keys made for a test, and a TLS handshake in memory."""

from __future__ import annotations

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12

from dekaf._security.pem_source import PemSource, pem_source
from dekaf._security.secret import secret_text

__all__ = (
    "Pair",
    "client_pair",
    "encrypted",
    "handshake",
    "pair_without_key_identifiers",
    "pkcs12_file",
    "server_context",
    "source_of",
)


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A certificate with its chain, and its key, in PEM."""

    certificate: str
    key: str

    @staticmethod
    def of(leaf: trustme.LeafCert) -> Pair:
        chain = "".join(blob.bytes().decode() for blob in leaf.cert_chain_pems)
        return Pair(certificate=chain, key=leaf.private_key_pem.bytes().decode())

    def write(self, folder: Path, name: str = "client") -> tuple[Path, Path]:
        """Write both to files of their own."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_text(self.certificate)
        key.write_text(self.key)
        return certificate, key


def client_pair(authority: trustme.CA, name: str = "client") -> Pair:
    """Return a certificate whose subject is known by this name."""
    return Pair.of(authority.issue_cert(f"{name}@example.org", common_name=name))


def source_of(option: str, value: str | Path) -> PemSource:
    """Return the source that an option with this value is."""
    return pem_source(option, secret_text(option, str(value)))


def encrypted(key: str, password: str, *, is_pkcs8: bool = True) -> str:
    """Return a key under a password, as PKCS#8 or in OpenSSL's old format."""
    loaded = serialization.load_pem_private_key(key.encode(), None)
    return loaded.private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8 if is_pkcs8 else PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(password.encode()),
    ).decode()


def pkcs12_file(pair: Pair) -> bytes:
    """Return the pair as PKCS#12."""
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
    return pkcs12.serialize_key_and_certificates(
        b"client", key, certificate, None, serialization.BestAvailableEncryption(b"password")
    )


def pair_without_key_identifiers(host: str) -> tuple[str, Pair]:
    """Return an authority without key usage, and a server's pair without key identifiers, as some operators issue."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)

    def builder(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    authority = (
        builder(issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    leaf = (
        builder(subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, serialization.NoEncryption())
    pair = Pair(certificate=leaf.public_bytes(Encoding.PEM).decode(), key=key_pem.decode())
    return authority.public_bytes(Encoding.PEM).decode(), pair


def server_context(pair: Pair, folder: Path, *, clients_of: str | None = None) -> ssl.SSLContext:
    """Return a server's context; with `clients_of`, PEM of authorities, it demands a certificate of clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(folder, "server"))
    if clients_of is not None:
        context.load_verify_locations(cadata=clients_of)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> str | None:
    """Let the two contexts meet in memory; return the common name of the client, None if it showed no certificate.

    What either side finds wrong with the other is raised.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    open_sides = [ours, theirs]
    for _ in range(10):
        for side in list(open_sides):
            try:
                side.do_handshake()
                open_sides.remove(side)
            except ssl.SSLWantReadError:
                continue
        if not open_sides:
            break
    certificate = theirs.getpeercert(binary_form=True)
    if certificate is None:
        return None
    (name,) = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(name.value)
