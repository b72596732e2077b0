"""The contenders' names, as tables and targets use them."""

from __future__ import annotations

from typing import Final

OURS: Final = "dekaf"
INTERPRETED: Final = "dekaf interpreted"
OURS_PLAINTEXT: Final = "dekaf, plaintext"
OURS_BEFORE_FORK: Final = "dekaf, made before the fork"
CONFLUENT: Final = "confluent-kafka"
CONFLUENT_LARGE_BATCHES: Final = "confluent-kafka, batches of 1 MB"
BRIDGE_0: Final = "confluent-kafka bridge, linger 0"
BRIDGE_5: Final = "confluent-kafka bridge, linger 5"
CONFLUENT_OWN_ASYNCIO: Final = "confluent-kafka AIOProducer"
CONFLUENT_FLUSH: Final = "confluent-kafka produce and flush"
AIOKAFKA_0: Final = "aiokafka, linger 0"
AIOKAFKA_5: Final = "aiokafka, linger 5"
KAFKA_PYTHON: Final = "kafka-python"
JAVA: Final = "Java ProducerPerformance"
NO_CLIENT: Final = "no client, a timer instead"

AIOKAFKA: Final = (AIOKAFKA_0, AIOKAFKA_5)
BRIDGES: Final = (BRIDGE_0, BRIDGE_5)
