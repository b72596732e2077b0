"""The guard that keeps tests away from a real Kafka: whether it is on, what may pass, and what it says.

Producers of registries ask it before they start an engine, so that what runs in production pays nothing. It is switched
on by the pytest plugin, and by frameworks whose test environment is set up; never by looking at how a process was
started, which servers that tests start would inherit.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, final

__all__ = ("GUARD", "RealKafkaGuard", "RealKafkaInTestError")

Address = tuple[str, int]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class RealKafkaInTestError(RuntimeError):
    """A test was about to reach a real Kafka without having said so.

    It is no `DekafError`, so that no handler for Kafka's failures swallows it.
    """


@final
class RealKafkaGuard:
    """One per process. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock: Final = threading.RLock()  # guards what follows
        self._switched_on = 0
        self._permissions = 0
        self._environments: Final[list[tuple[Callable[[], bool], Callable[[], str | None]]]] = []
        self._local: Final[list[Callable[[], Collection[Address]]]] = []
        self._followers: Final[list[Callable[[], None]]] = []

    # Whether it is on.

    @property
    def is_on(self) -> bool:
        """Whether tests are under way, and nothing allows them a real Kafka at present."""
        if self._permissions:
            return False
        return bool(self._switched_on) or any(is_set_up() for is_set_up, _ in self._environments)

    def switch_on(self) -> None:
        """Begin to guard; producers that have started already end their connections."""
        with self._lock:
            self._switched_on += 1
        self.enforce()

    def switch_off(self) -> None:
        """Take one `switch_on` back."""
        with self._lock:
            self._switched_on -= 1

    def add_environment(self, is_set_up: Callable[[], bool], hint: Callable[[], str | None]) -> None:
        """Have a framework asked about its tests.

        Args:
            is_set_up: Whether its test environment is set up.
            hint: Why a message might be missing, for failed assertions; None where it has nothing to say.
        """
        with self._lock:
            if (is_set_up, hint) not in self._environments:
                self._environments.append((is_set_up, hint))

    def hints(self) -> list[str]:
        """Return what frameworks have to say about a missing message."""
        return [said for _, hint in self._environments if (said := hint()) is not None]

    @contextlib.contextmanager
    def permission(self) -> Iterator[None]:
        """Allow a real Kafka while the context lasts, on all threads."""
        with self._lock:
            self._permissions += 1
        try:
            yield
        finally:
            with self._lock:
                self._permissions -= 1
            self.enforce()

    # What may pass.

    def add_local(self, addresses: Callable[[], Collection[Address]]) -> None:
        """Have a cluster of this process asked where it listens: it is no real Kafka."""
        with self._lock:
            self._local.append(addresses)

    def remove_local(self, addresses: Callable[[], Collection[Address]]) -> None:
        """Forget a cluster."""
        with self._lock:
            if addresses in self._local:
                self._local.remove(addresses)

    def refusal_error(self, whose: str, servers: Collection[Address]) -> RealKafkaInTestError | None:
        """Return what a producer is to raise instead of starting; None if it may start.

        Args:
            whose: The producer, in words.
            servers: Host and port of each bootstrap server.
        """
        if not self.is_on or self._are_local(servers):
            return None
        where = ", ".join(f"{host}:{port}" for host, port in servers)
        return RealKafkaInTestError(
            f"A test was about to reach a real Kafka: {whose} at {where}. Keep its messages in memory: with the pytest "
            "fixture `kafka`, dekaf.testing.KafkaTestMixin, or backend='memory' in the settings of tests. Or allow it: "
            "@pytest.mark.real_kafka, `with dekaf.testing.allow_real_kafka():`, or dekaf_real_kafka = true in pytest's "
            "configuration for all tests."
        )

    def _are_local(self, servers: Iterable[Address]) -> bool:
        with self._lock:
            sources = self._local.copy()
        here = {_normal(address) for addresses in sources for address in addresses()}
        return all(_normal(address) in here for address in servers)

    # Who follows.

    def follow(self, enforce: Callable[[], None]) -> None:
        """Have a function called whenever what has started may have to end."""
        with self._lock:
            self._followers.append(enforce)

    def enforce(self) -> None:
        """Have producers that may not run end their connections, if the guard is on."""
        if not self.is_on:
            return
        with self._lock:
            followers = self._followers.copy()
        for follower in followers:
            follower()


def _normal(address: Address) -> Address:
    host, port = address
    return ("localhost" if host in _LOOPBACK else host, port)


GUARD: Final = RealKafkaGuard()
