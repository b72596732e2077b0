"""ClusterCheck: one question to the live cluster who it is, and its answer, for a readiness probe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, final

from dekaf.errors import BrokerConnectionError, DekafError, caused_error
from dekaf.producer._engine.interface import BackendEngine
from dekaf.producer._inquiries.description import TopicRights
from dekaf.types import ClusterDescription


@final
class ClusterCheck:
    """Asked once; the face waits in between.

    Args:
        engine: Which asks.
        servers: The bootstrap servers, for the error.
        timeout: Seconds for which the caller waits; the engine forgets the question then.
        rights: Of a topic, to be filled in with the answer; None: they are not asked for.
    """

    def __init__(
        self, engine: BackendEngine, servers: Sequence[str], timeout: float, rights: TopicRights | None = None
    ) -> None:
        self._engine: Final = engine
        self._servers: Final = servers
        self._timeout: Final = timeout
        self._rights: Final = rights
        self._tell: Callable[[], None] | None = None
        self._description: ClusterDescription | None = None
        self._error: DekafError | None = None

    def ask(self, tell: Callable[[], None]) -> bool:
        """Ask; `tell` is called by the I/O thread once there is an answer. False if the engine has ended."""
        self._tell = tell
        return self._engine.describe(self._answered, self._timeout, self._rights)

    def result(self) -> ClusterDescription:
        """Return what the cluster answered.

        Raises:
            BrokerConnectionError: It did not; the cause tells why.
        """
        if self._description is not None:
            return self._description
        cause = self._error if self._error is not None else self._engine.last_error()
        raise caused_error(
            BrokerConnectionError(f"No broker of {', '.join(self._servers)} answered: {cause or 'no answer in time'}"),
            cause,
        )

    def _answered(self, description: ClusterDescription | None, error: DekafError | None) -> None:
        self._description = description
        self._error = error
        if self._tell is not None:
            self._tell()
