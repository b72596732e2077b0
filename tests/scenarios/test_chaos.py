"""Random faults on three brokers: whatever happens, nothing is lost, doubled or overtaken, and everything is answered.

`DEKAF_CHAOS_SEEDS` runs more seeds than the few of an ordinary run, and `DEKAF_CHAOS_FIRST` begins elsewhere.
"""

from __future__ import annotations

import concurrent.futures
import os
import random
import time
from collections.abc import Callable

import pytest

from dekaf.producer import ProducerOptions
from dekaf.testing import ApiKey, ErrorCode, FakeCluster, Held, Trigger
from dekaf.types import Acks
from tests.scenarios.faces import Face, LoopFace, ThreadFace
from tests.scenarios.invariants import Ledger, Outcome, keep_promises, leave_nothing_behind

SEEDS = int(os.environ.get("DEKAF_CHAOS_SEEDS", "40"))
FIRST = int(os.environ.get("DEKAF_CHAOS_FIRST", "0"))
STEPS = 40
PARTITIONS = 3
NODES = 3

RETRIABLE = (
    ErrorCode.CORRUPT_MESSAGE,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.NOT_ENOUGH_REPLICAS,
    ErrorCode.KAFKA_STORAGE_ERROR,
    ErrorCode.UNKNOWN_TOPIC_ID,
)
AMBIGUOUS = (
    ErrorCode.REQUEST_TIMED_OUT,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode.KAFKA_STORAGE_ERROR,
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_SERVER_ERROR,
)
SEQUENCES = (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.UNKNOWN_PRODUCER_ID)
REFUSALS = (
    ErrorCode.MESSAGE_TOO_LARGE,
    ErrorCode.INVALID_RECORD,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.INVALID_PRODUCER_EPOCH,
)

Strike = Callable[[Trigger, random.Random], object]

STRIKES: tuple[Strike, ...] = (
    lambda on, chance: on.fail(chance.choice(RETRIABLE), times=chance.randint(1, 3)),
    lambda on, chance: on.fail(chance.choice(AMBIGUOUS), after_append=True),
    lambda on, chance: on.fail(chance.choice(AMBIGUOUS), after_append=chance.random() < 0.5),
    lambda on, chance: on.fail(chance.choice(SEQUENCES)),
    lambda on, chance: on.fail(chance.choice(REFUSALS)),
    lambda on, _: on.close_before_append(),
    lambda on, _: on.close_after_append(),
    lambda on, _: on.reset(),
    lambda on, _: on.half_a_frame(),
    lambda on, _: on.truncate(),
    lambda on, _: on.wrong_correlation_id(),
    lambda on, _: on.garbage(),
    lambda on, _: on.omit_partition(),
    lambda on, _: on.add_partition("t", 99),
    lambda on, chance: on.throttle(chance.randint(1, 30)),
    lambda on, chance: on.delay(chance.uniform(0.001, 0.05)),
    lambda on, chance: on.never_answer(append=chance.random() < 0.5),
)


class Chaos:
    """One seed's run."""

    def __init__(self, seed: int, cluster: FakeCluster) -> None:
        self.chance = random.Random(seed)
        self._cluster = cluster
        self._held: list[Held] = []
        self._stopped: int | None = None
        self.face = self._make_face(seed)
        self.ledger = Ledger(self.face, "t")

    def run(self) -> None:
        """Do what comes into its mind, then let everything heal."""
        for _ in range(STEPS):
            if self.chance.random() < 0.7:
                self._do_harm()
            fresh = self.ledger.produce(self.chance.randint(1, 12), partition=self.chance.randrange(PARTITIONS))
            if self.chance.random() < 0.7:  # or else the next ones pile up behind
                concurrent.futures.wait(fresh, timeout=self.chance.uniform(0.0, 0.02))
        concurrent.futures.wait(fresh, timeout=0.1)
        self._cluster.clear_faults()
        self._start_broker()
        for partition in range(PARTITIONS):
            if self._cluster.leader("t", partition) is None:
                self._cluster.move_leader("t", partition, 1)

    def _make_face(self, seed: int) -> Face:
        # Short, so that many time-outs happen; long enough for healthy batches to have a chance in between.
        timeout = self.chance.choice([60, 120, 3_000])
        options: ProducerOptions = {
            "acks": Acks.ALL,
            "batch_size": self.chance.choice([100, 200, 1_000]),
            "linger_ms": self.chance.choice([0, 1, 5]),
            "request_timeout_ms": min(timeout, 150),
            "delivery_timeout_ms": timeout + 5,
            "max_in_flight_requests_per_connection": self.chance.choice([1, 2, 5, 5, 5]),
            "compression_type": self.chance.choice(["none", "none", "gzip"]),
        }
        kinds: list[Callable[..., Face]] = [ThreadFace, LoopFace]
        kind = self.chance.choice(kinds)
        return kind(self._cluster.bootstrap_servers, **options)

    def _do_harm(self) -> None:
        kind = self.chance.random()
        if kind < 0.55:
            on = self._cluster.on(
                ApiKey.PRODUCE, partition=self.chance.randrange(PARTITIONS), nth=self.chance.randint(1, 3)
            )
            self.chance.choice(STRIKES)(on, self.chance)
        elif kind < 0.65:
            self._disturb_another_request()
        elif kind < 0.85:
            self._move_a_leader()
        elif kind < 0.92:
            self._hold_or_release()
        else:
            self._stop_or_start()

    def _disturb_another_request(self) -> None:
        on = self._cluster.on(self.chance.choice([ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID, ApiKey.API_VERSIONS]))
        self.chance.choice([on.close_before_append, on.reset, on.half_a_frame, on.garbage, on.truncate])()

    def _move_a_leader(self) -> None:
        partition = self.chance.randrange(PARTITIONS)
        running = [broker.node_id for broker in self._cluster.brokers if broker.is_running]
        self._cluster.move_leader("t", partition, self.chance.choice([*running, *running, None]))

    def _hold_or_release(self) -> None:
        if self._held:
            self._held.pop(self.chance.randrange(len(self._held))).release()
            return
        on = self._cluster.on(ApiKey.PRODUCE, partition=self.chance.randrange(PARTITIONS))
        self._held.append(on.hold(times=1, before_append=self.chance.random() < 0.7))

    def _stop_or_start(self) -> None:
        if self._stopped is not None:
            self._start_broker()
            return
        self._stopped = self.chance.randint(1, NODES)
        self._cluster.stop_broker(self._stopped)

    def _start_broker(self) -> None:
        if self._stopped is not None:
            self._cluster.start_broker(self._stopped)
            self._stopped = None


@pytest.mark.mistake("aiokafka #228", "librdkafka #623", "librdkafka #1092")
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_promises_are_kept_in_chaos(seed: int) -> None:
    with FakeCluster(nodes=NODES, topics={"t": PARTITIONS}) as cluster:
        chaos = Chaos(seed, cluster)
        with chaos.face:
            chaos.run()
            chaos.ledger.outcomes()
            outcomes = _produce_until_delivered(chaos.ledger)  # after all of it, the producer still works

        keep_promises(cluster, "t", outcomes)
        leave_nothing_behind(chaos.face.status(), outcomes)


def _produce_until_delivered(ledger: Ledger) -> list[Outcome]:
    """Produce until something arrives: a busy machine is enough to miss a delivery timeout of 65 ms at first."""
    deadline = time.monotonic() + 10
    while True:
        ledger.produce(3, partition=0)
        outcomes = ledger.outcomes()
        if outcomes[-1].error is None:
            return outcomes
        assert time.monotonic() < deadline, outcomes[-1].error
