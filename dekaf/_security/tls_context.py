"""Build an `ssl.SSLContext` from options, and say in words what is wrong with the files they name."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from typing import Final, final

from dekaf._security.openssl_path import openssl_path
from dekaf._security.pem_files import files_of
from dekaf._security.pem_source import PemSource, contents_of, source_error
from dekaf._security.secret import Secret
from dekaf._security.tls_options import KeyPassword, TlsOptions
from dekaf.errors import ConfigurationError, caused_error

__all__ = ("examined_context", "new_context")


def new_context(options: TlsOptions) -> ssl.SSLContext:
    """Build a context; of a given ``ssl_context`` return that.

    This reads files, calls a callable ``ssl_key_password``, and takes some 20 ms of CPU where the system's authorities
    are loaded. It never prompts for a password.

    Raises:
        ConfigurationError: the options contradict each other, or a file is not what it should be; every fault has its
            line.
    """
    context = _context(options, may_call=True)
    assert context is not None  # only one that may not call can lack a password
    return context


def examined_context(options: TlsOptions) -> ssl.SSLContext | None:
    """Build a context as `new_context` does, but call nothing of an application's.

    Returns:
        None if all is in order as far as can be seen without the password that a callable returns.

    Raises:
        ConfigurationError: as `new_context`.
    """
    return _context(options, may_call=False)


def _context(options: TlsOptions, *, may_call: bool) -> ssl.SSLContext | None:
    if faults := options.faults():
        raise ConfigurationError(_in_lines(faults))
    if options.context is not None:
        return options.context
    context = _bare_context(check_hostname=options.check_hostname)
    errors: list[ConfigurationError] = []
    is_complete = True
    try:
        _load_authorities(context, options.cafile)
    except ConfigurationError as error:
        errors.append(error)
    if options.certfile is not None:
        try:
            giver = _PasswordGiver(options.keyfile or options.certfile, options.key_password, may_call=may_call)
            is_complete = _load_key_pair(context, options.certfile, options.keyfile, giver)
        except ConfigurationError as error:
            errors.append(error)
    if errors:
        raise caused_error(ConfigurationError(_in_lines([str(error) for error in errors])), errors[0].__cause__)
    return context if is_complete else None


def _bare_context(*, check_hostname: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # An authority that is not a root can be trusted, as in Java, and in Python's default contexts since 3.13.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    # Set by default since Python 3.13. Then certificates without key identifiers are refused, which operators (Strimzi)
    # and home-made authorities issue, and Java, Go and librdkafka accept.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = check_hostname
    return context


def _load_authorities(context: ssl.SSLContext, source: PemSource | None) -> None:
    if source is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if context.cert_store_stats()["x509_ca"] == 0 and not _has_system_folder():
            raise ConfigurationError(
                "ssl_cafile: is not given, and this system has no certificate authorities of its own: install the "
                "package ca-certificates, or pip install certifi and set ssl_cafile=certifi.where()"
            )
        return
    files = [source] if source.text else files_of(source)
    is_empty = True
    for file in files:
        found = contents_of(file)
        if found.is_cut:
            raise ConfigurationError(f"{file.shown()}: a certificate in it is damaged (it begins, and does not end)")
        if found.has_certificate:
            is_empty = False
            _load_authority(context, file)
    if is_empty:
        raise ConfigurationError(f"{source.shown()}: holds no certificate of an authority")


def _load_authority(context: ssl.SSLContext, file: PemSource) -> None:
    try:
        with openssl_path(file) as path:
            context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        text = f"{file.shown()}: a certificate in it is damaged ({_reason(error)})"
        fault = caused_error(ConfigurationError(text), error)
    except OSError as error:
        fault = source_error(file, error)
    else:
        return
    raise fault


def _has_system_folder() -> bool:
    """Return whether OpenSSL finds authorities one by one, when it needs them, in a folder of files named by hash."""
    # Not as an attribute, here and below: typeshed says text, machine code believes it, and it may be None.
    folder = getattr(ssl.get_default_verify_paths(), "capath", None)
    if not isinstance(folder, str):
        return False
    try:
        return any(name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False


def _load_key_pair(
    context: ssl.SSLContext, certificate: PemSource, key: PemSource | None, giver: _PasswordGiver
) -> bool:
    """Return False if the key is encrypted, and its password not to be asked for."""
    _check_contents(certificate, key)
    holder = certificate if key is None else key
    try:
        with openssl_path(certificate) as certificate_path, openssl_path(holder) as key_path:
            context.load_cert_chain(certificate_path, key_path, giver.give)
    except _NotToBeCalledError:
        return False
    except ConfigurationError:  # the giver's
        raise
    except ssl.SSLError as error:
        fault = caused_error(ConfigurationError(_pair_fault(error, certificate, holder, giver)), error)
    except OSError as error:
        fault = source_error(holder, error)
    except ValueError:
        fault = ConfigurationError("ssl_key_password: is longer than the 1024 bytes that OpenSSL takes")
    else:
        return True
    raise fault


def _check_contents(certificate: PemSource, key: PemSource | None) -> None:
    found = contents_of(certificate)
    if found.is_cut:
        raise ConfigurationError(f"{certificate.shown()}: a certificate in it is damaged (it begins, and does not end)")
    if not found.has_certificate:
        raise ConfigurationError(
            f"{certificate.shown()}: holds no certificate"
            + (", but a key: were ssl_certfile and ssl_keyfile mixed up?" if found.has_key else "")
        )
    if key is None:
        if not found.has_key:
            raise ConfigurationError(
                f"{certificate.shown()}: holds a certificate without its key: give ssl_keyfile, too"
            )
    elif not contents_of(key).has_key:
        raise ConfigurationError(f"{key.shown()}: holds no private key")


def _pair_fault(error: ssl.SSLError, certificate: PemSource, key: PemSource, giver: _PasswordGiver) -> str:
    reason = _reason(error)
    if "KEY_VALUES_MISMATCH" in reason:
        return (
            f"{key.shown()}: is not the key of the certificate in {certificate.shown()}: give the two that belong "
            "together"
        )
    if "TOO_SMALL" in reason or "TOO_WEAK" in reason:  # EE_KEY_TOO_SMALL, CA_MD_TOO_WEAK
        return f"{certificate.shown()}: is too weak for this OpenSSL ({reason}): have a new one issued"
    if giver.was_asked:
        return f"{key.shown()}: cannot be decrypted with ssl_key_password, which must be another one ({reason})"
    both = certificate.shown() if key is certificate else f"{certificate.shown()}, {key.shown()}"
    return f"{both}: certificate or key is damaged, or of a kind that this OpenSSL does not know ({reason})"


class _NotToBeCalledError(Exception):
    """The password of a key is a callable's to tell, and this is not the time to call it."""


