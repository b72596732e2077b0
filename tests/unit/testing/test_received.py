"""What is remembered of the requests that a broker received."""

from __future__ import annotations

from dekaf.testing import (
    FakeCluster,
    ReceivedApiVersions,
    ReceivedInitProducerId,
    ReceivedMetadata,
    ReceivedProduce,
)
from tests.unit.testing.batches import batch
from tests.unit.testing.raw_client import RawClient


def test_requests_are_remembered_with_their_essentials(cluster: FakeCluster, client: RawClient) -> None:
    client.api_versions(3, "raw-client", "2.5")
    client.metadata("orders", allow_auto_topic_creation=True)
    client.init_producer_id()
    client.produce(("orders", 0, batch()), ("orders", 1, batch()))

    (greeting,) = cluster.requests(ReceivedApiVersions)
    (metadata,) = cluster.requests(ReceivedMetadata)
    (identity,) = cluster.requests(ReceivedInitProducerId)
    (produce,) = cluster.requests(ReceivedProduce)
    assert (greeting.client_software_name, greeting.client_software_version) == ("raw-client", "2.5")
    assert (metadata.topics, metadata.allow_auto_topic_creation, metadata.version) == (("orders",), True, 12)
    assert (identity.transactional_id, identity.transaction_timeout_ms) == (None, 60_000)
    assert (produce.acks, produce.timeout_ms, produce.partitions) == (-1, 30_000, (("orders", 0), ("orders", 1)))
    assert produce.header.client_id == "raw"
    assert [request.api_key for request in cluster.broker(1).requests] == [18, 3, 22, 0]
