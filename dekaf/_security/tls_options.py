"""TlsOptions: what a user's options say about TLS, and what is wrong with them before any file is looked at."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, final

from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret

__all__ = ("KeyPassword", "TlsOptions")

KeyPassword: TypeAlias = Secret | Callable[[], object]


@final
@dataclass(frozen=True, kw_only=True)
class TlsOptions:
    """The options that begin with ``ssl_``; None for one that is not given.

    Args:
        context: ``ssl_context``: a ready one, which is used as it is and excludes all others.
        cafile: ``ssl_cafile``: the authorities to trust; None: the system's.
        certfile: ``ssl_certfile``: our certificate and its chain, maybe with the key.
        keyfile: ``ssl_keyfile``: our key.
        key_password: ``ssl_key_password``: for an encrypted key; a callable is called each time the key is read.
        check_hostname: ``ssl_check_hostname``: whether the broker's certificate must name the host.
    """

    context: ssl.SSLContext | None = None
    cafile: PemSource | None = None
    certfile: PemSource | None = None
    keyfile: PemSource | None = None
    key_password: KeyPassword | None = None
    check_hostname: bool = True

    def faults(self) -> list[str]:
        """Return what is wrong with the options beside each other; no file is looked at."""
        if self.context is not None:
            return self._faults_of_context(self.context)
        faults: list[str] = []
        if self.keyfile is not None and self.certfile is None:
            faults.append("ssl_keyfile: a key is of use only with its certificate: give ssl_certfile, too")
        if self.key_password is not None and self.keyfile is None and self.certfile is None:
            faults.append("ssl_key_password: there is no key to decrypt: give ssl_certfile and ssl_keyfile, too")
        return faults

    def _faults_of_context(self, context: ssl.SSLContext) -> list[str]:
        faults = [
            f"{name}: ssl_context says it already: give one of the two"
            for name, is_given in (
                ("ssl_cafile", self.cafile is not None),
                ("ssl_certfile", self.certfile is not None),
                ("ssl_keyfile", self.keyfile is not None),
                ("ssl_key_password", self.key_password is not None),
                ("ssl_check_hostname", not self.check_hostname),
            )
            if is_given
        ]
        if context.protocol == ssl.PROTOCOL_TLS_SERVER:
            faults.append(
                "ssl_context: is a server's: make one with ssl.create_default_context(), whose purpose is to verify "
                "servers, or with ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)"
            )
        return faults
