"""Ask for the cluster's metadata: who leads which partition, and where the brokers are."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._cluster.cluster_identity import ClusterNews, judge_cluster
from dekaf._cluster.recovery import MetadataRecovery
from dekaf._cluster.refresh import NEVER, NO_QUESTION, MetadataRefresher
from dekaf._network.client import NetworkClient
from dekaf._network.connection import BrokerConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.metadata import MetadataRequest, MetadataResponse
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.producer._inquiries.hedged import Answer, HedgedInquiry

# Takes over an answer of the broker with that node id; returns the topics that it leaves without a leader, or in doubt.
TakeOver = Callable[[MetadataResponse, int], set[str]]
# Takes over that the cluster is another one, with that id.
AdoptCluster = Callable[[str | None], None]


@final
class MetadataInquiry(HedgedInquiry):
    """The question is the refresher's, who also knows when to ask it."""

    def __init__(  # noqa: PLR0913 # what decides when to ask, and what takes each kind of answer
        self,
        client: NetworkClient,
        refresher: MetadataRefresher,
        take_over: TakeOver,
        adopt_cluster: AdoptCluster,
        recovery: MetadataRecovery,
        *,
        hedge_after: float,
        allow_auto_create_topics: bool,
    ) -> None:
        super().__init__(ApiKey.METADATA, client, hedge_after)
        self._refresher: Final = refresher
        self._take_over: Final = take_over
        self._adopt_cluster: Final = adopt_cluster
        self._cluster_id: str | None = None  # as last told
        self._allow_auto_create_topics: Final = allow_auto_create_topics
        self._recovery: Final = recovery
        self._asked = NO_QUESTION

    def run(self, now: float) -> float:
        """Begin again with the bootstrap servers if nothing usable came for too long; otherwise ask if it is time."""
        if self._refresher.is_asking or self.due_at(now) <= now:
            self._recovery.sought(now)
        if self._recovery.due_at() <= now:
            self._recovery.begun_again(now)
            self._client.rebootstrap(BrokerConnectionError("No broker has given usable metadata for too long."))
        return min(super().run(now), self._recovery.due_at())

    def due_at(self, now: float) -> float:
        """Return when the refresher wants to know."""
        return self._refresher.due_at()

    def choose(self, now: float) -> BrokerConnection | None:
        """Return another broker than the one whose answer was in doubt, if there is another at hand."""
        avoided = self._refresher.avoided
        if avoided is not None:
            other = self._client.another_broker(now, avoided)
            if other is not None:
                return other
        return super().choose(now)

    def encode(self, body: BytesWriter, version: int) -> None:
        """Ask for the topics that are due."""
        self._asked = self._refresher.question(monotonic())
        self.encode_again(body, version)
        self._refresher.asked(self._asked)

    def encode_again(self, body: BytesWriter, version: int) -> None:
        """Ask another broker for the same topics."""
        may_create = self._asked.may_create and self._allow_auto_create_topics
        MetadataRequest(topics=tuple(self._asked.topics), allow_auto_topic_creation=may_create).encode(body, version)

    def read(self, reader: Reader, version: int, connection: BrokerConnection) -> Answer:
        """Decode an answer; a broker that is still starting names no brokers."""
        response = MetadataResponse.decode(reader, version)
        connection.throttle(response.throttle_time_ms)

        def take() -> None:
            self._answered(response, connection)

        return Answer(take, is_usable=response.error_code == ErrorCode.NONE and len(response.brokers) > 0)

    def lost(self, error: DekafError) -> None:
        """Ask again after a wait."""
        self._refresher.failed(monotonic())

    def unsupported(self, connection: BrokerConnection, error: BrokerConnectionError, now: float) -> float:
        """Leave a server without which there is no way to find the leaders."""
        if connection.offers(ApiKey.METADATA):
            connection.close(error)
        else:
            connection.close(_no_broker_error(connection.address))
        return NEVER  # its end brings the next pass

    def _answered(self, response: MetadataResponse, connection: BrokerConnection) -> None:
        if response.error_code == ErrorCode.NONE and response.brokers:
            self._take_over_from(connection, response)
            return
        self._refresher.failed(monotonic())  # a broker that is still starting names none
        if response.error_code == ErrorCode.REBOOTSTRAP_REQUIRED and self._recovery.is_on:  # KIP-1102
            self._client.rebootstrap(BrokerConnectionError("The broker belongs to another cluster now."))

    def _take_over_from(self, connection: BrokerConnection, response: MetadataResponse) -> None:
        is_bootstrap = connection.node_id < 0
        has_brokers = self._client.connected() > 0
        told = response.cluster_id
        news = judge_cluster(self._cluster_id, told, is_bootstrap=is_bootstrap, has_brokers=has_brokers)
        if news is ClusterNews.STRANGER:
            self._refresher.failed(monotonic())
            error = BrokerConnectionError(
                f"The broker at {connection.address} belongs to another cluster, {told}, than {self._cluster_id}."
            )
            if is_bootstrap:
                connection.close(error)
            else:
                self._client.rebootstrap(error)
            return
        if news is ClusterNews.REPLACED:
            self._adopt_cluster(told)
        self._cluster_id = told or self._cluster_id
        still_wanted = self._take_over(response, connection.node_id)
        self._refresher.answered(monotonic(), still_wanted)
        self._recovery.found()


def _no_broker_error(address: str) -> BrokerConnectionError:
    return BrokerConnectionError(
        f"The server at {address} speaks Kafka's protocol, but is no broker: it offers no metadata. It may be a KRaft "
        "controller; bootstrap_servers must name listeners of brokers."
    )
