"""What travels between those who send requests and the connection that carries them.

Base classes and no protocols: of a protocol's methods compiled code knows only the names, and looks them up on every
call. Tests may derive from these in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from mypy_extensions import i64, mypyc_attr

from dekaf._cluster.metadata import Broker
from dekaf._protocol.api import ApiKey
from dekaf._security.secret import Secret
from dekaf._wire.reader import Reader
from dekaf.errors import DekafError

__all__ = ("BrokerConnections", "CallbackRequest", "PendingRequest", "SenderConnection")


@mypyc_attr(allow_interpreted_subclasses=True)
class PendingRequest:
    """A request on its way; who sends it derives from this, and hears of one of two ends."""

    def __init__(self, api: ApiKey) -> None:
        self.api = api
        # A connection fills these in when it sends the request.
        self.version = 0
        self.correlation_id: i64 = -1
        self.deadline = 0.0  # monotonic seconds

    def on_response(self, reader: Reader, version: int) -> None:
        """Take the body of the answer, encoded in `version`; MalformedResponseError closes the connection."""
        raise NotImplementedError

    def on_lost(self, error: DekafError) -> None:
        """No answer will come: the connection is gone, and the request may or may not have been carried out."""
        raise NotImplementedError

    def on_written(self) -> None:
        """The socket has taken a request that was sent without an answer being due; only those hear of it."""
        raise NotImplementedError


@final
class CallbackRequest(PendingRequest):
    """A request whose two ends are two functions."""

    def __init__(
        self, api: ApiKey, response: Callable[[Reader, int], None], lost: Callable[[DekafError], None]
    ) -> None:
        super().__init__(api)
        self._response = response
        self._lost = lost

    def on_response(self, reader: Reader, version: int) -> None:
        """Pass the answer on."""
        self._response(reader, version)

    def on_lost(self, error: DekafError) -> None:
        """Pass the loss on."""
        self._lost(error)


@mypyc_attr(allow_interpreted_subclasses=True)
class SenderConnection:
    """What the sender needs of a connection."""

    def takes_requests(self, now: float) -> bool:
        """Return whether requests should be sent now: it is ready, keeps up, and the broker does not throttle us."""
        raise NotImplementedError

    def version(self, api: ApiKey, *, at_most: int = 32767) -> int:
        """Return the version, up to `at_most`, that both sides speak; BrokerConnectionError if there is none."""
        raise NotImplementedError

    def send(self, request: PendingRequest, version: int, body: list[bytes]) -> None:
        """Write a request whose body comes in pieces, and keep it until its answer comes."""
        raise NotImplementedError

    def send_secret(self, request: PendingRequest, version: int, body: Secret) -> None:
        """Write a request whose body no traceback must show, and keep it until its answer comes."""
        raise NotImplementedError

    def send_unanswered(self, request: PendingRequest, version: int, body: list[bytes]) -> None:
        """Write a request to which there is no answer; it hears once the socket took it, maybe before this returns."""
        raise NotImplementedError

    def throttle(self, milliseconds: int) -> None:
        """Send nothing for so long, as the broker asked (KIP-219)."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class BrokerConnections:
    """What the sender needs of the client: one connection per broker."""

    def connection(self, node_id: int, now: float) -> SenderConnection | None:
        """Return the ready connection to a broker; without one, connect unless it is too early, and return None."""
        raise NotImplementedError

    def node_error(self, node_id: int) -> DekafError | None:
        """Return why a broker is not connected at present, for error messages; None if it is."""
        raise NotImplementedError

    def update_brokers(self, brokers: Mapping[int, Broker]) -> None:
        """Take over the brokers that there are, and their addresses."""
        raise NotImplementedError
