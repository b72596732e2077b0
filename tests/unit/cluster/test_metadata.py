"""The snapshot of the cluster: what an answer changes, and what it must not."""

from __future__ import annotations

import pytest

from dekaf._cluster.metadata import NO_METADATA, Broker, ClusterMetadata, Partition
from dekaf._cluster.topic_life import TopicHistories, TopicNews
from dekaf._protocol.metadata import MetadataBroker, MetadataPartition, MetadataResponse, MetadataTopic
from dekaf.errors import MalformedResponseError

ID = b"i" * 16
OTHER_ID = b"o" * 16
NO_ID = bytes(16)


def topic_of(
    *leaders: tuple[int, int], topic_id: bytes = ID, name: str = "t", error_code: int = 0, first: int = 0
) -> MetadataTopic:
    """Describe a topic by the leader and epoch of each partition, counted from `first`."""
    partitions = tuple(
        MetadataPartition(error_code=0, index=first + at, leader_id=leader, leader_epoch=epoch, replica_nodes=(leader,))
        for at, (leader, epoch) in enumerate(leaders)
    )
    return MetadataTopic(error_code=error_code, name=name, topic_id=topic_id, is_internal=False, partitions=partitions)


def answer(
    *topics: MetadataTopic, brokers: tuple[int, ...] = (1, 2, 3), cluster_id: str | None = "c"
) -> MetadataResponse:
    return MetadataResponse(
        throttle_time_ms=0,
        brokers=tuple(MetadataBroker(node_id=node, host=f"b{node}", port=9090 + node, rack=None) for node in brokers),
        cluster_id=cluster_id,
        controller_id=1,
        topics=tuple(topics),
        error_code=0,
    )


def after(*answers: MetadataResponse) -> ClusterMetadata:
    return updated(NO_METADATA, *answers)


def updated(metadata: ClusterMetadata, *answers: MetadataResponse) -> ClusterMetadata:
    histories = TopicHistories()
    for one in answers:
        metadata = metadata.updated(one, histories, 1).metadata
    return metadata


def leaders(metadata: ClusterMetadata, topic: str = "t") -> list[int]:
    return [metadata.leader(topic, index) for index in range(len(metadata.topics[topic].partitions))]


def test_nothing_is_known_at_first() -> None:
    assert NO_METADATA.leader("t", 0) == -1


def test_answer_is_taken_over() -> None:
    metadata = after(answer(topic_of((1, 0), (2, 5))))

    assert leaders(metadata) == [1, 2]
    assert metadata.brokers[2] == Broker(node_id=2, host="b2", port=9092)
    assert metadata.brokers[2].address == "b2:9092"
    assert (metadata.cluster_id, metadata.controller_id) == ("c", 1)
    assert metadata.leader("t", 7) == metadata.leader("unknown", 0) == -1


def test_snapshot_is_replaced_and_never_edited() -> None:
    before = after(answer(topic_of((1, 0))))
    updated(before, answer(topic_of((2, 1))))

    assert leaders(before) == [1]


def test_topics_that_are_not_mentioned_or_in_trouble_stay() -> None:
    metadata = after(
        answer(topic_of((1, 0)), topic_of((2, 0), name="u", topic_id=OTHER_ID)),
        answer(topic_of(name="t", error_code=3, topic_id=NO_ID)),
    )

    assert (leaders(metadata), leaders(metadata, "u")) == ([1], [2])


def test_older_epoch_is_ignored_for_that_partition_alone() -> None:
    metadata = after(answer(topic_of((1, 5), (1, 5))), answer(topic_of((2, 4), (2, 6))))

    assert leaders(metadata) == [1, 2]


def test_same_epoch_is_taken_over() -> None:
    assert leaders(after(answer(topic_of((1, 5))), answer(topic_of((-1, 5))))) == [-1]


def test_missing_epoch_is_taken_over() -> None:
    """Brokers that answer in old versions have none to tell."""
    assert leaders(after(answer(topic_of((1, 5))), answer(topic_of((2, -1))))) == [2]


def test_partitions_are_added_and_never_taken_away() -> None:
    metadata = after(answer(topic_of((1, 0), (2, 0))))

    assert leaders(updated(metadata, answer(topic_of((1, 2), (1, 2), (1, 2))))) == [1, 1, 1]


def test_answer_with_fewer_partitions_is_old_news() -> None:
    assert leaders(after(answer(topic_of((1, 0), (2, 0))), answer(topic_of((3, 1))))) == [1, 2]


def test_topic_about_which_an_answer_says_nothing_new_stays_the_same_object() -> None:
    """Or a refresh would make a new object of every partition of every topic."""
    metadata = after(answer(topic_of((1, 5), (2, 5))))

    assert updated(metadata, answer(topic_of((1, 5), (3, 4)))).topics["t"] is metadata.topics["t"]
    assert updated(metadata, answer()).brokers is metadata.brokers


