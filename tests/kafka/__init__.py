"""A real Apache Kafka on loopback, for tests, benchmarks and the demo's real-broker mode."""

from __future__ import annotations

from tests.kafka.cluster import AdoptedCluster, KafkaCluster
from tests.kafka.distribution import DEFAULT_VERSION, kafka_jars
from tests.kafka.errors import BrokersNotOursError, KafkaUnavailableError
from tests.kafka.java import why_kafka_cannot_start
from tests.kafka.read_back import ConsumedRecord, read_back

__all__ = (
    "DEFAULT_VERSION",
    "AdoptedCluster",
    "BrokersNotOursError",
    "ConsumedRecord",
    "KafkaCluster",
    "KafkaUnavailableError",
    "kafka_jars",
    "read_back",
    "why_kafka_cannot_start",
)
