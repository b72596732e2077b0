"""Contexts made of files and texts: what they accept, and what is said about what cannot be used."""

from __future__ import annotations

import datetime
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from dekaf._security.secret import Secret
from dekaf._security.tls_context import new_context
from dekaf._security.tls_options import KeyPassword, TlsOptions
from dekaf.errors import ConfigurationError
from tests.unit.security.certificates import (
    Pair,
    encrypted,
    handshake,
    pair_without_key_identifiers,
    server_context,
    source_of,
)
from tests.unit.security.tracebacks import everything_shown

HOST = "broker.example"
PASSWORD = "marker-password"


@pytest.fixture
def server(server_pair: Pair, authority_pem: str, tmp_path: Path) -> ssl.SSLContext:
    """A broker that demands a certificate of its authority."""
    return server_context(server_pair, tmp_path, clients_of=authority_pem)


@pytest.fixture
def open_server(server_pair: Pair, tmp_path: Path) -> ssl.SSLContext:
    """A broker that lets everybody in."""
    return server_context(server_pair, tmp_path)


def trusting(authorities: str | Path, **options: Any) -> ssl.SSLContext:
    return new_context(TlsOptions(cafile=source_of("ssl_cafile", authorities), **options))


def with_pair(
    authorities: str, certificate: str | Path, key: str | Path | None, password: KeyPassword | None = None
) -> ssl.SSLContext:
    return trusting(
        authorities,
        certfile=source_of("ssl_certfile", certificate),
        keyfile=None if key is None else source_of("ssl_keyfile", key),
        key_password=password,
    )


def fault_of(certificate: str | Path, key: str | Path | None, password: KeyPassword | None = None) -> str:
    """Return what is said about a pair, having looked for secrets in it."""
    with pytest.raises(ConfigurationError) as caught:
        new_context(
            TlsOptions(
                cafile=source_of("ssl_cafile", trustme_pem()),
                certfile=source_of("ssl_certfile", certificate),
                keyfile=None if key is None else source_of("ssl_keyfile", key),
                key_password=password,
            )
        )
    shown = everything_shown(caught.value)
    assert "marker" not in shown
    assert "PRIVATE KEY-----" not in shown
    return str(caught.value)


_AN_AUTHORITY = trustme.CA()


def trustme_pem() -> str:
    return _AN_AUTHORITY.cert_pem.bytes().decode()


# Authorities.


