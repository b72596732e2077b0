"""Ask one question of any broker that is ready; what is asked, when, and what the answer means is the deriving class's.

Every method runs on the I/O thread. Times are monotonic seconds.
"""

from __future__ import annotations

from dekaf._cluster.refresh import NEVER
from dekaf._network.client import NetworkClient
from dekaf._network.connection import BrokerConnection
from dekaf._network.requests import CallbackRequest
from dekaf._protocol.api import ApiKey
from dekaf._wire.writer import BytesWriter
from dekaf.errors import BrokerConnectionError


class Inquiry:
    """One kind of request for which any broker will do."""

    def __init__(self, api: ApiKey, client: NetworkClient) -> None:
        self._api = api
        self._client = client

    def run(self, now: float) -> float:
        """Ask if it is time to; return when it will be, infinity if something else brings the engine's next pass."""
        due = self.due_at(now)
        if due > now:
            return due
        connection = self.choose(now)
        if connection is None:
            return NEVER  # the next connection, or the end of a back-off, brings the next pass
        try:
            version = connection.version(self._api)
        except BrokerConnectionError as error:
            return self.unsupported(connection, error, now)
        body = BytesWriter()
        self.encode(body, version)
        connection.send(self.request(connection), version, [body.getvalue()])
        return NEVER

    def choose(self, now: float) -> BrokerConnection | None:
        """Return the connection to ask over; None while there is none."""
        return self._client.least_loaded(now)

    def due_at(self, now: float) -> float:
        """Return when to ask; infinity while there is nothing to ask, or a request is under way."""
        raise NotImplementedError

    def encode(self, body: BytesWriter, version: int) -> None:
        """Write the question."""
        raise NotImplementedError

    def request(self, connection: BrokerConnection) -> CallbackRequest:
        """Return what hears of the answer, or of its loss; the question is sent right afterwards."""
        raise NotImplementedError

    def unsupported(self, connection: BrokerConnection, error: BrokerConnectionError, now: float) -> float:
        """Deal with a broker that does not know the request; return when to ask again."""
        raise NotImplementedError
