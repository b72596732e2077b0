"""What happens to brokers, and to the lines to them: one thing after the other, as a seed decides."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.kafka import KafkaCluster
from tests.kafka.proxy import Direction, TcpProxy

__all__ = ("Trouble",)

REST = (0.2, 1.0)  # seconds between two events: long enough for records to get through


class Trouble:
    """Harms one broker at a time: with two of three in sync, whatever is acknowledged stays."""

    def __init__(self, cluster: KafkaCluster, proxies: Sequence[TcpProxy], *, seed: int) -> None:
        self.events: Counter[str] = Counter()
        self._cluster = cluster
        self._proxies = proxies
        self._chance = random.Random(seed)
        self._kinds: tuple[tuple[str, int, Callable[[int], None]], ...] = (
            ("kill -9", 3, self._kill),
            ("restart", 2, self._restart),
            ("SIGSTOP", 3, self._stop),
            ("cut within a frame", 6, self._cut),
            ("reset", 3, self._reset),
            ("swallowed bytes", 2, self._swallow),
            ("refused connections", 2, self._refuse),
        )

    def go_on(self, seconds: float, *, each_kind: bool = False) -> None:
        """Make trouble for so long, and leave everything in order.

        Args:
            seconds: how long; an event that has begun comes to its end.
            each_kind: begin with one event of each kind, however long that takes.
        """
        until = time.monotonic() + seconds
        names = [name for name, _, _ in self._kinds] if each_kind else []
        self._chance.shuffle(names)
        while names or time.monotonic() < until:
            self._harm(names.pop() if names else None)
            time.sleep(self._chance.uniform(*REST))
        self._cluster.restore()

    def _harm(self, wanted: str | None) -> None:
        weights = [weight if wanted in {None, name} else 0 for name, weight, _ in self._kinds]
        name, _, harm = self._chance.choices(self._kinds, weights)[0]
        harm(self._chance.randrange(len(self._proxies)))
        self.events[name] += 1

    def _kill(self, broker: int) -> None:
        self._cluster.kill(broker)
        time.sleep(self._chance.uniform(0.5, 4.0))
        self._cluster.restart(broker)

    def _restart(self, broker: int) -> None:
        self._cluster.restart(broker)

    def _stop(self, broker: int) -> None:
        with self._cluster.paused(broker):
            time.sleep(self._chance.uniform(0.5, 4.0))

    def _cut(self, broker: int) -> None:
        direction = self._chance.choice(tuple(Direction))
        self._proxies[broker].cut_after(self._chance.randint(1, 30_000), direction)

    def _reset(self, broker: int) -> None:
        self._proxies[broker].reset()

    def _swallow(self, broker: int) -> None:
        self._proxies[broker].swallow(self._chance.choice(tuple(Direction)))

    def _refuse(self, broker: int) -> None:
        with self._proxies[broker].refusing():
            time.sleep(self._chance.uniform(0.1, 1.0))
