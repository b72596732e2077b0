"""What an option's value means, and what is found there."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dekaf._security.pem_source import PemContents, contents_of, pem_source
from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError
from tests.unit.security.certificates import Pair, pkcs12_file, source_of
from tests.unit.security.tracebacks import everything_shown


def test_text_with_a_heading_is_pem_and_anything_else_a_path(pair: Pair) -> None:
    assert source_of("ssl_cafile", pair.certificate).path == ""
    assert source_of("ssl_cafile", "ca.pem").path == "ca.pem"
    assert source_of("ssl_cafile", "ca.pem").text == Secret(b"")


@pytest.mark.parametrize(
    "written",
    [
        lambda text: text.replace("\n", "\\n"),
        lambda text: text.replace("\n", "\\r\\n"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\n    "),
        lambda text: f"\n\n  {text.strip()}",
    ],
    ids=["literal newlines", "literal carriage returns", "carriage returns", "indented", "without its last newline"],
)
def test_ends_of_lines_become_what_openssl_reads(pair: Pair, written: Callable[[str], str]) -> None:
    text = source_of("ssl_certfile", written(pair.certificate)).text.reveal().decode()

    assert text.strip() == pair.certificate.strip()
    assert text.endswith("\n")


@pytest.mark.parametrize("value", [b"", b"a\x00b"])
def test_value_that_is_neither_is_refused(value: bytes) -> None:
    with pytest.raises(ConfigurationError, match="ssl_cafile: must be a path or PEM text"):
        pem_source("ssl_cafile", Secret(value))


def test_contents_are_told_by_their_headings(tmp_path: Path, pair: Pair) -> None:
    certificate, key = pair.write(tmp_path)

    assert contents_of(source_of("ssl_certfile", certificate)) == PemContents(has_certificate=True, has_key=False)
    assert contents_of(source_of("ssl_keyfile", key)) == PemContents(has_certificate=False, has_key=True)
    assert contents_of(source_of("ssl_certfile", pair.key + pair.certificate)) == PemContents(
        has_certificate=True, has_key=True
    )


@pytest.mark.parametrize(
    "heading",
    ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"],
)
def test_keys_of_every_format_are_recognized(heading: str) -> None:
    assert contents_of(source_of("ssl_keyfile", f"-----BEGIN {heading}-----\n")).has_key


@pytest.mark.parametrize("heading", ["PUBLIC KEY", "CERTIFICATE REQUEST", "X509 CRL"])
def test_other_things_in_pem_are_neither_certificate_nor_key(heading: str) -> None:
    found = contents_of(source_of("ssl_certfile", f"-----BEGIN {heading}-----\n"))

    assert found == PemContents(has_certificate=False, has_key=False)


@pytest.mark.parametrize(
    ("start", "remedy"),
    [
        (b"\xfe\xed\xfe\xed\x00\x00\x00\x02", "is a Java key store .JKS.*keytool -exportcert -rfc -keystore .*keytool"),
        (b"\xce\xce\xce\xce\x00\x00\x00\x02", "is a Java key store"),
        (b"\x30\x82\x03\x8f\x30\x82\x03\x35", "is DER.*openssl x509 -inform der -in "),
        (b"Bag Attributes", "holds no PEM"),
        (b"", "holds no PEM"),
    ],
)
def test_other_formats_are_recognized_and_the_command_that_converts_them_is_given(
    tmp_path: Path, start: bytes, remedy: str
) -> None:
    file = tmp_path / "trust store"
    file.write_bytes(start)

    with pytest.raises(ConfigurationError, match=f"ssl_cafile='{file}': {remedy}"):
        contents_of(source_of("ssl_cafile", file))


def test_pkcs12_is_recognized_and_the_path_in_the_command_is_quoted(tmp_path: Path, pair: Pair) -> None:
    file = tmp_path / "key store.p12"
    file.write_bytes(pkcs12_file(pair))

    with pytest.raises(ConfigurationError, match=f"is PKCS#12, .*openssl pkcs12 -in '{file}' -nodes"):
        contents_of(source_of("ssl_certfile", file))


def test_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"ssl_cafile='.*none\.pem': No such file") as caught:
        contents_of(source_of("ssl_cafile", tmp_path / "none.pem"))

    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Is a directory"):
        contents_of(source_of("ssl_certfile", tmp_path))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.touch(mode=0)

    with pytest.raises(ConfigurationError, match=r"ssl_keyfile='.*key\.pem': Permission denied"):
        contents_of(source_of("ssl_keyfile", file))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on this system")
def test_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(ConfigurationError, match="is no file"):
        contents_of(source_of("ssl_keyfile", tmp_path / "pipe"))


def test_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "huge.pem"
    with file.open("wb") as opened:
        opened.truncate(2**33)

    with pytest.raises(ConfigurationError, match="is no file of at most 16 MiB"):
        contents_of(source_of("ssl_cafile", file))


@pytest.mark.parametrize(
    "written",
    [
        lambda key: "".join(key.splitlines()[1:-1]),
        lambda key: "\n".join(key.splitlines()[1:-1]),
        lambda key: base64.b64encode(key.encode()).decode(),
    ],
    ids=["without its headings", "in lines without headings", "in base64"],
)
def test_key_that_was_given_as_something_else_is_taken_for_a_path_but_not_shown(
    pair: Pair, written: Callable[[str], str]
) -> None:
    value = written(pair.key)
    source = source_of("ssl_keyfile", value)

    with pytest.raises(ConfigurationError, match=r"ssl_keyfile \(not shown.*BEGIN") as caught:
        contents_of(source)

    shown = everything_shown(caught.value) + repr(source)
    assert value[:20] not in shown


def test_no_repr_shows_a_key(pair: Pair) -> None:
    assert repr(source_of("ssl_keyfile", pair.key)) == "<PemSource ssl_keyfile (PEM text)>"
