"""A real Apache Kafka on loopback, for tests, benchmarks and the demo's real-broker mode."""

from __future__ import annotations

from tests.kafka.adopted_cluster import AdoptedCluster
from tests.kafka.cluster import KafkaCluster
from tests.kafka.distribution import DEFAULT_VERSION, kafka_jars
from tests.kafka.errors import BrokersNotOursError, KafkaUnavailableError
from tests.kafka.java import why_kafka_cannot_start
from tests.kafka.login import Login
from tests.kafka.read_back import ConsumedRecord, read_back
from tests.kafka.sasl_probe import SaslProbe
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.users import MECHANISMS, PLAIN_USERS, SCRAM_USERS, USERS

__all__ = (
    "DEFAULT_VERSION",
    "MECHANISMS",
    "PLAIN_USERS",
    "SCRAM_USERS",
    "USERS",
    "AdoptedCluster",
    "BrokersNotOursError",
    "ConsumedRecord",
    "KafkaCluster",
    "KafkaUnavailableError",
    "Login",
    "SaslProbe",
    "SecureCluster",
    "kafka_jars",
    "read_back",
    "why_kafka_cannot_start",
)