@pytest.mark.parametrize("kind", ["text", "file", "folder"])
def test_authorities_come_from_text_a_file_or_a_folder(
    kind: str, authority_pem: str, open_server: ssl.SSLContext, tmp_path: Path
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    (folder / "ca.crt").write_text(authority_pem)
    (folder / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")  # not an authority's, and left alone
    values: dict[str, str | Path] = {"text": authority_pem, "file": folder / "ca.crt", "folder": folder}

    assert handshake(trusting(values[kind]), open_server, HOST) is None


def test_unknown_authority_is_not_trusted(open_server: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(trusting(trustme_pem()), open_server, HOST)


@pytest.mark.mistake("librdkafka: only the first certificate of ssl.ca.pem was loaded")
@pytest.mark.parametrize("as_file", [True, False])
def test_every_authority_of_a_bundle_counts(
    as_file: bool, authority_pem: str, open_server: ssl.SSLContext, tmp_path: Path
) -> None:
    bundle = f"# Österreich\n{trustme_pem()}\n{authority_pem}"
    (tmp_path / "bundle.pem").write_text(bundle, encoding="utf-8")

    assert handshake(trusting(tmp_path / "bundle.pem" if as_file else bundle), open_server, HOST) is None


@pytest.mark.parametrize("as_file", [True, False])
def test_bundle_that_was_cut_is_refused(as_file: bool, authority_pem: str, tmp_path: Path) -> None:
    bundle = f"{trustme_pem()}\n{authority_pem[:200]}"
    (tmp_path / "bundle.pem").write_text(bundle)

    with pytest.raises(ConfigurationError, match=r"^ssl_cafile.*is damaged \(it begins, and does not end\)$"):
        trusting(tmp_path / "bundle.pem" if as_file else bundle)


def test_authority_below_the_root_can_be_trusted(tmp_path: Path, authority: trustme.CA) -> None:
    child = authority.create_child_ca()
    server = server_context(Pair.of(child.issue_cert(HOST)), tmp_path)

    assert handshake(trusting(child.cert_pem.bytes().decode()), server, HOST) is None


@pytest.mark.mistake("cpython #138193")
def test_certificates_without_key_identifiers_are_accepted(tmp_path: Path) -> None:
    authorities, pair = pair_without_key_identifiers(HOST)

    assert handshake(trusting(authorities), server_context(pair, tmp_path), HOST) is None


@pytest.mark.skipif(sys.version_info < (3, 13), reason="Python verifies strictly from 3.13 on")
def test_certificates_without_key_identifiers_are_refused_by_pythons_own_context(tmp_path: Path) -> None:
    """What is accepted above would be refused with VERIFY_X509_STRICT, which a context of the user's own may have."""
    authorities, pair = pair_without_key_identifiers(HOST)
    strict = ssl.create_default_context(cadata=authorities)

    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(strict, server_context(pair, tmp_path), HOST)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n", r"ssl_cafile \(PEM text\): holds no certificate of an authority"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate in it is damaged"),
        ("-----BEGIN CERTIFICATE-----\n", "a certificate in it is damaged"),
    ],
)
def test_text_without_an_authority_is_refused(text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        trusting(text)


def test_broken_file_of_a_folder_is_named(tmp_path: Path, authority_pem: str) -> None:
    (tmp_path / "good.pem").write_text(authority_pem)
    (tmp_path / "broken.pem").write_text(authority_pem.replace("M", "A"))

    with pytest.raises(ConfigurationError, match=r"ssl_cafile='.*broken\.pem': a certificate in it is damaged"):
        trusting(tmp_path)


def test_folder_with_nothing_but_keys_is_refused(tmp_path: Path, pair: Pair) -> None:
    (tmp_path / "key.pem").write_text(pair.key)

    with pytest.raises(ConfigurationError, match="holds no certificate of an authority"):
        trusting(tmp_path)


def test_authorities_beside_an_encrypted_key_are_read_without_asking_for_its_password(
    authority_pem: str, pair: Pair, open_server: ssl.SSLContext
) -> None:
    assert handshake(trusting(encrypted(pair.key, PASSWORD) + authority_pem), open_server, HOST) is None


def test_authorities_of_the_system_are_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(trustme_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    assert new_context(TlsOptions()).cert_store_stats()["x509_ca"] == 1


def test_authorities_of_the_system_may_be_a_folder_that_is_read_when_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "1234abcd.0").write_text(trustme_pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    assert new_context(TlsOptions()).verify_mode is ssl.CERT_REQUIRED


@pytest.mark.mistake("confluent-kafka-python #1731")
@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_system_without_authorities_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / folder))

    with pytest.raises(ConfigurationError, match=r"ca-certificates, or .*ssl_cafile=certifi\.where\(\)"):
        new_context(TlsOptions())


# The settings of a context.


