"""Doubles of producers, a fake Kafka cluster, and the pytest plugin: for dekaf's tests and for its users'."""

from __future__ import annotations

import importlib
from typing import Final

__all__ = (
    "ALWAYS",
    "ANY",
    "AcceptedToken",
    "ApiKey",
    "ClientConnection",
    "ErrorCode",
    "Expectation",
    "FakeBroker",
    "FakeCluster",
    "Fault",
    "Held",
    "KafkaFixture",
    "KafkaTestMixin",
    "LoggedRecord",
    "ProduceAttempt",
    "RealKafkaInTestError",
    "ReceivedApiVersions",
    "ReceivedInitProducerId",
    "ReceivedMetadata",
    "ReceivedProduce",
    "ReceivedRequest",
    "ReceivedSaslAuthenticate",
    "ReceivedSaslHandshake",
    "RecordedMessage",
    "SaslAccounts",
    "SaslFault",
    "TlsHandshake",
    "TopicMessages",
    "TopicSettings",
    "Trigger",
    "UnknownVersionAnswer",
    "allow_real_kafka",
    "including",
    "like",
)

# The plugin is loaded by every pytest run where dekaf is installed, and this package with it. So its names are looked
# up when they are used; __init__.pyi beside this file tells type checkers what they are.
_HOMES: Final = {
    "ALWAYS": "dekaf.testing.trigger",
    "ANY": "dekaf.testing.matching",
    "AcceptedToken": "dekaf.testing.sasl_accounts",
    "ApiKey": "dekaf._protocol.api",
    "ClientConnection": "dekaf.testing.cluster_state",
    "ErrorCode": "dekaf._protocol.error_codes",
    "Expectation": "dekaf.testing.expectation",
    "FakeBroker": "dekaf.testing.fake_broker",
    "FakeCluster": "dekaf.testing.fake_cluster",
    "Fault": "dekaf.testing.faults",
    "Held": "dekaf.testing.faults",
    "KafkaFixture": "dekaf.testing.kafka_fixture",
    "KafkaTestMixin": "dekaf.testing.kafka_test_mixin",
    "LoggedRecord": "dekaf.testing.partition_log",
    "ProduceAttempt": "dekaf.testing.cluster_state",
    "RealKafkaInTestError": "dekaf.real_kafka",
    "ReceivedApiVersions": "dekaf.testing.received",
    "ReceivedInitProducerId": "dekaf.testing.received",
    "ReceivedMetadata": "dekaf.testing.received",
    "ReceivedProduce": "dekaf.testing.received",
    "ReceivedRequest": "dekaf.testing.received",
    "ReceivedSaslAuthenticate": "dekaf.testing.received",
    "ReceivedSaslHandshake": "dekaf.testing.received",
    "RecordedMessage": "dekaf.producer.produced",
    "SaslAccounts": "dekaf.testing.sasl_accounts",
    "SaslFault": "dekaf.testing.sasl_faults",
    "TlsHandshake": "dekaf.testing.server_tls",
    "TopicMessages": "dekaf.testing.topic_messages",
    "TopicSettings": "dekaf.testing.partition_log",
    "Trigger": "dekaf.testing.trigger",
    "UnknownVersionAnswer": "dekaf.testing.cluster_state",
    "allow_real_kafka": "dekaf.testing.permission",
    "including": "dekaf.testing.matching",
    "like": "dekaf.testing.expectation",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
