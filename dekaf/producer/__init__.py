"""The producer: two faces, one engine."""

from __future__ import annotations

from dekaf.producer.async_producer import AsyncProducer
from dekaf.producer.config import ProducerConfig, ProducerOptions
from dekaf.producer.produced import ProducedMessages, RecordedMessage
from dekaf.producer.sync_producer import Producer
from dekaf.producer.topic_views import AsyncTopicProducer, TopicProducer

__all__ = (
    "AsyncProducer",
    "AsyncTopicProducer",
    "ProducedMessages",
    "Producer",
    "ProducerConfig",
    "ProducerOptions",
    "RecordedMessage",
    "TopicProducer",
)
