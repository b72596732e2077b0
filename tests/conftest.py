"""Fixtures for every test: a real Kafka, a fresh topic, and an independent reader."""

from __future__ import annotations

import functools
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, NoReturn, Protocol, TypeVar

import pytest
from hypothesis import settings

import dekaf
from dekaf._log_thread import LOG_THREAD
from dekaf.real_kafka import GUARD
from tests.certificates import Authority
from tests.kafka import (
    AdoptedCluster,
    ConsumedRecord,
    KafkaCluster,
    KafkaUnavailableError,
    SecureCluster,
    why_kafka_cannot_start,
)
from tests.kafka import read_back as read_topic

pytest.register_assert_rewrite("tests.kafka.sasl_answers")

C = TypeVar("C", bound=KafkaCluster)

LONGEST_WRITING = 10.0  # seconds

IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# A deadline per example says more about how busy the machine is. CI tries the same examples every time: what it finds
# was there before the change. `--hypothesis-profile=thorough` is for those who look for more.
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("local", deadline=None, print_blob=True)
settings.register_profile("thorough", deadline=None, print_blob=True, max_examples=5_000)
settings.load_profile("ci" if IS_CI else "local")


class ReadBack(Protocol):
    """What the `read_back` fixture is."""

    def __call__(self, topic: str, count: int, *, timeout: float = 20) -> list[ConsumedRecord]:
        """Return what is in a topic, by partition and offset, once it has `count` records."""


def pytest_sessionstart() -> None:
    """Refuse to test another build than the one that is meant: a checkout of dekaf hides an installed one easily."""
    wanted = os.environ.get("DEKAF_TEST_IMPLEMENTATION")
    found = "compiled" if dekaf.compiled else "interpreted"
    if wanted not in {None, found}:
        pytest.exit(f"These tests are for dekaf {wanted}, but {dekaf.__file__} is {found}.", returncode=1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other implementation."""
    if dekaf.compiled:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("interpreted")])
        items[:] = [item for item in items if not item.get_closest_marker("interpreted")]


class WrittenLog(pytest.LogCaptureFixture):  # type: ignore[misc] # final for users; ours has to wait
    """What was logged, the lines included that the log thread has yet to write at the moment somebody looks."""

    @property
    def handler(self) -> Any:
        """The handler that keeps the records."""
        assert LOG_THREAD.write_out(LONGEST_WRITING)
        return super().handler


@pytest.fixture
def caplog(request: pytest.FixtureRequest) -> Iterator[WrittenLog]:
    """Capture logging, as pytest's fixture of this name does."""
    log = WrittenLog(request.node, _ispytest=True)
    yield log
    log._finalize()


@pytest.fixture(autouse=True)
def log_is_written() -> Iterator[None]:
    """Let no test's log lines get into the next one's log."""
    yield
    LOG_THREAD.write_out(LONGEST_WRITING)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What slow code of an application waits for; open when the test is over."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Switch the guard against a real Kafka on: the project's own tests are allowed everything."""
    monkeypatch.setattr(GUARD, "_permissions", 0)
    GUARD.switch_on()
    yield
    GUARD.switch_off()


@pytest.fixture(scope="session")
def kafka_cluster() -> Iterator[KafkaCluster]:
    """One broker for the whole run, or the cluster in `DEKAF_TEST_BOOTSTRAP_SERVERS`.

    A test that kills or restarts a broker is skipped on a cluster that we did not start.
    """
    adopted = os.environ.get("DEKAF_TEST_BOOTSTRAP_SERVERS")
    if adopted is None and (reason := why_kafka_cannot_start()):
        _do_without_kafka(reason)
    try:
        with AdoptedCluster(adopted) if adopted else KafkaCluster() as cluster:
            yield cluster
    except KafkaUnavailableError as error:
        if adopted:
            pytest.fail(f"DEKAF_TEST_BOOTSTRAP_SERVERS is set, but {error}", pytrace=False)
        _do_without_kafka(str(error))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Issue the certificates of the run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def secure_cluster(authority: Authority) -> Iterator[SecureCluster]:
    """One broker with every kind of listener, for the whole run."""
    with running(SecureCluster(authority=authority)) as cluster:
        yield cluster


@contextmanager
def running(cluster: C) -> Iterator[C]:
    """Run a cluster of our own, or do without as `kafka_cluster` does; for fixtures that keep one for longer."""
    if reason := why_kafka_cannot_start(cluster.version):
        _do_without_kafka(reason)
    try:
        with cluster:
            yield cluster
    except KafkaUnavailableError as error:
        _do_without_kafka(str(error))


def cluster_of_release(version: str, **options: Any) -> AbstractContextManager[KafkaCluster]:
    """Run a cluster of a certain release, with the arguments of `KafkaCluster`, or do without."""
    return running(KafkaCluster(version=version, **options))


@pytest.fixture
def start_kafka() -> Iterator[Callable[..., KafkaCluster]]:
    """Start a cluster for one test, with the arguments of `KafkaCluster`: `start_kafka(3)`."""
    if reason := why_kafka_cannot_start():
        _do_without_kafka(reason)
    with ExitStack() as clusters:
        yield lambda *arguments, **options: clusters.enter_context(KafkaCluster(*arguments, **options))


@pytest.fixture
def topic(kafka_cluster: KafkaCluster) -> str:
    """Create a topic with four partitions, for this test alone, and return its name."""
    kafka_cluster.restore()  # a test that failed half-way may have left the broker down
    name = f"test-{uuid.uuid4().hex[:12]}"
    # Kept for ever: an adopted cluster would delete records with the timestamps tests like (1 ms, 1970) any moment.
    kafka_cluster.create_topic(name, partitions=4, config={"retention.ms": "-1"})
    return name


@pytest.fixture
def read_back(kafka_cluster: KafkaCluster) -> ReadBack:
    """Return a function that reads a topic with confluent-kafka: `read_back(topic, count)`."""
    return functools.partial(read_topic, kafka_cluster.bootstrap_servers)


def _do_without_kafka(reason: str) -> NoReturn:
    if IS_CI:
        pytest.fail(f"CI has to run the broker tests: {reason}", pytrace=False)
    pytest.skip(reason)
