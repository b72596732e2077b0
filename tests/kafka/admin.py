"""Ask a running cluster through confluent-kafka's AdminClient.

A client lives for one call only: its native threads would make every `os.fork()` of the test process warn (Python
3.12+), and freeing an inherited client in a forked child can hang.
"""

from __future__ import annotations

__lazy_modules__ = ("confluent_kafka", "confluent_kafka.admin")  # from Python 3.15 on, for which there is none yet

import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # two are public names that it forgets to export
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ClusterMetadata,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

__all__ = (
    "allow",
    "alter_broker",
    "broker_ids",
    "create_topics",
    "delete_topic",
    "has_all_leaders",
    "leader_of",
    "recreate_topic",
    "set_scram_password",
    "topic_names",
)

# Connection failures are expected while brokers start or stop; librdkafka would print each of them.
QUIET = {"log_level": 0, "socket.connection.setup.timeout.ms": 2000}


def create_topics(
    bootstrap_servers: str,
    names: Sequence[str],
    *,
    partitions: int,
    replication_factor: int,
    config: Mapping[str, str] | None = None,
    timeout: float = 30,
) -> None:
    """Create topics and return when the leader of every partition serves it.

    A broker is named as leader some milliseconds before it knows of that itself, and refuses what it is sent until
    then: a producer tries again, unless it wants no acknowledgements.

    Args:
        replication_factor: -1 for the broker's default.

    Raises:
        KafkaException: the broker refused.
        TimeoutError: a partition has no leader that serves it after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    topics = [NewTopic(name, partitions, replication_factor, config=dict(config or {})) for name in names]
    for created in client.create_topics(topics, request_timeout=timeout).values():
        created.result()
    for name in names:
        while not _is_served(client, name, partitions, timeout):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {name!r} is without a leader at work in some partition after {timeout} s")
            time.sleep(0.02)  # news reach the brokers a few milliseconds after the controller's answer


def delete_topic(bootstrap_servers: str, name: str, *, timeout: float = 30) -> None:
    """Delete a topic and return when it is gone, so that its name is free again."""
    deadline = time.monotonic() + timeout
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    client.delete_topics([name], operation_timeout=timeout)[name].result()
    while name in client.list_topics(timeout=timeout).topics:
        if time.monotonic() > deadline:
            raise TimeoutError(f"topic {name!r} is still there after {timeout} s")
        time.sleep(0.02)  # as for create_topics


def recreate_topic(bootstrap_servers: str, name: str, *, partitions: int, timeout: float = 30) -> None:
    """Delete a topic, and create another one of its name.

    Releases before KRaft say that a topic is gone before ZooKeeper has forgotten it, and refuse to create it so long.

    Raises:
        KafkaException: the broker refused, for another reason or for longer than `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    delete_topic(bootstrap_servers, name, timeout=timeout)
    while True:
        try:
            create_topics(bootstrap_servers, [name], partitions=partitions, replication_factor=1, timeout=timeout)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def topic_names(bootstrap_servers: str, *, timeout: float = 10) -> set[str]:
    """Return the topics there are."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    return set(client.list_topics(timeout=timeout).topics)


def broker_ids(address: str, *, timeout: float = 2) -> set[int]:
    """Return the brokers that the one at `address` knows as alive; empty when it does not answer."""
    metadata = _metadata(address, timeout)
    return set() if metadata is None else set(metadata.brokers)


def has_all_leaders(address: str, *, timeout: float = 2) -> bool:
    """Tell whether every partition of every topic has a leader, as the broker at `address` sees it."""
    metadata = _metadata(address, timeout)
    return metadata is not None and all(
        partition.leader >= 0 for topic in metadata.topics.values() for partition in topic.partitions.values()
    )


def leader_of(bootstrap_servers: str, topic: str, partition: int, *, timeout: float = 10) -> int:
    """Return the node id of a partition's leader; -1 while there is none."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    leader: int = client.list_topics(topic, timeout=timeout).topics[topic].partitions[partition].leader
    return leader


def set_scram_password(
    bootstrap_servers: str, user: str, password: str, *, mechanism: str, iterations: int, timeout: float = 10
) -> None:
    """Create a user of SCRAM or change its password (KIP-554, since 2.7)."""
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    info = ScramCredentialInfo(ScramMechanism[mechanism.replace("-", "_")], iterations)
    change = UserScramCredentialUpsertion(user, info, password.encode())
    client.alter_user_scram_credentials([change], request_timeout=timeout)[user].result()


def allow(bootstrap_servers: str, principal: str, operations: Mapping[str, str], *, timeout: float = 10) -> None:
    """Let somebody do something to topics, and return when the broker says so itself.

    Args:
        bootstrap_servers: Where nobody has to be somebody.
        principal: Who, such as ``User:alice``.
        operations: By topic, such as ``READ``.
        timeout: Seconds.

    Raises:
        KafkaException: The broker has no authorizer.
        TimeoutError: It does not know of the rules in time.
    """
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    rules = [
        AclBinding(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            principal,
            "*",
            AclOperation[operation],
            AclPermissionType.ALLOW,
        )
        for topic, operation in operations.items()
    ]
    for done in client.create_acls(rules, request_timeout=timeout).values():
        done.result()
    deadline = time.monotonic() + timeout
    anything: Any = None  # which the library takes, and its types do not
    every = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    while len(client.describe_acls(every, request_timeout=timeout).result()) < len(rules):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker does not know of the rules after {timeout} s")
        time.sleep(0.02)  # as for create_topics


def alter_broker(bootstrap_servers: str, broker: int, name: str, value: str, *, timeout: float = 10) -> None:
    """Change a line of a running broker's configuration, as kafka-configs does (KIP-226), and return when it works.

    Raises:
        KafkaException: the broker refused.
        TimeoutError: it accepted, but still has the old value after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    client = AdminClient({"bootstrap.servers": bootstrap_servers, **QUIET})
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.BROKER, str(broker), incremental_configs=[entry])
    client.incremental_alter_configs([change], request_timeout=timeout)[change].result()
    # Answered by this very broker, and not while it is about to change.
    question = ConfigResource(ResourceType.BROKER, str(broker))
    while True:
        found = client.describe_configs([question], request_timeout=timeout)[question].result()
        if name in found and found[name].value == value:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"broker {broker} does not use {name}={value} after {timeout} s")
        time.sleep(0.02)  # as for create_topics


def _metadata(address: str, timeout: float) -> ClusterMetadata | None:
    client = AdminClient({"bootstrap.servers": address, **QUIET})
    try:
        return client.list_topics(timeout=timeout)
    except KafkaException:
        return None


def _is_served(client: AdminClient, topic: str, partitions: int, timeout: float) -> bool:
    found = client.list_topics(topic, timeout=timeout).topics[topic].partitions
    if len(found) != partitions or any(partition.leader < 0 for partition in found.values()):
        return False
    places = {TopicPartition(topic, number): OffsetSpec.latest() for number in found}  # type: ignore[no-untyped-call]  # only a leader can tell
    answers = client.list_offsets(places, request_timeout=timeout).values()
    return all(answer.exception() is None for answer in answers)
