"""What a client's connections need before they are dialled: a TLS context, and proof of who we are.

Files are read, and an application's callables called, on the login thread; every method here runs on the I/O thread.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Final, final

from dekaf._network.connection import Identity
from dekaf._network.login import Login, unreturned_error
from dekaf._network.login_thread import LoginThread
from dekaf._network.provider_turn import provider_turn
from dekaf._security.credentials import Credentials
from dekaf._security.handshake_errors import TlsPeer
from dekaf._security.sasl_options import SaslOptions
from dekaf._security.tls_contexts import TlsContexts
from dekaf.errors import ConfigurationError, CredentialsUnavailableError, DekafError, caused_error

KEY_PASSWORD: Final = "ssl_key_password"
BETWEEN_LOOKS: Final = 1.0  # seconds between two looks at certificate files: a storm of reconnects reads them once


@final
class SecuritySettings:
    """What the options ask for. None: no TLS; no SASL."""

    def __init__(self, tls: TlsContexts | None, sasl: SaslOptions | None) -> None:
        self.tls: Final = tls
        self.sasl: Final = sasl


@final
class Security:
    """One client's."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        settings: SecuritySettings,
        timeout: float,
        client_id: str | None = None,
    ) -> None:
        self._tls: Final = settings.tls
        self._login_thread: Final = LoginThread(loop, timeout)
        self._login: Final = None if settings.sasl is None else Login(settings.sasl, self._login_thread, client_id)
        self._looked_at = -BETWEEN_LOOKS
        self._asking_since: float | None = None  # for the password of a key

    async def context(self) -> ssl.SSLContext | None:
        """Return the context for a connection dialled now; None for one in plain text.

        Raises:
            CredentialsUnavailableError: The callable ``ssl_key_password`` gave none, or not the key's.
        """
        tls = self._tls
        if tls is None:
            return None
        if not tls.is_complete:
            await self._complete(tls)
        now = time.monotonic()
        if tls.is_inherited or (tls.rotates and now - self._looked_at >= BETWEEN_LOOKS):
            self._looked_at = now
            await self._look(tls)
        return tls.current

    def peer(self, host: str, address: str) -> TlsPeer | None:
        """Return what errors of a handshake have to know; None without TLS."""
        return None if self._tls is None else self._tls.peer(host, address)

    async def identity(self, patience: float = 0.0) -> Identity | None:
        """Return as whom to authenticate; None without SASL.

        Args:
            patience: For how many seconds to wait for credentials that are fresher than those at hand.

        Raises:
            AuthenticationError: The application's code gave no credentials.
            ConfigurationError: What it gave cannot be sent.
        """
        if self._login is None:
            return None
        return Identity(await self._login.credentials(patience), self._login.salt)

    def delay_error(self) -> CredentialsUnavailableError | None:
        """Return what connections wait for, if that is an application's code; None if none is being called."""
        if self._asking_since is not None:
            return unreturned_error(KEY_PASSWORD, self._asking_since)
        return None if self._login is None else self._login.delay_error()

    def refused(self, credentials: Credentials) -> None:
        """Note that a broker did not accept these credentials."""
        if self._login is not None:
            self._login.refused(credentials)

    def stop(self) -> None:
        """Let the login thread end."""
        self._login_thread.stop()

    async def _complete(self, tls: TlsContexts) -> None:
        self._asking_since = time.monotonic()
        failure: DekafError | None = None
        try:
            await self._login_thread.run(KEY_PASSWORD, tls.complete, turn=provider_turn(tls.key_password))
        except ConfigurationError as error:
            failure = caused_error(CredentialsUnavailableError(f"{error}."), error)
        finally:
            self._asking_since = None
        if failure is not None:
            raise failure

    async def _look(self, tls: TlsContexts) -> None:
        turn = None if tls.key_password is None else provider_turn(tls.key_password)
        try:
            await self._login_thread.run("Reading the TLS files", tls.refresh, turn=turn)
        except DekafError:  # it takes too long, a network file system for one: the context there is still serves
            return