def test_chain_and_name_are_verified_with_tls_1_2_at_least(authority_pem: str) -> None:
    context = trusting(authority_pem)

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.maximum_version is ssl.TLSVersion.MAXIMUM_SUPPORTED
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.parametrize("host", ["other.example", "127.0.0.2"])
def test_certificate_for_another_host_is_refused(host: str, authority_pem: str, open_server: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(trusting(authority_pem), open_server, host)


@pytest.mark.mistake("librdkafka #3801")
def test_address_is_looked_for_among_the_addresses_of_the_certificate(
    authority_pem: str, open_server: ssl.SSLContext
) -> None:
    assert handshake(trusting(authority_pem), open_server, "127.0.0.1") is None


@pytest.mark.mistake("aiokafka #855")
def test_without_the_check_of_the_name_the_chain_is_still_verified(
    authority_pem: str, open_server: ssl.SSLContext
) -> None:
    assert handshake(trusting(authority_pem, check_hostname=False), open_server, "other.example") is None
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(trusting(trustme_pem(), check_hostname=False), open_server, "other.example")


@pytest.mark.mistake("kafka-python #3113")
@pytest.mark.parametrize("check_hostname", [True, False])
@pytest.mark.parametrize(("host", "told"), [(HOST, HOST), ("127.0.0.1", None)])
def test_broker_is_told_the_name_but_never_an_address(
    check_hostname: bool, host: str, told: str | None, authority_pem: str, open_server: ssl.SSLContext
) -> None:
    names: list[str | None] = []
    open_server.sni_callback = lambda _object, name, _context: names.append(name)

    handshake(trusting(authority_pem, check_hostname=check_hostname), open_server, host)

    assert names == [told]


def test_given_context_is_used_as_it_is() -> None:
    context = ssl.create_default_context()
    flags = context.verify_flags

    assert new_context(TlsOptions(context=context)) is context
    assert context.verify_flags == flags


def test_contradictions_are_refused_before_any_file_is_looked_at() -> None:
    with pytest.raises(ConfigurationError, match=r"2 faults\n- ssl_cafile: .*\n- ssl_context: is a server's"):
        new_context(
            TlsOptions(
                context=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cafile=source_of("ssl_cafile", "/absent/ca.pem")
            )
        )


def test_every_fault_has_its_line(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"2 faults\n- ssl_cafile=.*: No such file.*\n- ssl_certfile=.*: No such"
    ):
        trusting(tmp_path / "ca.pem", certfile=source_of("ssl_certfile", tmp_path / "client.pem"))


# Certificate and key.


def test_certificate_and_key_come_from_files(
    authority_pem: str, pair: Pair, server: ssl.SSLContext, tmp_path: Path
) -> None:
    assert handshake(with_pair(authority_pem, *pair.write(tmp_path)), server, HOST) == "client"


@pytest.mark.parametrize("is_text", [True, False])
def test_one_source_may_hold_both(
    is_text: bool, authority_pem: str, pair: Pair, server: ssl.SSLContext, tmp_path: Path
) -> None:
    (tmp_path / "both.pem").write_text(pair.key + pair.certificate)
    source = pair.key + pair.certificate if is_text else tmp_path / "both.pem"

    assert handshake(with_pair(authority_pem, source, None), server, HOST) == "client"


def test_certificate_and_key_may_be_texts_with_literal_newlines(
    authority_pem: str, pair: Pair, server: ssl.SSLContext
) -> None:
    escaped = pair.certificate.replace("\n", "\\n"), pair.key.replace("\n", "\\n")

    assert handshake(with_pair(authority_pem, *escaped), server, HOST) == "client"


def test_text_and_file_may_be_mixed(authority_pem: str, pair: Pair, server: ssl.SSLContext, tmp_path: Path) -> None:
    _, key = pair.write(tmp_path)

    assert handshake(with_pair(authority_pem, pair.certificate, key), server, HOST) == "client"


@pytest.mark.mistake("librdkafka #4894")
def test_chain_of_the_certificate_is_sent(authority_pem: str, authority: trustme.CA, server: ssl.SSLContext) -> None:
    pair = Pair.of(authority.create_child_ca().issue_cert("c@example.org", common_name="child"))

    assert handshake(with_pair(authority_pem, pair.certificate, pair.key), server, HOST) == "child"


@pytest.mark.mistake("KAFKA-12703")
@pytest.mark.parametrize("is_pkcs8", [True, False])
@pytest.mark.parametrize(
    "password",
    [Secret(PASSWORD.encode()), lambda: PASSWORD, PASSWORD.encode, lambda: Secret(b"marker-password")],
)
def test_encrypted_key_is_decrypted(
    is_pkcs8: bool, password: KeyPassword, authority_pem: str, pair: Pair, server: ssl.SSLContext
) -> None:
    key = encrypted(pair.key, PASSWORD, is_pkcs8=is_pkcs8)

    assert handshake(with_pair(authority_pem, pair.certificate, key, password), server, HOST) == "client"


def test_password_of_a_key_that_is_not_encrypted_is_not_needed(
    authority_pem: str, pair: Pair, server: ssl.SSLContext
) -> None:
    context = with_pair(authority_pem, pair.certificate, pair.key, lambda: pytest.fail("nobody needs it"))

    assert handshake(context, server, HOST) == "client"


@pytest.mark.parametrize("is_pkcs8", [True, False])
def test_encrypted_key_without_a_password_is_refused_instead_of_prompting(is_pkcs8: bool, pair: Pair) -> None:
    fault = fault_of(pair.certificate, encrypted(pair.key, PASSWORD, is_pkcs8=is_pkcs8))

    assert fault == "ssl_keyfile (PEM text): the key is encrypted: give its password in ssl_key_password"


def test_encrypted_key_beside_its_certificate_is_refused_likewise(pair: Pair) -> None:
    fault = fault_of(pair.certificate + encrypted(pair.key, PASSWORD), None)

    assert fault == "ssl_certfile (PEM text): the key is encrypted: give its password in ssl_key_password"


@pytest.mark.parametrize("is_pkcs8", [True, False])
def test_wrong_password_is_said_to_be_wrong(is_pkcs8: bool, pair: Pair) -> None:
    key = encrypted(pair.key, PASSWORD, is_pkcs8=is_pkcs8)

    fault = fault_of(pair.certificate, key, Secret(b"marker-other"))

    assert fault.startswith("ssl_keyfile (PEM text): cannot be decrypted with ssl_key_password")


def raising() -> str:
    raise LookupError("marker")


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        (raising, "ssl_key_password: calling it raised LookupError"),
        (sys.exit, "ssl_key_password: calling it raised SystemExit"),
        (lambda: None, "ssl_key_password: must return text, not NoneType"),
        (lambda: ["marker"], "ssl_key_password: must return text, not list"),
        (lambda: "marker\udcff", "ssl_key_password: calling it raised UnicodeEncodeError"),
        (lambda: "marker" * 200, "ssl_key_password: is longer than the 1024 bytes that OpenSSL takes"),
        (Secret(b"marker" * 200), "ssl_key_password: is longer than the 1024 bytes that OpenSSL takes"),
    ],
)
def test_password_that_cannot_be_had_is_said_to_be_so(password: KeyPassword, expected: str, pair: Pair) -> None:
    assert fault_of(pair.certificate, encrypted(pair.key, PASSWORD), password) == expected


