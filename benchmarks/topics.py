"""A fresh topic for each measurement, its records counted by offsets afterwards, then deleted."""

from __future__ import annotations

__lazy_modules__ = ("confluent_kafka", "confluent_kafka.admin")  # from Python 3.15 on, for which there is none yet

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # a public name that it forgets to export
    AdminClient,
    OffsetSpec,
)

from tests.kafka import KafkaCluster

__all__ = ("count_records", "fresh_topic")

QUIET = {"log_level": 0}
NUMBERS = itertools.count()

# Deleted topics leave the disk and the page cache at once, not a minute later.
CONFIG = {"file.delete.delay.ms": "100"}


@contextmanager
def fresh_topic(cluster: KafkaCluster, *, partitions: int) -> Iterator[str]:
    """Create a topic for one measurement, and delete it after."""
    name = f"bench-{os.getpid()}-{next(NUMBERS)}"
    cluster.create_topic(name, partitions=partitions, config=CONFIG)
    try:
        yield name
    finally:
        client = AdminClient({"bootstrap.servers": cluster.bootstrap_servers, **QUIET})
        for deleted in client.delete_topics([name], operation_timeout=30).values():
            deleted.result()


def count_records(bootstrap_servers: str, topic: str) -> int:
    """Return how many records a topic holds: the sum of its partitions' end offsets, which all began with 0."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    partitions = client.list_topics(topic, timeout=30).topics[topic].partitions
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # it has no annotations
    wanted = {TopicPartition(topic, partition): latest for partition in partitions}
    return sum(found.result().offset for found in client.list_offsets(wanted, request_timeout=30).values())
