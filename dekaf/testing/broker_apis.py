"""What one broker does about a request: check it, change the cluster's state, and say so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dekaf._protocol.error_codes import ErrorCode
from dekaf._wire.writer import NULL_UUID
from dekaf.testing.answers import (
    NO_OPERATIONS,
    AnsweredPartition,
    AnsweredTopic,
    DescribedPartition,
    DescribedTopic,
    api_versions_answer,
    init_producer_id_answer,
    metadata_answer,
    produce_answer,
)
from dekaf.testing.broker_versions import AdvertisedVersions
from dekaf.testing.cluster_state import ClusterState, Partition, ProduceAttempt, Topic
from dekaf.testing.faults import WHOLE_REQUEST, PartitionFault, Plan, Target
from dekaf.testing.partition_log import AppendResult
from dekaf.testing.received import (
    ProducedBatch,
    ReceivedApiVersions,
    ReceivedInitProducerId,
    ReceivedMetadata,
    ReceivedProduce,
    ReceivedRequest,
)
from dekaf.testing.record_reader import BatchHeader, UnreadableBatchError

__all__ = ("ACKS_NONE", "BrokerApis", "Outcome", "targets_of")

ACKS_NONE: Final = 0
_LEGAL_ACKS: Final = frozenset({-1, 0, 1})
_ACKS_ALL: Final = -1
# A broker refuses anything else (KIP-511).
_SOFTWARE_TOKEN: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
_TOPIC_NAME: Final = re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9._\-]{1,249}")
_WRITE: Final = 1 << 4  # Kafka's AclOperation, by code
_DESCRIBE: Final = 1 << 8
_FIRST_PRODUCE_WITH_IDS: Final = 13
_NO_FAULT: Final = PartitionFault()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The body of an answer, and whether it tells of an error; a client that wants no answer is cut off then."""

    body: bytes
    is_failed: bool = False


def targets_of(request: ReceivedRequest, state: ClusterState) -> list[Target]:
    """Return what of a request a fault may concern."""
    if isinstance(request, ReceivedProduce):
        return list(request.partitions)
    if not isinstance(request, ReceivedMetadata):
        return [WHOLE_REQUEST]
    targets = [WHOLE_REQUEST]
    for name in _topics_asked_for(request, state):
        topic = state.topics.get(name)
        targets.append((name, -1))
        targets.extend((name, partition.index) for partition in (topic.partitions if topic else ()))
    return targets


