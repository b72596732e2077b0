"""A connection without a socket: what it writes is kept, and what a test has arrive is all it reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from dekaf._network.client import NetworkClient, NetworkSettings
from dekaf._network.connection import BrokerConnection, ConnectionSettings, Identity
from dekaf._network.reachability import Reachability
from dekaf._network.security import SecuritySettings
from dekaf._protocol.api import ApiKey

# What a broker offers unless a test says otherwise.
OFFERED: Mapping[int, tuple[int, int]] = {ApiKey.PRODUCE: (7, 13), ApiKey.API_VERSIONS: (0, 4)}


class Transport:
    """What asyncio gives a protocol to write to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_aborted = False
        self.limit = 0
        self.buffered = 0  # bytes that the socket has not taken

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.is_aborted

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.is_aborted = True

    def get_extra_info(self, _name: str) -> None:
        return None

    def set_write_buffer_limits(self, limit: int) -> None:
        self.limit = limit


class Wire:
    """A connection, the client it belongs to, and what goes over it."""

    def __init__(
        self,
        *,
        request_timeout: float = 60.0,
        offered: Mapping[int, tuple[int, int]] = OFFERED,
        identity: Identity | None = None,
    ) -> None:
        self.changes = 0
        self.transport = Transport()
        self._offered = offered
        settings = ConnectionSettings("c", "1.0", request_timeout, 10.0)
        network = NetworkSettings(
            settings, SecuritySettings(None, None), lambda _attempt: 1.0, lambda _attempt: 1.0, 60.0
        )
        loop = asyncio.get_running_loop()
        self.owner = NetworkClient(
            loop, (("b", 9092),), network, self._changed, lambda _node, _error: None, Reachability(5.0, 10.0)
        )
        self.connection = BrokerConnection(
            -1, "b:9092", settings, self.owner, api_versions=4, identity=identity, peer=None
        )
        self.owner._bootstrap[0].connection = self.connection

    def open(self) -> BrokerConnection:
        """Connect and negotiate."""
        self.connection.connection_made(self.transport)
        self.answer(1, versions_answer(self._offered))
        self.transport.written.clear()
        return self.connection

    def answer(self, correlation_id: int, body: bytes) -> None:
        """Have an answer arrive."""
        self.connection.data_received(answer_frame(correlation_id, body))

    def _changed(self) -> None:
        self.changes += 1


def answer_frame(correlation_id: int, body: bytes) -> bytes:
    """Return an answer whose header has no tagged fields, or whose body begins with those."""
    return (4 + len(body)).to_bytes(4, "big") + correlation_id.to_bytes(4, "big") + body


def versions_answer(offered: Mapping[int, tuple[int, int]]) -> bytes:
    """Return the body of an ApiVersions answer in version 4, without throttling."""
    ranges = b"".join(
        b"".join(number.to_bytes(2, "big") for number in (api, *versions)) + b"\0" for api, versions in offered.items()
    )
    return b"\0\0" + bytes([len(offered) + 1]) + ranges + bytes(5)
