"""EndpointTrust: the TLS context for token endpoints, which trusts ``ssl_cafile`` and the system's authorities."""

from __future__ import annotations

import os
import ssl
from typing import Final, final

from dekaf._security.pem_files import Stamps, stamps_of
from dekaf._security.pem_source import PemSource
from dekaf._security.tls_context import new_context
from dekaf._security.tls_options import TlsOptions
from dekaf.errors import ConfigurationError, CredentialsUnavailableError

__all__ = ("EndpointTrust",)


@final
class EndpointTrust:
    """Used by one thread at a time: the login thread.

    Args:
        cafile: ``ssl_cafile``; None if it is not given.
    """

    def __init__(self, cafile: PemSource | None) -> None:
        self._cafile: Final = cafile
        self._context: ssl.SSLContext | None = None
        self._stamps: Stamps = ()
        self._process_id = -1

    def context(self) -> ssl.SSLContext:
        """Return the context, another one if files of authorities changed; building it takes some 20 ms.

        If they cannot be read as they are now, the one before stays, until they can.

        Raises:
            CredentialsUnavailableError: They cannot be read, and there is none from before.
        """
        # Stamped before they are read: what is replaced meanwhile differs from its stamp at the next look.
        stamps = stamps_of(_watched(self._cafile))
        is_own = self._process_id == os.getpid()  # a forked child does not use what its parent may be using
        current = self._context
        if current is not None and is_own and stamps == self._stamps:
            return current
        try:
            context = _new_context(self._cafile)
        except ConfigurationError as error:
            if current is not None and is_own:
                return current
            fault = str(error)
        else:
            self._context, self._stamps, self._process_id = context, stamps, os.getpid()
            return context
        raise CredentialsUnavailableError(f"The token endpoint cannot be asked: {fault}.")


def _watched(cafile: PemSource | None) -> list[PemSource]:
    watched = [] if cafile is None or cafile.text else [cafile]
    # Not as an attribute: typeshed says text, machine code believes it, and it may be None. The system's folder is not
    # watched: OpenSSL looks for an authority there when it needs it.
    system = getattr(ssl.get_default_verify_paths(), "cafile", None)
    return [*watched, PemSource("the system's authorities", path=system)] if isinstance(system, str) else watched


def _new_context(cafile: PemSource | None) -> ssl.SSLContext:
    context = new_context(TlsOptions(cafile=cafile))
    if cafile is not None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    return context
