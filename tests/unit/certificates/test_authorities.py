"""Certificates made in the run are what Python's own TLS takes them for."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.certificates import Authority, BareAuthority, KeyPair


def shake_hands(
    server: KeyPair, client: ssl.SSLContext, *, trusted: Path | None = None, name: str = "localhost"
) -> str:
    """Shake hands in memory and return the client's common name, as the server sees it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certfile, server.keyfile)
    if trusted is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusted)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    other = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):  # flights; TLS 1.3 needs three
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    subject: Any = (other.getpeercert() or {}).get("subject", ())
    return next((value for ((key, value),) in subject if key == "commonName"), "")


def trusting(cafile: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cafile))


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_servers_certificate_is_for_loopback(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)

    shake_hands(authority.server(), trusting(authority.cafile), name=name)


@pytest.mark.parametrize(("kind", "code"), [("expired", 10), ("wrong name", 62), ("unknown authority", 20)])
def test_what_is_wrong_is_refused(tmp_path: Path, kind: str, code: int) -> None:
    authority = Authority(tmp_path / "known")
    server = {
        "expired": authority.expired_server(),
        "wrong name": authority.server("other", "example.com"),
        "unknown authority": Authority(tmp_path / "unknown").server(),
    }[kind]

    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        shake_hands(server, trusting(authority.cafile))

    assert refused.value.verify_code == code


def test_a_client_is_known_by_its_name_however_many_authorities_are_between(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for pair in (authority.client("alice"), authority.intermediate("between").client("alice")):
        client = trusting(authority.cafile)
        client.load_cert_chain(pair.certfile, pair.keyfile)

        assert shake_hands(authority.server(), client, trusted=authority.cafile) == "alice"


@pytest.mark.parametrize("style", ["pkcs8", "traditional"])
def test_an_encrypted_key_needs_its_password(tmp_path: Path, style: Literal["pkcs8", "traditional"]) -> None:
    pair = Authority(tmp_path).client("alice")
    key = pair.encrypted_keyfile("open sesame", style)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    context.load_cert_chain(pair.certfile, key, password="open sesame")

    with pytest.raises(ssl.SSLError):
        context.load_cert_chain(pair.certfile, key, password="open barley")


def test_certificates_without_key_identifiers_are_refused_by_the_strict_flag_alone(tmp_path: Path) -> None:
    authority = BareAuthority(tmp_path)
    lenient, strict = trusting(authority.cafile), trusting(authority.cafile)
    lenient.verify_flags &= ~ssl.VERIFY_X509_STRICT
    strict.verify_flags |= ssl.VERIFY_X509_STRICT

    shake_hands(authority.server(), lenient)

    with pytest.raises(ssl.SSLCertVerificationError, match="Missing Authority Key Identifier"):
        shake_hands(authority.server(), strict)
    is_default = trusting(authority.cafile).verify_flags & ssl.VERIFY_X509_STRICT
    assert bool(is_default) == (sys.version_info >= (3, 13))
