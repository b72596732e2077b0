"""Topics that are created anew, moved, forgotten and described by brokers with old metadata, with faults in between.

Whatever happens: every record is answered; none is twice, or out of turn, in a log; one that is delivered is in the log
that there was; and one that is not persisted is not in the log there is. `DEKAF_CHAOS_SEEDS` runs more seeds.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from dekaf.testing import ApiKey, ErrorCode, FakeCluster, Held, LoggedRecord
from tests.scenarios.faces import ThreadFace, eventually
from tests.scenarios.invariants import Ledger, Outcome

SEEDS = max(8, int(os.environ.get("DEKAF_CHAOS_SEEDS", "0")))
STEPS = 40
NODES = 3
CODES = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.INVALID_TIMESTAMP,
    ErrorCode.MESSAGE_TOO_LARGE,
)

Log = list[LoggedRecord]


class Story:
    """One seed's cluster, and what becomes of its topic."""

    def __init__(self, cluster: FakeCluster, chance: random.Random) -> None:
        self.cluster = cluster
        self.logs: list[Log] = []  # of every life of each partition
        self._chance = chance
        self._held: list[Held] = []
        self._events: tuple[Callable[[], object], ...] = (
            self._recreate,
            self._move,
            self._fail,
            self._fail,
            self._hold,
            lambda: cluster.on(ApiKey.PRODUCE).close_after_append(),
            lambda: cluster.on(ApiKey.PRODUCE).close_before_append(),
            lambda: cluster.freeze_metadata(chance.choice((1, 2))),
            self._thaw,
            lambda: time.sleep(0.02),  # long enough to be forgotten
        )

    def step(self) -> None:
        """Let something happen."""
        self._chance.choice(self._events)()

    def end(self) -> None:
        """Let everything work again."""
        self.cluster.clear_faults()
        self._thaw()

    def take_logs(self) -> None:
        """Note the logs as they are."""
        for partition in range(self._partitions()):
            self.logs.append(self.cluster.log("t", partition))

    def _partitions(self) -> int:
        return len(self.cluster._state.topics["t"].partitions)

    def _recreate(self) -> None:
        with self.cluster._state.changed:  # nothing is written in between
            self.take_logs()
            self.cluster.create_topic("t", self._chance.choice((1, 2, 4)))

    def _move(self) -> None:
        self.cluster.move_leader("t", self._chance.randrange(self._partitions()), self._chance.randint(1, NODES))

    def _fail(self) -> None:
        self.cluster.on(ApiKey.PRODUCE, nth=self._chance.randint(1, 3)).fail(self._chance.choice(CODES))

    def _hold(self) -> None:
        for held in self._held:
            held.release()
        self._held = [self.cluster.on(ApiKey.PRODUCE).hold(times=1, before_append=self._chance.random() < 0.5)]

    def _thaw(self) -> None:
        for node in (1, 2):
            self.cluster.thaw_metadata(node)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_topics_may_change_at_any_moment(seed: int) -> None:
    chance = random.Random(seed)
    with FakeCluster(nodes=NODES, topics={"t": 3}, kafka=chance.choice(("4.3", "4.3", "3.9"))) as cluster:
        story = Story(cluster, chance)
        with ThreadFace(
            cluster.bootstrap_servers,
            batch_size=chance.choice((160, 2_000)),
            request_timeout_ms=400,
            metadata_max_age_ms=chance.choice((10, 100)),
            metadata_max_idle_ms=chance.choice((10, 300_000)),
            max_in_flight_requests_per_connection=chance.choice((1, 5)),
        ) as face:
            ledger = Ledger(face, "t")
            for _ in range(STEPS):
                ledger.produce(chance.randint(1, 20), partition=None, key=b"%d" % chance.randrange(20))
                story.step()
                time.sleep(chance.random() * 0.01)
            story.end()
            outcomes = ledger.outcomes()
            eventually(lambda: face.status().buffered_bytes == 0)
        present = len(story.logs)
        story.take_logs()

        _check(story.logs, present, outcomes)
        assert cluster.violations == []


def _check(logs: list[Log], present: int, outcomes: list[Outcome]) -> None:
    """Check the logs, of which those from `present` on are of the topic there is, against what was told."""
    written = Counter(record.value for log in logs for record in log)
    for log in logs:
        values = Counter(record.value for record in log)
        assert [value for value, count in values.items() if count > 1] == []
    here = {record.value for log in logs[present:] for record in log}
    places = {(record.value, record.partition, record.offset) for log in logs for record in log}
    turn = {}
    for number, outcome in enumerate(outcomes):
        if outcome.metadata is not None:
            turn[outcome.value] = number
            metadata = outcome.metadata
            assert (outcome.value, metadata.partition, metadata.offset) in places, outcome
        else:
            assert outcome.error is not None
            assert outcome.error.may_be_persisted or outcome.value not in here, outcome
    for log in logs:
        # One that went into two lives was told where it came first, or last: only its own turn counts, once.
        order = [turn[record.value] for record in log if record.value in turn and written[record.value] == 1]
        assert order == sorted(order)
