"""Sessions that end under load, and a principal that changes: nothing fails, and connections stay where they can.

A few seconds each; `nox -s secure` takes `DEKAF_SECURE_SECONDS=60`.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import Any

import pytest

from dekaf.security import OAuthToken
from tests.broker.secure_ways import Way, local_ports, token, way_options
from tests.broker.traffic import Traffic
from tests.kafka.secure_cluster import SecureCluster

SECONDS = float(os.environ.get("DEKAF_SECURE_SECONDS", "7"))
SETTLED = 3.0  # seconds until bootstrap connections have been retired
IS_LONG = SECONDS > 15

# SCRAM, which takes two rounds, and OAUTHBEARER; in the long run every mechanism, encrypted and not.
SHORT_WAYS = [Way("SHORT_SSL", "SCRAM-SHA-512"), Way("SHORT_PLAINTEXT", "OAUTHBEARER")]
if IS_LONG:
    SHORT_WAYS += [
        *(Way("SHORT_SSL", mechanism) for mechanism in ("PLAIN", "SCRAM-SHA-256", "OAUTHBEARER")),
        *(Way("SHORT_PLAINTEXT", mechanism) for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
    ]


@pytest.fixture
def topic(secure_cluster: SecureCluster) -> str:
    name = f"load-{uuid.uuid4().hex[:12]}"
    secure_cluster.create_topic(name, partitions=4)
    return name


def traffic_of(cluster: SecureCluster, way: Way, topic: str, **changes: Any) -> Traffic:
    options = way_options(cluster, way, **changes)
    return Traffic(options.pop("bootstrap_servers"), topic, options=options)  # type: ignore[arg-type]  # options all the same


@pytest.mark.mistake("KAFKA-9854", "aiokafka #1105", "sarama #2233", "franz-go #249")
@pytest.mark.timeout(60 + 2 * SECONDS)
@pytest.mark.parametrize("way", SHORT_WAYS, ids=lambda way: way.name)
def test_sessions_are_renewed_under_load_on_the_same_connections(
    secure_cluster: SecureCluster, topic: str, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """KIP-368: sessions of two seconds. aiokafka #1105: the broker hangs up as often as that."""
    traffic = traffic_of(secure_cluster, way, topic)
    port = secure_cluster.port(way.listener)
    seen: list[set[int]] = []

    def wait() -> None:
        time.sleep(SETTLED)  # not for something: the load goes on meanwhile
        seen.append(local_ports(port))
        time.sleep(SECONDS)
        seen.append(local_ports(port))

    traffic.run(wait)

    traffic.check(secure_cluster.bootstrap_servers)
    assert seen[0]
    assert seen[0] == seen[1]
    assert warnings_of(caplog) == []


@pytest.mark.mistake("kafkajs #1582", "aws-msk-iam-auth #104")
@pytest.mark.timeout(60 + 2 * SECONDS)
def test_principal_that_changes_fails_nothing(
    secure_cluster: SecureCluster, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """kafkajs #1582: "Cannot change principals". Each token names another session, as those of AWS's roles do."""
    names: list[str] = []

    def provider() -> OAuthToken:
        names.append(f"session-{len(names)}")
        return token(names[-1], seconds=2.5)

    way = Way("SASL_SSL", "OAUTHBEARER")
    traffic = traffic_of(secure_cluster, way, topic, sasl_oauth_token_provider=provider)
    port = secure_cluster.port(way.listener)
    seen: list[set[int]] = []

    def wait() -> None:
        seen.append(local_ports(port))
        time.sleep(SECONDS)  # not for something: the load goes on meanwhile
        seen.append(local_ports(port))

    traffic.run(wait)

    traffic.check(secure_cluster.bootstrap_servers)
    assert len(names) > SECONDS / 3.5
    assert seen[0] != seen[1]
    assert warnings_of(caplog) == []


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was told to people; that credentials can be read on the way is meant by the test."""
    texts = [one.getMessage() for one in caplog.records if one.levelname in {"WARNING", "ERROR"}]
    return [text for text in texts if "shows what sasl_mechanism" not in text]
