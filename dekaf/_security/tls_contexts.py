"""TlsContexts: the context for the next connection, renewed when the files that it was made of are replaced."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from enum import Enum
from typing import Final, final

from dekaf._log_thread import DeferredLogger, facts
from dekaf._security.handshake_errors import TlsPeer
from dekaf._security.peer_name import peer_name
from dekaf._security.pem_files import Stamps, stamps_of
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from dekaf._security.tls_context import examined_context, new_context
from dekaf._security.tls_options import TlsOptions
from dekaf.errors import ConfigurationError

__all__ = ("TlsContexts", "TlsRefresh")

logger = DeferredLogger("dekaf.security.tls")


class TlsRefresh(Enum):
    """What a look at the files led to."""

    UNCHANGED = "unchanged"
    RENEWED = "renewed"
    KEPT = "kept"  # the files changed, but cannot be used as they are now


@final
class TlsContexts:
    """Certificates and keys of one producer in one process.

    The constructor, `complete` and `refresh` read files: the first is for the caller who makes the producer, the others
    are for the login thread, since they call a callable ``ssl_key_password`` as well. `current` reads nothing: the I/O
    thread takes it for each connection it opens.

    A change is loaded into a new context, which takes the place of the old one when all went well. A context in use is
    never altered: a `load_cert_chain` that fails leaves it without a certificate, and one that succeeds does so while
    another thread may be in a handshake with it. Connections that exist keep what they began with.

    Args:
        options: what the user said.
        client_id: the producer's, for the log.

    Raises:
        ConfigurationError: no context can be made of it; every fault has its line.
    """

    def __init__(self, options: TlsOptions, client_id: str | None = None) -> None:
        self._options: Final = options
        self._client_id: Final = client_id
        self._process_id = os.getpid()
        self._watched: Final = _files_in(options)
        # Stamped before they are read: what is replaced meanwhile differs from its stamp at the next look.
        self._stamps: Stamps = stamps_of(self._watched)
        self._current: ssl.SSLContext | None = examined_context(options)
        self._problem = ""

    @property
    def is_complete(self) -> bool:
        """Whether there is a context; if not, `complete` makes it."""
        return self._current is not None

    @property
    def current(self) -> ssl.SSLContext:
        """The context for a connection opened now; any thread may ask.

        Raises:
            RuntimeError: It is not complete. None in its place would mean a connection in plain text.
        """
        if self._current is None:
            raise RuntimeError("the context has not been completed")
        return self._current

    @property
    def key_password(self) -> Callable[[], object] | None:
        """What `complete` and `refresh` call for the password of an encrypted key; None if that does not change."""
        password = self._options.key_password
        return None if isinstance(password, Secret) else password

    @property
    def rotates(self) -> bool:
        """Whether `refresh` can find anything: a file was named. PEM text and a user's context stay what they are."""
        return len(self._watched) > 0

    @property
    def is_inherited(self) -> bool:
        """Whether the context was built by the process that this one was forked from: `refresh` builds another."""
        return self._process_id != os.getpid() and self._options.context is None

    @property
    def problem(self) -> str:
        """Why the files as they are now cannot be used; empty if they can."""
        return self._problem

    def peer(self, host: str, address: str) -> TlsPeer:
        """Return what errors of a handshake with a broker have to know; nothing is read."""
        return TlsPeer(
            address,
            peer_name(host),
            has_certificate=self._options.certfile is not None,
            has_cafile=self._options.cafile is not None,
            has_context=self._options.context is not None,
        )

    def complete(self) -> None:
        """Make the context that waits for the password of its key.

        Raises:
            ConfigurationError: what the callable returned is not it, or a file is no longer what it was.
        """
        if self._current is None:
            self._stamps = stamps_of(self._watched)
            self._current = new_context(self._options)
            self._process_id = os.getpid()

    def refresh(self) -> TlsRefresh:
        """Look whether the files were replaced, and if so, read them; one thread at a time, at most once a second.

        A pair of certificate and key of which only one has been replaced yet is no error: the old pair stays, and the
        next call tries again.
        """
        stamps = stamps_of(self._watched)
        if stamps == self._stamps and not self.is_inherited:
            self._problem = ""
            return TlsRefresh.UNCHANGED
        try:
            self._current = new_context(self._options)
        except ConfigurationError as error:
            self._report(str(error))
            return TlsRefresh.KEPT
        except Exception as error:  # of a file system, or of OpenSSL: the context there is still serves
            self._report(f"{type(error).__name__} was raised.")
            return TlsRefresh.KEPT
        self._problem = ""
        self._process_id = os.getpid()
        if stamps == self._stamps:
            return TlsRefresh.UNCHANGED
        self._stamps = stamps
        logger.info("TLS certificates were replaced: new connections use them.", extra=facts(self._client_id))
        return TlsRefresh.RENEWED

    def _report(self, problem: str) -> None:
        if problem != self._problem:  # once, however often it is tried again
            logger.warning(
                "TLS files were replaced, but cannot be used; the earlier ones stay in use. %s",
                problem,
                extra=facts(self._client_id),
            )
        self._problem = problem


def _files_in(options: TlsOptions) -> tuple[PemSource, ...]:
    if options.context is not None:
        return ()
    sources = (options.cafile, options.certfile, options.keyfile)
    return tuple([source for source in sources if source is not None and source.path])