def test_what_an_answer_came_to_is_told_topic_by_topic() -> None:
    metadata = after(answer(topic_of((1, 0), (1, 0)), topic_of((1, 0), name="u")))
    update = metadata.updated(
        answer(topic_of((1, 1)), topic_of((1, 0), name="u", topic_id=OTHER_ID), topic_of((1, 0), name="n")),
        TopicHistories(),
        1,
    )

    assert update.named == {"t": TopicNews.STALE, "u": TopicNews.RECREATED, "n": TopicNews.NEW}
    assert update.topics_with(TopicNews.RECREATED) == ["u"]
    assert list(update.without(["n", "u"]).metadata.topics) == ["t"]
    assert update.without(["n", "u"]).named == {"t": TopicNews.STALE}


def test_partition_missing_from_an_answer_has_no_leader() -> None:
    assert leaders(after(answer(topic_of((2, 0), first=2)))) == [-1, -1, 2]


def test_topic_created_anew_starts_afresh_whatever_its_epochs() -> None:
    metadata = after(answer(topic_of((1, 9), (1, 9))), answer(topic_of((2, 0), topic_id=OTHER_ID)))

    assert leaders(metadata) == [2]
    assert metadata.topics["t"].topic_id == OTHER_ID


def test_broker_that_knows_no_ids_does_not_create_the_topic_anew() -> None:
    """While a cluster is upgraded, brokers with and without ids answer in turn."""
    metadata = after(answer(topic_of((1, 5))), answer(topic_of((2, 4), topic_id=NO_ID)))

    assert leaders(metadata) == [1]
    assert metadata.topics["t"].topic_id == ID


def test_epochs_that_begin_again_are_those_of_a_topic_created_anew_once_two_brokers_tell_them() -> None:
    """Without ids there is no other sign, where it has as many partitions; deaf to it, we would wait for ever."""
    metadata, histories = after(answer(topic_of((-1, 3), (1, 0), topic_id=NO_ID))), TopicHistories()
    anew = answer(topic_of((1, 0), (2, 0), topic_id=NO_ID))

    first = metadata.updated(anew, histories, 1)
    second = first.metadata.updated(anew, histories, 2)

    assert leaders(first.metadata) == [-1, 1]
    assert first.named == {"t": TopicNews.DOUBTFUL}
    assert leaders(second.metadata) == [1, 2]
    assert second.named == {"t": TopicNews.RECREATED}


def test_id_learned_later_is_the_same_topic() -> None:
    metadata = after(answer(topic_of((1, 5), topic_id=NO_ID)), answer(topic_of((2, 4))))

    assert leaders(metadata) == [1]
    assert metadata.topics["t"].topic_id == ID
    assert metadata.topics["t"].has_id


def test_leader_whose_address_is_unknown_is_none() -> None:
    metadata = after(answer(topic_of((3, 0)), brokers=(1, 2)))
    assert leaders(metadata) == [-1]

    assert leaders(metadata.with_brokers([Broker(node_id=3, host="b3", port=1)])) == [3]


def test_brokers_are_those_of_the_last_answer() -> None:
    assert set(after(answer(brokers=(1, 2)), answer(brokers=(2, 3))).brokers) == {2, 3}


def test_cluster_id_once_known_is_kept() -> None:
    assert after(answer(cluster_id="c"), answer(cluster_id=None)).cluster_id == "c"


def test_leader_told_by_the_previous_one_is_taken_over() -> None:
    metadata = after(answer(topic_of((1, 5), (1, 5))))

    assert metadata.take_leaders({("t", 0): Partition(leader_id=2, leader_epoch=6)}) == {("t", 0)}
    assert leaders(metadata) == [2, 1]


@pytest.mark.parametrize(
    ("topic", "partition", "leader", "epoch"),
    [("t", 0, 2, 5), ("t", 0, 2, 4), ("t", 9, 2, 6), ("unknown", 0, 2, 6), ("t", 0, 99, 6)],
    ids=["same epoch", "older epoch", "unknown partition", "unknown topic", "unknown broker"],
)
def test_leader_that_is_no_news_changes_nothing(topic: str, partition: int, leader: int, epoch: int) -> None:
    metadata = after(answer(topic_of((1, 5))))

    told = {(topic, partition): Partition(leader_id=leader, leader_epoch=epoch)}
    assert metadata.take_leaders(told) == set()
    assert leaders(metadata) == [1]


def test_answer_older_than_the_hint_does_not_undo_it() -> None:
    moved = after(answer(topic_of((1, 5))))
    moved.take_leaders({("t", 0): Partition(leader_id=2, leader_epoch=6)})

    assert leaders(updated(moved, answer(topic_of((1, 5))))) == [2]


@pytest.mark.parametrize("index", [-1, 10_001, 2**19, 2**31 - 1])
def test_partition_that_cannot_exist_is_refused(index: int) -> None:
    """Every partition has a queue: one damaged bit must not make half a million of them."""
    with pytest.raises(MalformedResponseError, match="cannot exist"):
        after(answer(topic_of((1, 0), first=index)))


def test_topic_may_have_as_many_partitions_as_an_answer_names() -> None:
    many = [(1, 0)] * 20_000

    assert len(leaders(after(answer(topic_of(*many))))) == 20_000