class BrokerApis:
    """The APIs of one broker; called on the cluster's thread."""

    def __init__(self, state: ClusterState, node_id: int) -> None:
        self._state = state
        self._node_id = node_id

    def answer(self, request: ReceivedRequest, plan: Plan, versions: AdvertisedVersions) -> Outcome:
        """Do what a request asks for, or what the plan says instead, and return the answer."""
        with self._state.changed:
            outcome = self._answer_locked(request, plan, versions)
            self._state.changed.notify_all()
        return outcome

    def _answer_locked(self, request: ReceivedRequest, plan: Plan, versions: AdvertisedVersions) -> Outcome:
        if isinstance(request, ReceivedProduce):
            return self._produce(request, plan)
        if isinstance(request, ReceivedMetadata):
            return self._metadata(request, plan)
        if isinstance(request, ReceivedInitProducerId):
            return self._init_producer_id(request, plan)
        assert isinstance(request, ReceivedApiVersions)
        return self._api_versions(request, plan, versions)

    # ApiVersions.

    def _api_versions(self, request: ReceivedApiVersions, plan: Plan, versions: AdvertisedVersions) -> Outcome:
        scripted = plan.partitions.get(WHOLE_REQUEST, _NO_FAULT).error_code
        error_code = self._greeting_error(request) if scripted is None else scripted
        # A broker that does not know the version can only answer in the oldest one.
        version = 0 if error_code == ErrorCode.UNSUPPORTED_VERSION else request.version
        ranges = versions if error_code == ErrorCode.NONE else {}
        body = api_versions_answer(version, error_code=error_code, ranges=ranges, throttle_time_ms=plan.throttle_ms)
        return Outcome(body, is_failed=error_code != ErrorCode.NONE)

    def _greeting_error(self, request: ReceivedApiVersions) -> int:
        if request.version >= 3:
            tokens = (request.client_software_name, request.client_software_version)
            if not all(_SOFTWARE_TOKEN.fullmatch(token) for token in tokens):
                return ErrorCode.INVALID_REQUEST
        if (request.cluster_id is None) != (request.expected_node_id == -1):
            return ErrorCode.INVALID_REQUEST
        if request.cluster_id not in {None, self._state.cluster_id}:
            return ErrorCode.REBOOTSTRAP_REQUIRED
        if request.expected_node_id not in {-1, self._node_id}:
            return ErrorCode.REBOOTSTRAP_REQUIRED
        return ErrorCode.NONE

    # Metadata.

    def _metadata(self, request: ReceivedMetadata, plan: Plan) -> Outcome:
        whole = plan.partitions.get(WHOLE_REQUEST, _NO_FAULT).error_code
        # Only this error stands above the topics; every other one stands at each of them.
        top_level = whole if whole == ErrorCode.REBOOTSTRAP_REQUIRED else ErrorCode.NONE
        topics = [] if top_level else list(self._describe_topics(request, plan))
        if self._node_id in self._state.frozen:
            self._state.stale_answers[self._node_id] = self._state.stale_answers.get(self._node_id, 0) + 1
        endpoints = self._state.endpoints
        return Outcome(
            metadata_answer(
                request.version,
                brokers=[endpoints[node] for node in sorted(endpoints)] if plan.has_brokers else [],
                cluster_id=self._state.strangers.get(self._node_id, self._state.cluster_id),
                topics=topics,
                error_code=top_level,
                throttle_time_ms=plan.throttle_ms,
            )
        )

    def _describe_topics(self, request: ReceivedMetadata, plan: Plan) -> Iterator[DescribedTopic]:
        for name in _topics_asked_for(request, self._state):
            fault = plan.partitions.get((name, -1), _NO_FAULT)
            if not fault.omit:
                yield self._describe_topic(name, request, plan, fault)
        for topic_id in request.topic_ids:
            if self._state.topic_by_id(topic_id) is None:
                yield DescribedTopic(error_code=ErrorCode.UNKNOWN_TOPIC_ID, name=None, topic_id=topic_id)

    def _describe_topic(
        self, name: str, request: ReceivedMetadata, plan: Plan, fault: PartitionFault
    ) -> DescribedTopic:
        error_code = self._topic_error(name, request) if fault.error_code is None else fault.error_code
        topic = self._state.described_by(self._node_id).get(name)
        if error_code != ErrorCode.NONE or topic is None:
            return DescribedTopic(error_code=error_code, name=name, topic_id=NULL_UUID)
        return DescribedTopic(
            error_code=ErrorCode.NONE,
            name=name,
            topic_id=topic.topic_id,
            partitions=self._describe_partitions(topic, plan),
            operations=_operations(topic) if request.wants_operations else NO_OPERATIONS,
        )

    def _describe_partitions(self, topic: Topic, plan: Plan) -> list[DescribedPartition]:
        described: list[DescribedPartition] = []
        for partition in topic.partitions:
            fault = plan.partitions.get((topic.name, partition.index), _NO_FAULT)
            if fault.omit:
                continue
            leader, epoch = fault.leader or (partition.leader, partition.leader_epoch)
            error_code: int = ErrorCode.LEADER_NOT_AVAILABLE if leader is None else ErrorCode.NONE
            if fault.error_code is not None and fault.leader is None:
                error_code, leader = fault.error_code, None
            described.append(
                DescribedPartition(
                    error_code=error_code,
                    index=partition.index,
                    leader_id=-1 if leader is None else leader,
                    leader_epoch=epoch,
                    replicas=sorted(self._state.endpoints),
                )
            )
        return described

    def _topic_error(self, name: str, request: ReceivedMetadata) -> int:
        if name in self._state.described_by(self._node_id):
            return ErrorCode.NONE
        if not _TOPIC_NAME.fullmatch(name):
            return ErrorCode.INVALID_TOPIC_EXCEPTION
        if self._state.auto_create_topics and request.allow_auto_topic_creation:
            # As in a cluster with KRaft: the topic is there from the next request on.
            self._state.create_topic(name, 1)
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    # InitProducerId.

    def _init_producer_id(self, request: ReceivedInitProducerId, plan: Plan) -> Outcome:
        scripted = plan.partitions.get(WHOLE_REQUEST, _NO_FAULT).error_code
        error_code = _identity_error(request) if scripted is None else scripted
        producer_id, epoch = self._state.grant_producer_id() if error_code == ErrorCode.NONE else (-1, -1)
        return Outcome(
            init_producer_id_answer(
                request.version,
                error_code=error_code,
                producer_id=producer_id,
                producer_epoch=epoch,
                throttle_time_ms=plan.throttle_ms,
            )
        )

    # Produce.

    def _produce(self, request: ReceivedProduce, plan: Plan) -> Outcome:
        self._look_for_violations(request)
        topics: dict[str, AnsweredTopic] = {}
        is_failed = False
        for batch in request.batches:
            fault = plan.partitions.get((batch.topic, batch.partition), _NO_FAULT)
            answered = self._produce_batch(request, batch, fault)
            is_failed = is_failed or answered.error_code != ErrorCode.NONE
            if not fault.omit:
                _add(topics, batch.topic, batch.topic_id, answered)
        if plan.extra_partition is not None:
            name, index = plan.extra_partition
            _add(topics, name, self._state.topic_id(name), AnsweredPartition(index=index, error_code=0, base_offset=0))
        named = {partition.leader[0] for topic in topics.values() for partition in topic.partitions if partition.leader}
        body = produce_answer(
            request.version,
            topics=list(topics.values()),
            endpoints=[self._state.endpoints[node] for node in sorted(named) if node in self._state.endpoints],
            throttle_time_ms=plan.throttle_ms,
        )
        return Outcome(body, is_failed)

    def _produce_batch(
        self, request: ReceivedProduce, batch: ProducedBatch, fault: PartitionFault
    ) -> AnsweredPartition:
        result: AppendResult | None = None
        leader: tuple[int, int] | None = fault.leader
        if fault.append:
            partition = self._state.partition(batch.topic, batch.partition)
            refusal = self._refusal(request, batch, partition)
            if refusal == ErrorCode.NONE and partition is not None:
                result = partition.log.append(batch.batch, version=request.version)
            else:
                result = AppendResult(error_code=refusal)
            if refusal == ErrorCode.NOT_LEADER_OR_FOLLOWER and partition is not None:
                leader = leader or self._leader_hint(partition)
        answered = _answered(batch, result, fault, leader)
        self._note_attempt(request, batch, result, answered.error_code)
        return answered

    def _refusal(self, request: ReceivedProduce, batch: ProducedBatch, partition: Partition | None) -> ErrorCode:
        if request.acks not in _LEGAL_ACKS:
            return ErrorCode.INVALID_REQUIRED_ACKS
        if request.transactional_id is not None:
            return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        # Again, although it had a name when it arrived: a fault may have held it while the topic was created anew.
        if request.version >= _FIRST_PRODUCE_WITH_IDS and batch.topic_id != self._state.topic_id(batch.topic):
            return ErrorCode.UNKNOWN_TOPIC_ID
        if partition is None:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return self._refusal_of_partition(batch.topic, partition)

    def _refusal_of_partition(self, topic: str, partition: Partition) -> ErrorCode:
        if not self._state.topics[topic].settings.is_writable:
            return ErrorCode.TOPIC_AUTHORIZATION_FAILED
        if partition.leader != self._node_id:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        return ErrorCode.NONE

    def _leader_hint(self, partition: Partition) -> tuple[int, int] | None:
        if not self._state.leader_hints or partition.leader is None:
            return None
        return partition.leader, partition.leader_epoch

    def _look_for_violations(self, request: ReceivedProduce) -> None:
        # By id as well: those of topics that are gone have no name any more.
        places = [(batch.topic, batch.topic_id, batch.partition) for batch in request.batches]
        for place in sorted(set(places)):
            if places.count(place) > 1:
                self._state.note_violation(f"{place[0]}-{place[2]} stands twice in one Produce request")

    def _note_attempt(
        self, request: ReceivedProduce, batch: ProducedBatch, result: AppendResult | None, error_code: int
    ) -> None:
        header = _header_of(batch)
        place = f"{batch.topic}-{batch.partition}"
        for violation in result.violations if result is not None else ():
            self._state.note_violation(f"{place}: {violation}")
        if header is not None and header.producer_id >= 0 and request.acks != _ACKS_ALL:
            self._state.note_violation(f"{place}: an idempotent batch with acks {request.acks}")
        self._state.attempts.append(
            ProduceAttempt(
                request=request,
                node_id=request.node_id,
                connection=request.connection,
                received_at=request.received_at,
                topic=batch.topic,
                partition=batch.partition,
                batch=batch.batch,
                header=header,
                result=result,
                error_code=error_code,
            )
        )


