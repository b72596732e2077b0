"""What may happen in a story, each kind with how often it does in comparison."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from dekaf.producer import AsyncProducer, Producer
from dekaf.testing import ApiKey, ErrorCode, Trigger
from tests.stories.plot import NODES, Plot
from tests.stories.stage import Stage

__all__ = ("EVENTS", "Scene", "choose_event")

# Refused before anything is written, and sent again.
RETRIABLE: Final = (
    ErrorCode.CORRUPT_MESSAGE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.UNKNOWN_TOPIC_ID,
)
# Written, or not: the answer does not tell.
AMBIGUOUS: Final = (
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.KAFKA_STORAGE_ERROR,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_SERVER_ERROR,
)
SEQUENCES: Final = (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.UNKNOWN_PRODUCER_ID)
REFUSALS: Final = (
    ErrorCode.INVALID_RECORD,
    ErrorCode.INVALID_TIMESTAMP,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.INVALID_PRODUCER_EPOCH,
)


@dataclass(slots=True)
class Scene:
    """What an event works with.

    Args:
        plot: what the seed decided.
        stage: the cluster.
        producer: the producer.
        chance: where whatever is left open comes from.
        topic: where the next messages go, and most of what happens.
        partition: likewise; None if their keys decide.
    """

    plot: Plot
    stage: Stage
    producer: Producer[Any, Any] | AsyncProducer[Any, Any]
    chance: random.Random
    topic: str
    partition: int | None = None

    def move_on(self) -> None:
        """Choose where the next messages go."""
        self.topic = self.chance.choice(tuple(self.plot.topics))
        has_keys = self.chance.random() < 0.4
        self.partition = None if has_keys else self.chance.randrange(max(1, self.stage.partitions(self.topic)))

    def place(self) -> tuple[str, int]:
        """Return the partition that something happens to."""
        if self.partition is not None and self.chance.random() < 0.7:
            return self.topic, self.partition
        return self.topic, self.chance.randrange(max(1, self.stage.partitions(self.topic)))

    def requests(self) -> Trigger:
        """Choose a coming Produce request."""
        topic, partition = self.place()
        return self.stage.cluster.on(
            ApiKey.PRODUCE, topic=topic, partition=partition, nth=self.chance.choice((1, 1, 1, 2, 3))
        )


Event = Callable[[Scene], object]


# Answers.


def _refuse(scene: Scene) -> None:
    scene.requests().fail(scene.chance.choice(RETRIABLE), times=scene.chance.randint(1, 3))


def _leave_in_doubt(scene: Scene) -> None:
    scene.requests().fail(scene.chance.choice(AMBIGUOUS), after_append=scene.chance.random() < 0.6)


def _doubt_sequence(scene: Scene) -> None:
    scene.requests().fail(scene.chance.choice(SEQUENCES))


def _refuse_for_good(scene: Scene) -> None:
    code = scene.chance.choice(REFUSALS)
    records = {0: "this one"} if code == ErrorCode.INVALID_RECORD and scene.chance.random() < 0.5 else None
    scene.requests().fail(code, record_errors=records)


def _split(scene: Scene) -> None:
    scene.requests().fail(ErrorCode.MESSAGE_TOO_LARGE, times=scene.chance.randint(1, 2))


def _throttle(scene: Scene) -> None:
    api = scene.chance.choice((ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID))
    scene.stage.cluster.on(api).throttle(scene.chance.randint(1, 30))


def _delay(scene: Scene) -> None:
    scene.requests().delay(scene.chance.uniform(0.001, 0.03))


def _say_nothing(scene: Scene) -> None:
    scene.requests().never_answer(append=scene.chance.random() < 0.5)


def _answer_for_others(scene: Scene) -> None:
    on = scene.requests()
    if scene.chance.random() < 0.5:
        on.omit_partition()
    else:
        on.add_partition(scene.topic, 99)


# Connections.


def _break_connection(scene: Scene) -> None:
    on = scene.requests()
    scene.chance.choice((on.close_before_append, on.close_after_append, on.close_after_append, on.reset))()


def _answer_badly(scene: Scene) -> None:
    on = scene.requests()
    scene.chance.choice((on.half_a_frame, on.truncate, on.wrong_correlation_id, on.garbage))()


def _disturb_other_requests(scene: Scene) -> None:
    on = scene.stage.cluster.on(
        scene.chance.choice((ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID, ApiKey.API_VERSIONS)),
    )
    scene.chance.choice((on.close_before_append, on.reset, on.half_a_frame, on.garbage, on.truncate))()


# Leaders and brokers.


def _move_leader(scene: Scene) -> None:
    running = scene.stage.running()
    scene.stage.move_leader(*scene.place(), scene.chance.choice([*running, *running, None]))


def _stop_broker(scene: Scene) -> None:
    chance = scene.chance
    scene.stage.stop_broker(chance.randint(1, NODES), elect=chance.random() < 0.7, new_port=chance.random() < 0.3)


def _start_brokers(scene: Scene) -> None:
    scene.stage.start_brokers()


def _freeze_broker(scene: Scene) -> None:
    scene.stage.freeze_broker(scene.chance.randint(1, NODES))


def _hold_one(scene: Scene) -> None:
    scene.stage.held.append(scene.requests().hold(times=1, before_append=scene.chance.random() < 0.7))


def _thaw_brokers(scene: Scene) -> None:
    scene.stage.thaw_brokers()


def _freeze_metadata(scene: Scene) -> None:
    scene.stage.cluster.freeze_metadata(scene.chance.randint(1, NODES))


# Topics.


def _recreate(scene: Scene) -> None:
    topic = scene.topic
    scene.stage.recreate(topic, max(1, scene.stage.partitions(topic)))


def _shrink(scene: Scene) -> None:
    topic = scene.topic
    scene.stage.recreate(topic, max(1, scene.stage.partitions(topic) - scene.chance.randint(1, 3)))


def _delete(scene: Scene) -> None:
    scene.stage.delete(scene.topic)


def _grow(scene: Scene) -> None:
    scene.stage.grow(scene.topic)


def _forget_producers(scene: Scene) -> None:
    scene.stage.forget_producers(scene.topic)
    if scene.chance.random() < 0.6:  # what comes next is refused, and what is behind it finds a broker without memory
        on = scene.requests()
        on.fail(scene.chance.choice((ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.MESSAGE_TOO_LARGE)))


# The process.


def _freeze_producer(scene: Scene) -> None:
    scene.stage.freeze_producer(scene.producer)


def _thaw_producer(scene: Scene) -> None:
    scene.stage.thaw_producer()


EVENTS: Final[dict[Event, int]] = {
    _refuse: 6,
    _leave_in_doubt: 8,
    _doubt_sequence: 4,
    _refuse_for_good: 3,
    _split: 4,
    _throttle: 3,
    _delay: 3,
    _say_nothing: 3,
    _answer_for_others: 2,
    _break_connection: 8,
    _answer_badly: 4,
    _disturb_other_requests: 4,
    _move_leader: 8,
    _stop_broker: 3,
    _start_brokers: 4,
    _freeze_broker: 2,
    _hold_one: 5,
    _thaw_brokers: 5,
    _freeze_metadata: 2,
    _recreate: 2,
    _shrink: 2,
    _delete: 1,
    _grow: 2,
    _forget_producers: 6,
    _freeze_producer: 3,
    _thaw_producer: 6,
}


def choose_event(chance: random.Random) -> Event:
    """Return one of the events."""
    return chance.choices(tuple(EVENTS), tuple(EVENTS.values()))[0]
