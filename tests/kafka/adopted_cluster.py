"""AdoptedCluster: somebody else's brokers, for the tests that need no more than their address."""

from __future__ import annotations

from typing import Any

from tests.kafka import admin
from tests.kafka.broker import KafkaBroker
from tests.kafka.cluster import KafkaCluster
from tests.kafka.errors import BrokersNotOursError, KafkaUnavailableError
from tests.kafka.java import why_kafka_cannot_start

__all__ = ("AdoptedCluster",)


class AdoptedCluster(KafkaCluster):
    """A cluster that somebody else started: topics can be created and read, its processes and disks are out of reach.

    Args:
        bootstrap_servers: its addresses, as `a:9092,b:9092`.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        super().__init__(0)
        self._bootstrap_servers = bootstrap_servers

    def start(self) -> None:
        """Check that the cluster answers.

        Raises:
            KafkaUnavailableError: it does not, within 10 seconds.
        """
        if not admin.broker_ids(self._bootstrap_servers, timeout=10):
            raise KafkaUnavailableError(f"no Kafka answers at {self._bootstrap_servers}")

    def restore(self) -> None:
        """Do nothing: its processes are somebody else's."""

    @property
    def _replication_factor(self) -> int:
        return -1  # its brokers' default

    @property
    def bootstrap_servers(self) -> str:
        """The addresses given."""
        return self._bootstrap_servers

    @property
    def brokers(self) -> tuple[KafkaBroker, ...]:
        """Out of reach.

        Raises:
            BrokersNotOursError: always; a test is skipped by it.
        """
        raise BrokersNotOursError(f"the brokers at {self._bootstrap_servers} were not started by this test run")

    def console_consumer(self, topic: str, count: int, **options: Any) -> list[str]:
        """Run kafka-console-consumer against the adopted cluster.

        Raises:
            BrokersNotOursError: there is no Java here to run it with.
        """
        if reason := why_kafka_cannot_start(self.version):
            raise BrokersNotOursError(f"the console consumer cannot run: {reason}")
        return super().console_consumer(topic, count, **options)
