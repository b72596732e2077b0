"""What is left of one cluster when the bootstrap servers lead to another."""

from __future__ import annotations

import logging

import pytest

from dekaf._cluster.metadata import NO_LEADER
from dekaf._protocol.error_codes import ErrorCode
from dekaf.producer._engine.replaced_cluster import ReplacedCluster
from dekaf.producer._engine.statistics import ProducerStatistics
from tests.unit.producer.engine.test_recreated_topics import Desk


def adopt(desk: Desk) -> ProducerStatistics:
    statistics = ProducerStatistics()
    replaced = ReplacedCluster(desk.accumulator, desk.cluster, desk.producer_id, desk.completion, statistics)
    replaced.adopt("other")
    desk.heard.notify_all()
    return statistics


def test_identity_is_dropped_and_nothing_is_known() -> None:
    desk = Desk()
    desk.cluster.refresher.has_become_known("t")
    statistics = adopt(desk)

    assert desk.producer_id.identity is None
    assert statistics.producer_id_resets == 1
    assert desk.cluster.metadata.topics == {}
    assert {int(queue.leader) for queue in desk.topic.partitions} == {NO_LEADER}
    assert desk.cluster.refresher.question(0.0).topics == ["t"]


def test_what_waits_for_a_topic_may_have_it_created_there() -> None:
    desk = Desk()
    desk.cluster.refresher.has_become_known("t")
    desk.add(0)
    adopt(desk)

    assert desk.cluster.refresher.question(0.0).may_create


def test_what_may_be_in_the_cluster_before_fails_and_the_rest_stays(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    (lost, lost_notes), (refused, refused_notes) = desk.send(0), desk.send(1)
    _, waiting_notes = desk.add(2)
    desk.complete(lost, ErrorCode.NETWORK_EXCEPTION)
    desk.complete(refused, ErrorCode.NOT_ENOUGH_REPLICAS)
    with caplog.at_level(logging.WARNING):
        adopt(desk)

    ((_, error),) = lost_notes
    assert error is not None
    assert (error.is_retriable, error.may_be_persisted) == (True, True)
    assert refused_notes == waiting_notes == []
    assert desk.topic.partitions[1].retries == [refused]
    assert len(desk.topic.partitions[2].full) == 1
    assert len(caplog.records) == 1