def test_key_of_another_certificate_is_refused(pair: Pair, other_pair: Pair, tmp_path: Path) -> None:
    certificate, _ = pair.write(tmp_path)
    _, key = other_pair.write(tmp_path, "other")

    assert fault_of(certificate, key) == (
        f"ssl_keyfile='{key}': is not the key of the certificate in ssl_certfile='{certificate}': give the two that "
        "belong together"
    )


def test_certificate_without_any_key_is_refused(pair: Pair) -> None:
    fault = fault_of(pair.certificate, None)

    assert fault == "ssl_certfile (PEM text): holds a certificate without its key: give ssl_keyfile, too"


def test_files_that_were_mixed_up_are_recognized(pair: Pair) -> None:
    fault = fault_of(pair.key, pair.certificate)

    assert fault.endswith("holds no certificate, but a key: were ssl_certfile and ssl_keyfile mixed up?")


def test_key_file_without_a_key_is_refused(pair: Pair) -> None:
    assert fault_of(pair.certificate, pair.certificate) == "ssl_keyfile (PEM text): holds no private key"


@pytest.mark.parametrize("which", ["certificate", "key"])
def test_damaged_pair_is_refused(which: str, pair: Pair) -> None:
    def damage(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(lines[:1] + lines[2:])

    certificate = damage(pair.certificate) if which == "certificate" else pair.certificate
    key = damage(pair.key) if which == "key" else pair.key

    assert "certificate or key is damaged" in fault_of(certificate, key)


def test_expired_certificate_of_ours_is_the_brokers_to_refuse(authority_pem: str, authority: trustme.CA) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    pair = Pair.of(authority.issue_cert("c@example.org", not_after=past))

    assert with_pair(authority_pem, pair.certificate, pair.key) is not None
