"""SaslProbe: a connection that logs in step by step, so that a test sees every answer of a broker.

Written without any of dekaf, in the oldest versions that serve: SaslHandshake 1, SaslAuthenticate 1, ApiVersions 0.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.kafka.users import MECHANISMS

__all__ = ("Authenticated", "SaslProbe", "scram_proof")

PATIENCE: Final = 10  # seconds until an answer is missed

_METADATA, _SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = 3, 17, 18, 36
_METADATA_OF_NOTHING: Final = struct.pack(">ib", 0, 0)


class Authenticated(NamedTuple):
    """The answer to SaslAuthenticate."""

    error_code: int
    message: str | None
    auth_bytes: bytes
    session_lifetime_ms: int


class SaslProbe:
    """One connection. Every request returns None where the broker closes the connection instead of answering."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if context is not None:
            self._socket = context.wrap_socket(self._socket, server_hostname="localhost")
        self._received = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._received.close()
        self._socket.close()

    @property
    def is_closed_by_broker(self) -> bool:
        """Whether the connection ends; waits for that, or for bytes."""
        try:
            return self._received.read(1) == b""
        except ConnectionError:
            return True

    def handshake(self, mechanism: str) -> tuple[int, list[str]] | None:
        """Return the error code and the mechanisms that are on, in the order of `MECHANISMS`."""
        self.send_handshake(mechanism)
        return self.receive_handshake()

    def send_handshake(self, mechanism: str) -> None:
        """Name a mechanism, and do not wait for the answer."""
        name = mechanism.encode()
        self._send(_SASL_HANDSHAKE, 1, struct.pack(">h", len(name)) + name)

    def receive_handshake(self) -> tuple[int, list[str]] | None:
        """Return the answer to that."""
        answer = self._receive()
        if answer is None:
            return None
        code, count = struct.unpack_from(">hi", answer)
        mechanisms: list[str] = []
        place = 6
        for _ in range(count):
            name_of_one, place = _string(answer, place)
            mechanisms.append(name_of_one or "")
        return code, sorted(mechanisms, key=MECHANISMS.index)

    def authenticate(self, auth_bytes: bytes) -> Authenticated | None:
        """Send bytes of the mechanism and return what comes back."""
        answer = self._call(_SASL_AUTHENTICATE, 1, struct.pack(">i", len(auth_bytes)) + auth_bytes)
        if answer is None:
            return None
        (code,) = struct.unpack_from(">h", answer)
        message, place = _string(answer, 2)
        (size,) = struct.unpack_from(">i", answer, place)
        place += 4
        (lifetime,) = struct.unpack_from(">q", answer, place + size)
        return Authenticated(code, message, answer[place : place + size], lifetime)

    def log_in(self, mechanism: str, auth_bytes: bytes) -> Authenticated | None:
        """Do both, for a mechanism with one step."""
        self.handshake(mechanism)
        return self.authenticate(auth_bytes)

    def log_in_with_scram(self, mechanism: str, user: str, password: str) -> bool:
        """Return whether a user of SCRAM is let in."""
        self.handshake(mechanism)
        name = user.replace("=", "=3D").replace(",", "=2C")
        first = f"n={name},r={secrets.token_hex(12)}"
        answer = self.authenticate(f"n,,{first}".encode())
        if answer is None or answer.error_code:
            return False
        final = scram_proof(mechanism, password, first, answer.auth_bytes.decode())
        answer = self.authenticate(final.encode())
        return answer is not None and answer.error_code == 0

    def api_versions(self) -> dict[int, tuple[int, int]] | None:
        """Return the versions of each API; empty if the answer is an error."""
        answer = self._call(_API_VERSIONS, 0, b"")
        if answer is None:
            return None
        _, count = struct.unpack_from(">hi", answer)
        rows = [struct.unpack_from(">hhh", answer, 6 + 6 * number) for number in range(count)]
        return {api: (lowest, highest) for api, lowest, highest in rows}

    def is_served(self) -> bool:
        """Return whether a request is answered that only those who are logged in may send."""
        answer = self._call(_METADATA, 7, _METADATA_OF_NOTHING)
        # A broker that refuses it answers with as many brokers as there are topics: none.
        return answer is not None and int.from_bytes(answer[4:8], "big") > 0

    def _call(self, api: int, version: int, body: bytes) -> bytes | None:
        self._send(api, version, body)
        return self._receive()

    def _send(self, api: int, version: int, body: bytes) -> None:
        message = struct.pack(">hhih", api, version, 1, 5) + b"probe" + body
        with contextlib.suppress(ConnectionError):  # which is seen when the answer is to be read
            self._socket.sendall(struct.pack(">i", len(message)) + message)

    def _receive(self) -> bytes | None:
        """Return the body of the next answer; None where the connection ends."""
        try:
            size = self._received.read(4)
            if len(size) < 4:
                return None
            return self._received.read(int.from_bytes(size, "big"))[4:]  # without the correlation id
        except ConnectionError:
            return None


def scram_proof(mechanism: str, password: str, client_first: str, server_first: str) -> str:
    """Return the client's last message of SCRAM (RFC 5802).

    Args:
        mechanism: SCRAM-SHA-256 or SCRAM-SHA-512.
        client_first: the first message without its `n,,`.
    """
    digest = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    attributes = dict(part.split("=", 1) for part in server_first.split(","))
    salt, iterations = base64.b64decode(attributes["s"]), int(attributes["i"])
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", digest)
    stored_key = hashlib.new(digest, client_key).digest()
    final = f"c=biws,r={attributes['r']}"
    signature = hmac.digest(stored_key, f"{client_first},{server_first},{final}".encode(), digest)
    proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
    return f"{final},p={base64.b64encode(proof).decode()}"


def _string(data: bytes, place: int) -> tuple[str | None, int]:
    (size,) = struct.unpack_from(">h", data, place)
    place += 2
    return (None, place) if size < 0 else (data[place : place + size].decode(), place + size)
