"""Ask who the cluster is, for `check()`: an answer shows that a broker is there and talks to us."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, TypeAlias, final

from dekaf._cluster.refresh import NEVER
from dekaf._network.client import NetworkClient
from dekaf._network.connection import BrokerConnection
from dekaf._network.requests import CallbackRequest
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.metadata import OPERATIONS_NOT_TOLD, MetadataRequest, MetadataResponse
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.producer._inquiries.inquiry import Inquiry
from dekaf.types import BrokerInfo, ClusterDescription, ConnectionSecurity

Described: TypeAlias = Callable[["ClusterDescription | None", "DekafError | None"], None]


_WRITE: Final = 1 << 4  # Kafka's AclOperation WRITE has the code 4


@final
class TopicRights:
    """What the cluster says that this client may do to a topic: asked for with a check, whose answer fills it in.

    Args:
        topic: Its name.
    """

    def __init__(self, topic: str) -> None:
        self.topic: Final = topic
        self._operations = OPERATIONS_NOT_TOLD

    def take_from(self, response: MetadataResponse) -> None:
        """Take down what an answer says."""
        for topic in response.topics:
            if topic.name == self.topic and topic.error_code == ErrorCode.NONE:
                self._operations = topic.authorized_operations

    def may_write(self) -> bool | None:
        """Return whether it may be written to; None if the cluster has not said so (before Kafka 2.3)."""
        if self._operations == OPERATIONS_NOT_TOLD:
            return None
        return self._operations & _WRITE != 0


@final
class PendingCheck:
    """A caller of `check()`, and until when it waits; `rights`: what it wants to know beside."""

    def __init__(self, tell: Described, deadline: float, rights: TopicRights | None = None) -> None:
        self.tell: Final = tell
        self.deadline: Final = deadline
        self.rights: Final = rights


@final
class DescriptionInquiry(Inquiry):
    """One request answers every check that waits by then; a later check does not wait for its answer."""

    def __init__(self, client: NetworkClient) -> None:
        super().__init__(ApiKey.METADATA, client)
        self._waiting: list[PendingCheck] = []

    def add(self, check: PendingCheck, now: float) -> None:
        """Have a check answered; forget those whose callers have given up, for Kafka may be away for long."""
        self._waiting = [known for known in self._waiting if known.deadline > now]
        self._waiting.append(check)

    def abort(self) -> None:
        """Tell every check that was not asked for yet that it will not be."""
        _tell(self._take_waiting(), None, None)

    def due_at(self, now: float) -> float:
        """Return that it is time as soon as a check waits."""
        return now if self._waiting else NEVER

    def encode(self, body: BytesWriter, version: int) -> None:
        """Ask for the brokers, and no topics but those whose rights somebody wants to know."""
        topics = tuple(sorted({check.rights.topic for check in self._waiting if check.rights is not None}))
        request = MetadataRequest(
            topics=topics, allow_auto_topic_creation=False, include_topic_authorized_operations=len(topics) > 0
        )
        request.encode(body, version)

    def request(self, connection: BrokerConnection) -> CallbackRequest:
        """Ask for all checks that wait."""
        checks = self._take_waiting()

        def answered(reader: Reader, version: int) -> None:
            response = MetadataResponse.decode(reader, version)
            for check in checks:
                if check.rights is not None:
                    check.rights.take_from(response)
            _tell(checks, _description(response, self._client.connections()), None)

        def lost(error: DekafError) -> None:
            now = monotonic()
            for check in checks:  # another broker may answer in the time that is left
                if check.deadline > now:
                    self._waiting.append(check)
                else:
                    check.tell(None, error)

        return CallbackRequest(ApiKey.METADATA, answered, lost)

    def unsupported(self, connection: BrokerConnection, error: BrokerConnectionError, now: float) -> float:
        """Tell the checks that the broker cannot say."""
        _tell(self._take_waiting(), None, error)
        return NEVER

    def _take_waiting(self) -> list[PendingCheck]:
        checks = self._waiting
        self._waiting = []
        return checks


def _description(response: MetadataResponse, connections: tuple[ConnectionSecurity, ...]) -> ClusterDescription:
    brokers = [BrokerInfo(node_id=one.node_id, host=one.host, port=one.port, rack=one.rack) for one in response.brokers]
    return ClusterDescription(
        cluster_id=response.cluster_id,
        controller_id=response.controller_id,
        brokers=tuple(brokers),
        connections=connections,
    )


def _tell(checks: list[PendingCheck], description: ClusterDescription | None, error: DekafError | None) -> None:
    for check in checks:
        check.tell(description, error)
