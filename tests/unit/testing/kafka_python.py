"""Another client's view of the protocol: kafka-python, which reads messages by Kafka's own schemas."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # It opens its schemas in a way that newer Pythons deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kafka import KafkaProducer
    from kafka.protocol.metadata import ApiVersionsResponse, MetadataRequest, MetadataResponse
    from kafka.protocol.producer import InitProducerIdResponse, ProduceResponse

__all__ = (
    "ApiVersionsResponse",
    "InitProducerIdResponse",
    "KafkaProducer",
    "MetadataRequest",
    "MetadataResponse",
    "ProduceResponse",
)