def _operations(topic: Topic) -> int:
    """Return what a client may do to a topic: a bit for each operation."""
    return _DESCRIBE | (_WRITE if topic.settings.is_writable else 0)


def _topics_asked_for(request: ReceivedMetadata, state: ClusterState) -> Sequence[str]:
    if request.topics is None:
        return sorted(state.topics)
    by_id = [state.topic_name(topic_id) for topic_id in request.topic_ids]
    return [*request.topics, *[name for name in by_id if name]]


def _identity_error(request: ReceivedInitProducerId) -> int:
    if request.transactional_id == "" or (request.producer_id == -1) != (request.producer_epoch == -1):
        return ErrorCode.INVALID_REQUEST
    # Without a transactional id brokers do not look at the timeout: librdkafka sends -1.
    return ErrorCode.NONE if request.transactional_id is None else ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def _answered(
    batch: ProducedBatch, result: AppendResult | None, fault: PartitionFault, leader: tuple[int, int] | None
) -> AnsweredPartition:
    if fault.error_code is not None:
        return AnsweredPartition(
            index=batch.partition,
            error_code=fault.error_code,
            record_errors=fault.record_errors,
            message=fault.message,
            leader=leader,
        )
    assert result is not None
    return AnsweredPartition(
        index=batch.partition,
        error_code=result.error_code,
        base_offset=result.base_offset,
        log_append_time_ms=result.log_append_time_ms,
        record_errors=result.record_errors,
        message=result.message,
        leader=leader,
    )


def _add(topics: dict[str, AnsweredTopic], name: str, topic_id: bytes, answered: AnsweredPartition) -> None:
    topic = topics.setdefault(name or topic_id.hex(), AnsweredTopic(name=name, topic_id=topic_id))
    topic.partitions.append(answered)


def _header_of(batch: ProducedBatch) -> BatchHeader | None:
    try:
        return BatchHeader.read(batch.batch or b"")
    except UnreadableBatchError:
        return None
