from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf.producer.produced import RecordedMessage
from dekaf.real_kafka import RealKafkaInTestError
from dekaf.testing.cluster_state import ClientConnection, ProduceAttempt, UnknownVersionAnswer
from dekaf.testing.expectation import Expectation, like
from dekaf.testing.fake_broker import FakeBroker
from dekaf.testing.fake_cluster import FakeCluster
from dekaf.testing.faults import Fault, Held
from dekaf.testing.kafka_fixture import KafkaFixture
from dekaf.testing.kafka_test_mixin import KafkaTestMixin
from dekaf.testing.matching import ANY, including
from dekaf.testing.partition_log import LoggedRecord, TopicSettings
from dekaf.testing.permission import allow_real_kafka
from dekaf.testing.received import (
    ReceivedApiVersions,
    ReceivedInitProducerId,
    ReceivedMetadata,
    ReceivedProduce,
    ReceivedRequest,
    ReceivedSaslAuthenticate,
    ReceivedSaslHandshake,
)
from dekaf.testing.sasl_accounts import AcceptedToken, SaslAccounts
from dekaf.testing.sasl_faults import SaslFault
from dekaf.testing.server_tls import TlsHandshake
from dekaf.testing.topic_messages import TopicMessages
from dekaf.testing.trigger import ALWAYS, Trigger

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
