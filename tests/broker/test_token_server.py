"""Kafka lets in who shows a token from the test's token server, and librdkafka fetches it there (KIP-768)."""

from __future__ import annotations

import uuid

from confluent_kafka import Producer

from tests.certificates import Authority
from tests.kafka import SecureCluster, read_back
from tests.oauth import TokenServer

SECRET = "a+b/%&c"


def test_librdkafka_comes_in_with_a_token_that_it_fetched(secure_cluster: SecureCluster, authority: Authority) -> None:
    topic = f"tokens-{uuid.uuid4().hex[:12]}"
    secure_cluster.create_topic(topic, partitions=1)
    with TokenServer(authority.server("tokens"), clients={"shop": SECRET}) as server:
        producer = Producer(
            {
                **secure_cluster.login("SASL_SSL").confluent_options(),
                "sasl.mechanism": "OAUTHBEARER",
                "sasl.oauthbearer.method": "oidc",
                "sasl.oauthbearer.client.id": "shop",
                "sasl.oauthbearer.client.secret": SECRET,
                "sasl.oauthbearer.scope": "orders",
                "sasl.oauthbearer.token.endpoint.url": server.url,
                "https.ca.location": str(authority.cafile),
                "log_level": 0,
            }
        )
        producer.produce(topic, b"value")
        assert producer.flush(20) == 0

        (request,) = server.requests
        assert request.form == {"grant_type": "client_credentials", "scope": "orders"}
        assert request.credentials == ("shop", SECRET)
        assert server.violations == []
    assert [record.value for record in read_back(secure_cluster.bootstrap_servers, topic, 1)] == [b"value"]
