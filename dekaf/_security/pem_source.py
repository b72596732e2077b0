"""PemSource: where an option says that certificates or a key are, and what is found there.

https://datatracker.ietf.org/doc/html/rfc7468
"""

from __future__ import annotations

import errno
import os
import re
import shlex
import stat
from enum import Enum
from typing import Final, NamedTuple, final

from dekaf._security.secret import Secret
from dekaf.errors import ConfigurationError, caused_error

__all__ = ("PemContents", "PemSource", "contents_of", "pem_source", "source_error")

_BEGIN: Final = b"-----BEGIN"
_MOST_BYTES: Final = 16 * 1024 * 1024  # all public authorities of the world take 250 kB
_LONGEST_SHOWN: Final = 512  # characters of a path

_CERTIFICATE: Final = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
_END_OF_CERTIFICATE: Final = re.compile(rb"-----END (?:X509 |TRUSTED )?CERTIFICATE-----")
_KEY: Final = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
# A key or a certificate in base64: DER begins with the byte 0x30, which makes M and one of A to P; PEM with LS0t.
_BASE64: Final = re.compile(r"(?:M[A-P]|LS0t)[A-Za-z0-9+/=\s]{38,}")

_NO_TEXT: Final = Secret(b"")

_JKS: Final = b"\xfe\xed\xfe\xed"
_JCEKS: Final = b"\xce\xce\xce\xce"


class _Format(Enum):
    PEM = "PEM"
    JKS = "JKS"
    PKCS12 = "PKCS#12"
    DER = "DER"
    OTHER = "other"


class PemContents(NamedTuple):
    """What PEM holds, as far as its headings tell."""

    has_certificate: bool
    has_key: bool
    is_cut: bool = False  # a certificate begins that does not end: OpenSSL would take those before it for all


@final
class PemSource:
    """A file, a folder, or PEM text.

    Args:
        option: the option that gives it.
        path: of the file or folder; empty for text.
        text: PEM text in one line per line; empty for a path.
    """

    __slots__ = ("option", "path", "text")

    def __init__(self, option: str, *, path: str = "", text: Secret = _NO_TEXT) -> None:
        self.option = option
        self.path = path
        self.text = text

    def __repr__(self) -> str:
        return f"<PemSource {self.shown()}>"

    def shown(self) -> str:
        """Return how messages call it: the option, and the path if it cannot be a key that lacks its heading."""
        if not self.path:
            return f"{self.option} (PEM text)"
        if not self.is_plausible_path():
            return f"{self.option} (not shown: it does not look like a path)"
        return f"{self.option}={self.path!r}"

    def is_plausible_path(self) -> bool:
        """Return whether the path looks like one."""
        return len(self.path) <= _LONGEST_SHOWN and self.path.isprintable() and not _BASE64.fullmatch(self.path)


def pem_source(option: str, value: Secret) -> PemSource:
    """Make a source of an option's value; no file is looked at.

    Args:
        option: the option, such as ``ssl_cafile``.
        value: PEM text, if it contains ``-----BEGIN``; otherwise a path.

    Raises:
        ConfigurationError: it is neither.
    """
    if _BEGIN in value.reveal():
        return PemSource(option, text=_in_lines(value))
    if not value or b"\x00" in value.reveal():
        raise ConfigurationError(f"{option}: must be a path or PEM text, which contains {_BEGIN.decode()}")
    return PemSource(option, path=value.reveal_text())


def contents_of(source: PemSource) -> PemContents:
    """Look at a file or text; this reads the file.

    Raises:
        ConfigurationError: it cannot be read, or is not PEM.
    """
    data = source.text if source.text else _read(source)
    kind = _format_of(data)
    if kind is not _Format.PEM:
        raise ConfigurationError(f"{source.shown()}: {_remedy(source, kind)}")
    return PemContents(
        has_certificate=_CERTIFICATE.search(data.reveal()) is not None,
        has_key=_KEY.search(data.reveal()) is not None,
        is_cut=len(_CERTIFICATE.findall(data.reveal())) != len(_END_OF_CERTIFICATE.findall(data.reveal())),
    )


def source_error(source: PemSource, error: OSError) -> ConfigurationError:
    """Make the error for a file or folder that cannot be read; to be raised outside the handler of the other."""
    if not source.is_plausible_path():
        # Without its cause, which would show it.
        return ConfigurationError(
            f"{source.shown()}: there is no such file; PEM text has to contain its lines {_BEGIN.decode()} … and "
            "-----END …"
        )
    return caused_error(ConfigurationError(f"{source.shown()}: {error.strerror or type(error).__name__}"), error)


def _in_lines(value: Secret) -> Secret:
    """Return PEM text with the ends of line that OpenSSL wants.

    Environment variables, .env files and YAML make two characters, a backslash and an n, of the end of a line, or leave
    its carriage return, or indent the lines.
    """
    text = value.reveal().replace(b"\\r", b"").replace(b"\\n", b"\n")
    return Secret(b"".join([line.strip() + b"\n" for line in text.splitlines()]))


def _read(source: PemSource) -> Secret:
    try:
        status = os.stat(source.path)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        # Not opened before that is known: a pipe would keep us waiting for its other end.
        if stat.S_ISREG(status.st_mode) and status.st_size <= _MOST_BYTES:
            with open(source.path, "rb") as file:
                return Secret(file.read(_MOST_BYTES))
        fault = ConfigurationError(f"{source.shown()}: is no file of at most {_MOST_BYTES // 2**20} MiB")
    except OSError as error:
        fault = source_error(source, error)
    raise fault  # not within the handler, whose error names the path


def _format_of(data: Secret) -> _Format:
    start = data.reveal()[:8]
    if _BEGIN in data.reveal():
        return _Format.PEM
    if start[:4] in {_JKS, _JCEKS}:
        return _Format.JKS
    # A SEQUENCE of which two bytes say the length; PKCS#12 goes on with its version, the INTEGER 3.
    if start[:2] == b"\x30\x82":
        return _Format.PKCS12 if start[4:7] == b"\x02\x01\x03" else _Format.DER
    return _Format.OTHER


def _remedy(source: PemSource, kind: _Format) -> str:
    file = shlex.quote(source.path)
    if kind is _Format.JKS:
        return (
            "is a Java key store (JKS), and PEM is needed. For a trust store: keytool -exportcert -rfc -keystore "
            f"{file} -alias NAME -file ca.pem; for a key: keytool -importkeystore -srckeystore {file} -destkeystore "
            "client.p12 -deststoretype PKCS12, then openssl pkcs12 -in client.p12 -nodes -out client.pem"
        )
    if kind is _Format.PKCS12:
        return (
            f"is PKCS#12, and PEM is needed: openssl pkcs12 -in {file} -nodes -out client.pem writes key and "
            f"certificate; of a trust store: openssl pkcs12 -in {file} -nokeys -out ca.pem"
        )
    if kind is _Format.DER:
        return (
            f"is DER, and PEM is needed: openssl x509 -inform der -in {file} -out certificate.pem, or for a key "
            f"openssl pkey -inform der -in {file} -out key.pem"
        )
    return f"holds no PEM: nothing in it begins with {_BEGIN.decode()}"
