"""Play the story of a seed: what happens to the cluster, the process and the topics while messages are produced."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dekaf.message import ProducerMessage
from dekaf.reports import DrainReport
from dekaf.testing import FakeCluster
from tests.stories.callers import Caller, LoopCaller, ThreadCaller
from tests.stories.checks import Evidence, LastWords, problems_at_the_end, problems_in_logs, safe_to_retry
from tests.stories.events import Scene, choose_event
from tests.stories.plot import NODES, Ending, FaceKind, Plot, draw
from tests.stories.stage import Stage
from tests.stories.told import AWAIT, FIRE, Message, Told, Way, wait_for_outcomes
from tests.stories.user_code import (
    POISON,
    SlowPartitioner,
    SlowSerializer,
    quick_callback,
    slow_callback,
    slow_logging,
)

__all__ = ("Result", "play")

PATIENCE: Final = 20.0  # seconds in which everything has to have its outcome once everything works
LITTLE_TIME: Final = 0.05  # seconds for the close amid the trouble
PAUSE: Final = 0.01  # seconds for which a step waits for the brokers, at the most
RETRIED: Final = 12  # of the messages that may be produced again, how many are


@dataclass(slots=True)
class Result:
    """What came of a story."""

    seed: int
    problems: list[str] = field(default_factory=list)
    produced: int = 0
    delivered: int = 0
    failed: int = 0
    in_doubt: int = 0  # of those that failed
    retried: int = 0  # that failed, and were produced again as their error allowed
    seconds: float = 0.0


def play(seed: int) -> Result:
    """Play the story of a seed, and hold what was told against what is in the logs."""
    started = time.monotonic()
    result = Result(seed)
    plot = draw(seed)
    with ExitStack() as stack:
        if plot.has_slow_code:
            stack.enter_context(slow_logging())
        cluster = stack.enter_context(FakeCluster(nodes=NODES, kafka=plot.kafka))
        story = _Story(plot, cluster)
        try:
            story.play(result)
        finally:
            story.end()
    told = story.told
    result.produced = len(told)
    result.delivered = sum(1 for one in told if one.metadata is not None)
    result.failed = sum(1 for one in told if one.error is not None)
    result.in_doubt = sum(1 for one in told if one.error is not None and one.error.may_be_persisted)
    result.seconds = time.monotonic() - started
    return result


class _Story:
    def __init__(self, plot: Plot, cluster: FakeCluster) -> None:
        self.told: list[Told] = []
        self._plot = plot
        self._chance = random.Random(f"what happens in {plot.seed}")
        self._stage = Stage(plot, cluster)
        self._cluster = cluster
        self._undelivered: list[bytes] = []
        self._reports: list[DrainReport] = []
        self._caller = self._make_caller()
        self._scene = Scene(plot, self._stage, self._caller.producer, self._chance, topic="t")

    def _make_caller(self) -> Caller:
        plot = self._plot
        options: dict[str, Any] = {
            **plot.options,
            "bootstrap_servers": self._cluster.bootstrap_servers,
            "value": SlowSerializer(is_slow=plot.has_slow_code),
            "on_undelivered": self._save,
        }
        if plot.has_slow_code:
            options["partitioner"] = SlowPartitioner()
        kind = ThreadCaller if plot.face is FaceKind.THREAD else LoopCaller
        return kind(slow_callback if plot.has_slow_code else quick_callback, **options)

    def _save(self, messages: Sequence[ProducerMessage[bytes, bytes]]) -> None:
        self._undelivered.extend(message.value or b"" for message in messages)

    def play(self, result: Result) -> None:
        """Let it happen, and look at what came of it."""
        for _ in range(self._plot.steps):
            self._step()
        if self._plot.ending is Ending.HEALED:
            self._end_well(result)
        else:
            self._end_abruptly(result)

    def end(self) -> None:
        """Leave nothing behind, however it ended."""
        self._stage.thaw_producer()
        self._cluster.clear_faults()
        self._caller.end()

    # What happens.

    def _step(self) -> None:
        chance = self._chance
        if chance.random() < 0.5:
            self._scene.move_on()
        if chance.random() < 0.65:
            choose_event(chance)(self._scene)
        fresh = self._produce(chance.randint(1, 12))
        if chance.random() < 0.05:
            self._reports.append(self._caller.flush(PAUSE))
        if chance.random() < 0.6:  # or else the next ones pile up behind
            attempts = self._cluster._state.attempts
            seen = len(attempts) + chance.randint(1, 3)
            self._stage.let_pass(lambda: len(attempts) >= seen, PAUSE)
        elif chance.random() < 0.3:
            wait_for_outcomes(fresh, PAUSE)

    def _produce(self, count: int) -> list[Told]:
        chance = self._chance
        topic, partition = self._scene.topic, self._scene.partition
        way: Way = FIRE if chance.random() < 0.4 else AWAIT
        deadline = chance.choice((0.005, 0.03)) if chance.random() < 0.1 else None
        messages = []
        for number in range(len(self.told), len(self.told) + count):
            key = b"k%d" % chance.randrange(12) if partition is None else None
            value = b"%06d" % number + b"." * chance.choice((0, 0, 10, 60))
            if chance.random() < 0.005:
                value = POISON + value
            messages.append(
                Message(
                    number=number, topic=topic, partition=partition, key=key, value=value, way=way, deadline=deadline
                )
            )
        fresh = self._caller.produce(messages)
        self.told.extend(fresh)
        return fresh

    # How it ends.

    def _end_well(self, result: Result) -> None:
        self._stage.heal()
        if not self._have_all_outcomes(self.told, result):
            return
        self._stage.settle()
        result.problems += problems_in_logs(self._evidence(self.told))
        again = self._retry([told for told in self.told if safe_to_retry(told.error)][:RETRIED], result)
        # What was told of them at first is true no more.
        retried = {told.message.value for told in again}
        settled = [told for told in self.told if told.message.value not in retried]
        arrived = [told for told in again if told.metadata is not None]
        self.told += again
        self.told += self._produce_once_more(result)
        self._reports.append(self._caller.close(PATIENCE))
        self._stage.settle()
        again_in_logs = problems_in_logs(self._evidence(settled + arrived))
        result.problems += [problem for problem in again_in_logs if problem not in result.problems]
        result.problems += problems_at_the_end(self.told, self._last_words())

    def _end_abruptly(self, result: Result) -> None:
        self._stage.thaw_producer()
        self._reports.append(self._caller.close(LITTLE_TIME))
        if not self._have_all_outcomes(self.told, result):
            return
        self._stage.heal()  # what a broker still has of a connection that is gone, it writes
        self._stage.settle()
        result.problems += problems_in_logs(self._evidence(self.told))
        result.problems += problems_at_the_end(self.told, self._last_words())

    def _have_all_outcomes(self, told: list[Told], result: Result) -> bool:
        missing = wait_for_outcomes(told, PATIENCE)
        if missing:
            result.problems.append(f"{missing} messages never got an outcome")
        return not missing

    def _retry(self, failed: list[Told], result: Result) -> list[Told]:
        """Produce again what its error says may be: now that everything works it arrives, and is there once."""
        again: list[Told] = []
        for told in failed:
            again += self._produce_until_delivered(told.message, len(self.told) + len(again))
            result.retried += 1
        return again

    def _produce_once_more(self, result: Result) -> list[Told]:
        """After all of it, the producer still works: something arrives, at the first attempt or a later one."""
        after: list[Told] = []
        until = time.monotonic() + PATIENCE
        while not after or (after[-1].metadata is None and time.monotonic() < until):
            number = len(self.told) + len(after)
            message = Message(number=number, topic="t", partition=0, key=None, value=b"%06d" % number)
            after += self._caller.produce([message])
            wait_for_outcomes(after, PATIENCE)
        if after[-1].metadata is None:
            result.problems.append(f"nothing can be produced any more: {after[-1].outcomes!r}")
        return after

    def _produce_until_delivered(self, message: Message, number: int) -> list[Told]:
        """Produce for as long as the errors allow it: lives of 65 ms end on a busy machine, whatever one does."""
        count = self._stage.partitions(message.topic)
        partition = None if message.partition is None or message.partition >= count else message.partition
        told: list[Told] = []
        until = time.monotonic() + PATIENCE
        while not told or (safe_to_retry(told[-1].error) and time.monotonic() < until):
            again = replace(message, number=number + len(told), partition=partition, way=AWAIT, deadline=None)
            told += self._caller.produce([again])
            wait_for_outcomes(told, PATIENCE)
        return told

    # What there is to look at.

    def _evidence(self, told: list[Told]) -> Evidence:
        return Evidence(plot=self._plot, lives=self._stage.lives, told=told)

    def _last_words(self) -> LastWords:
        return LastWords(
            reports=self._reports,
            status=self._caller.producer.status(),
            undelivered=self._undelivered,
            violations=self._cluster.violations,
        )
