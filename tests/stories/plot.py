"""What a seed decides before its story begins: the cluster, its topics, and the producer's face and options."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from dekaf.producer import ProducerOptions
from dekaf.testing import TopicSettings
from dekaf.types import Acks

__all__ = ("NODES", "Ending", "FaceKind", "Plot", "TopicPlan", "draw")

NODES: Final = 3
ENOUGH_MEMORY: Final = 1_000_000  # bytes, for all that a story produces
# Releases by which APIs they lack: no topic ids, no KIP-951, Produce by name, Produce by id.
RELEASES: Final = ("2.4", "2.8", "3.9", "4.0", "4.3", "4.3", "4.3")


class FaceKind(Enum):
    """Who produces."""

    THREAD = "thread"
    LOOP = "loop"


class Ending(Enum):
    """How a story ends."""

    HEALED = "healed"  # everything works again, and everything has its outcome before the producer is closed
    ABRUPT = "abrupt"  # closed amid the trouble, with little time


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic as the story finds it."""

    partitions: int
    settings: TopicSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is settled before anything happens.

    Args:
        seed: everything else comes from it.
        kafka: the brokers' release.
        topics: by name.
        face: who produces.
        acks: whose acknowledgement the producer waits for.
        options: the producer's, without what the story itself puts in: servers, serializers, partitioner.
        has_slow_code: the user's callbacks, partitioner, serializer and log handler take their time.
        ending: how it ends.
        steps: how many things happen.
    """

    seed: int
    kafka: str
    topics: Mapping[str, TopicPlan]
    face: FaceKind
    acks: Acks
    options: ProducerOptions
    has_slow_code: bool
    ending: Ending
    steps: int = field(default=32)

    @property
    def is_idempotent(self) -> bool:
        """Whether brokers recognise what is repeated."""
        return self.acks is Acks.ALL and self.options.get("enable_idempotence") is not False

    @property
    def keeps_order(self) -> bool:
        """Whether order is promised: by sequence numbers, or by one request at a time.

        Without acknowledgements none is waited for, and a broker may read what lies in a connection that has ended
        after what comes over the next one.
        """
        is_one_at_a_time = self.options["max_in_flight_requests_per_connection"] == 1
        return self.is_idempotent or (is_one_at_a_time and self.acks is not Acks.NONE)

    @property
    def tasks_wait_in_line(self) -> bool:
        """Whether messages are awaited by tasks of their own, for which there may be no space at once.

        One that gets its turn may be overtaken by a call that finds space before it runs: order is promised within a
        thread, or a task.
        """
        return self.face is FaceKind.LOOP and self.options["buffer_memory"] < ENOUGH_MEMORY


def draw(seed: int) -> Plot:
    """Return the plot of a seed."""
    chance = random.Random(seed)
    acks = chance.choice((Acks.ALL, Acks.ALL, Acks.ALL, Acks.ALL, Acks.LEADER, Acks.NONE))
    return Plot(
        seed=seed,
        kafka=chance.choice(RELEASES),
        topics={name: _draw_topic(chance) for name in ("t", "u", "v")[: chance.choice((1, 1, 2, 3))]},
        face=chance.choice(tuple(FaceKind)),
        acks=acks,
        options=_draw_options(chance, acks),
        has_slow_code=chance.random() < 0.25,
        ending=Ending.ABRUPT if chance.random() < 0.2 else Ending.HEALED,
    )


def _draw_topic(chance: random.Random) -> TopicPlan:
    # A third of all topics takes no batch that is as large as the producer's: what is too large is split.
    limit = chance.choice((200, 420)) if chance.random() < 0.35 else 1_048_588
    settings = TopicSettings(max_message_bytes=limit, log_append_time=chance.random() < 0.1)
    return TopicPlan(partitions=chance.choice((1, 2, 3, 6)), settings=settings)


def _draw_options(chance: random.Random, acks: Acks) -> ProducerOptions:
    # Short, so that many time-outs happen; long enough for healthy batches to have a chance in between.
    life = chance.choice((60, 150, 3_000, 3_000))
    options: ProducerOptions = {
        "acks": acks,
        "batch_size": chance.choice((100, 300, 1_000, 16_384)),
        "linger_ms": chance.choice((0, 1, 5)),
        "request_timeout_ms": min(life, 150),
        "delivery_timeout_ms": life + 5,
        "produce_timeout_ms": chance.choice((life // 2, life + 5)),
        "max_block_ms": chance.choice((5, 30)),
        "unavailable_after_ms": chance.choice((None, 30, 5_000)),
        "retry_backoff_ms": 2,
        "retry_backoff_max_ms": 10,
        "reconnect_backoff_ms": 2,
        "reconnect_backoff_max_ms": 10,
        "max_in_flight_requests_per_connection": chance.choice((1, 2, 5, 5, 5)),
        "compression_type": chance.choice(("none", "none", "gzip")),
        "buffer_memory": chance.choice((8_000, ENOUGH_MEMORY, ENOUGH_MEMORY)),
        "metadata_max_age_ms": chance.choice((10, 100, 5_000)),
        "metadata_max_idle_ms": chance.choice((10, 40, 300_000)),
        "allow_auto_create_topics": False,
    }
    if acks is Acks.ALL and chance.random() < 0.1:
        options["enable_idempotence"] = False
    return options