@final
class _PasswordGiver:
    """Answers OpenSSL when it meets an encrypted key; without an answer it would prompt on the terminal."""

    def __init__(self, key: PemSource, password: KeyPassword | None, *, may_call: bool) -> None:
        self.was_asked = False
        self._key: Final = key
        self._password: Final = password
        self._may_call: Final = may_call

    def give(self) -> bytes:
        """Return the password."""
        password = self._password
        if password is None:
            raise ConfigurationError(
                f"{self._key.shown()}: the key is encrypted: give its password in ssl_key_password"
            )
        self.was_asked = True
        if isinstance(password, Secret):
            return password.reveal()
        if not self._may_call:
            raise _NotToBeCalledError
        return _called(password).reveal()


def _called(password: Callable[[], object]) -> Secret:
    """Call the callable. What it raises is neither chained nor quoted: it may show what a vault holds."""
    try:
        return _password_of(password())
    except ConfigurationError:
        raise
    except BaseException as error:  # sys.exit() as well: this may be the login thread, or one of an application's
        raised = type(error).__name__
    raise ConfigurationError(f"ssl_key_password: calling it raised {raised}")


def _password_of(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, bytes):
        return Secret(value)
    if isinstance(value, str):
        return Secret(value.encode())
    kind = type(value).__name__
    del value
    raise ConfigurationError(f"ssl_key_password: must return text, not {kind}")


def _reason(error: ssl.SSLError) -> str:
    return f"OpenSSL: {getattr(error, 'reason', None) or type(error).__name__}"


def _in_lines(faults: list[str]) -> str:
    if len(faults) == 1:
        return faults[0]
    return "\n".join([f"{len(faults)} faults", *[f"- {fault}" for fault in faults]])
