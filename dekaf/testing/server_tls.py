"""ServerTls: the TLS of a fake broker, which tells what clients said in the handshake."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from dekaf.errors import ConfigurationError

__all__ = ("ServerCertificate", "ServerTls", "TlsHandshake", "WatchedContext")

# A context of the server's side, or the files with a certificate's chain and its key.
ServerCertificate: TypeAlias = ssl.SSLContext | tuple[str | os.PathLike[str], str | os.PathLike[str]]
_NameCallback: TypeAlias = Callable[[Any, Any, ssl.SSLContext], int | None]

_SHORT_NAMES: Final = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
}


@dataclass(slots=True, kw_only=True)
class TlsHandshake:
    """One attempt of a client to speak TLS with a broker.

    Args:
        node_id: the broker.
        started_at: `time.monotonic` when the connection was accepted, in seconds.
        server_name: the name that the client asked for (SNI); None without one, as for addresses.
        version: what was agreed on, as ``"TLSv1.3"``; None unless it came so far.
        cipher: likewise.
        client_certificate: the subject of the client's certificate, as ``"CN=alice, O=shop"``; None without one, and
            where the broker's context does not ask for it.
        error: why it failed, in OpenSSL's words; None otherwise. A client that refuses the broker's certificate says
            so here.
    """

    node_id: int
    started_at: float
    server_name: str | None = None
    version: str | None = None
    cipher: str | None = None
    client_certificate: str | None = None
    error: str | None = None


class ServerTls:
    """A certificate and everything else that a broker's side of TLS needs.

    Args:
        certificate: a context, which is watched from now on, or files.

    Raises:
        ConfigurationError: the context is one for clients.
    """

    def __init__(self, certificate: ServerCertificate) -> None:
        if isinstance(certificate, ssl.SSLContext):
            if certificate.protocol is ssl.PROTOCOL_TLS_CLIENT:
                raise ConfigurationError("tls: this SSLContext is one for clients; make it with PROTOCOL_TLS_SERVER.")
            self._context = certificate
        else:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate)
        self._names = _NameRecorder.of(self._context)

    def watch(self, accepted: socket.socket, handshake: TlsHandshake) -> WatchedContext:
        """Return a context for one connection, which fills in what happens."""
        return WatchedContext(self._context, self._names, accepted, handshake)


class WatchedContext:
    """Looks to asyncio like an SSLContext."""

    def __init__(
        self, context: ssl.SSLContext, names: _NameRecorder, accepted: socket.socket, handshake: TlsHandshake
    ) -> None:
        self._context = context
        self._names = names
        self._accepted = accepted
        self._handshake = handshake

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, **options: Any) -> _WatchedObject:
        """Begin TLS over two buffers, as `ssl.SSLContext.wrap_bio` does."""
        inner = self._context.wrap_bio(incoming, outgoing, **options)
        return _WatchedObject(inner, self._names, self._handshake, lambda: self._send_rest_of(outgoing))

    def _send_rest_of(self, outgoing: ssl.MemoryBIO) -> None:
        # asyncio closes the socket after a handshake that failed without sending the alert that tells why.
        with contextlib.suppress(OSError):
            self._accepted.send(outgoing.read())


class _WatchedObject:
    """Looks to asyncio like an SSLObject."""

    def __init__(
        self, inner: ssl.SSLObject, names: _NameRecorder, handshake: TlsHandshake, send_alert: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._names = names
        self._handshake = handshake
        self._send_alert = send_alert

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def do_handshake(self) -> None:
        """Go on with the handshake, and take down what came of it."""
        try:
            self._inner.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            raise
        except ssl.SSLError as error:
            self._handshake.error = str(error)
            self._send_alert()
            raise
        finally:
            self._handshake.server_name = self._names.name_of(self._inner)
        cipher = self._inner.cipher()
        self._handshake.version = self._inner.version()
        self._handshake.cipher = None if cipher is None else cipher[0]
        self._handshake.client_certificate = _subject(self._inner)


class _NameRecorder:
    """The callback of a context that keeps the names asked for, and then calls the one that was there before."""

    def __init__(self, inner: _NameCallback | None) -> None:
        self._inner = inner
        self._names: weakref.WeakKeyDictionary[object, str | None] = weakref.WeakKeyDictionary()

    @classmethod
    def of(cls, context: ssl.SSLContext) -> _NameRecorder:
        """Return the recorder of a context, which gets one if it has none."""
        found: Any = context.sni_callback
        if isinstance(found, cls):
            return found
        recorder = cls(found)
        context.sni_callback = recorder
        return recorder

    def __call__(self, ssl_object: Any, name: Any, context: ssl.SSLContext) -> int | None:
        """Take down a name; OpenSSL calls this."""
        self._names[ssl_object] = name
        return None if self._inner is None else self._inner(ssl_object, name, context)

    def name_of(self, ssl_object: ssl.SSLObject) -> str | None:
        """Return the name asked for."""
        return self._names.get(ssl_object)


def _subject(ssl_object: ssl.SSLObject) -> str | None:
    certificate: Any = ssl_object.getpeercert()
    if not certificate:
        return None
    parts = [part for group in certificate["subject"] for part in group]
    return ", ".join(f"{_SHORT_NAMES.get(name, name)}={value}" for name, value in parts)
