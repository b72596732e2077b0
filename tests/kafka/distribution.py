"""Fetch the jars of a Kafka version once, with Maven, into a cache folder.

A version's folder appears complete or not at all: jars are copied next to it and moved in by one rename, under a file
lock, so two test runs that start together fetch once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.kafka.errors import KafkaUnavailableError

__all__ = ("DEFAULT_VERSION", "cache_folder", "is_fetched", "kafka_jars")

DEFAULT_VERSION = os.environ.get("DEKAF_TEST_KAFKA_VERSION", "4.3.1")
POM = Path(__file__).with_name("pom.xml")
# What a release from before 2.4 needs besides its number. It was built for Scala 2.12 alone; and its ZooKeeper client,
# of the 3.4 line, finds no server on Java 14 and newer (ZOOKEEPER-3779).
BEFORE_2_4 = ("-Dscala.version=2.12", "-Dzookeeper.version=3.5.9")
FETCH_SECONDS = 600  # 54 MB in 8 s on a quick line; a slow one is still let finish


def cache_folder() -> Path:
    """Return where jars are kept: `DEKAF_TEST_KAFKA_CACHE`, else `.cache/kafka` in the repository."""
    configured = os.environ.get("DEKAF_TEST_KAFKA_CACHE")
    return Path(configured) if configured else Path(__file__).parents[2] / ".cache" / "kafka"


def is_fetched(version: str = DEFAULT_VERSION) -> bool:
    """Tell whether the jars of a version are in the cache already."""
    return (cache_folder() / version).is_dir()


def kafka_jars(version: str = DEFAULT_VERSION) -> Path:
    """Return the folder with the jars of a Kafka version, fetching them first when needed.

    Raises:
        KafkaUnavailableError: Maven is missing or failed; the text ends with its output.
    """
    jars = cache_folder() / version
    if jars.is_dir():
        return jars
    jars.parent.mkdir(parents=True, exist_ok=True)
    with _locked(jars.parent / f"{version}.lock"):
        if not jars.is_dir():  # another process may have fetched while we waited for the lock
            _fetch(version, jars)
    return jars


def _fetch(version: str, jars: Path) -> None:
    partial = jars.with_name(f"{version}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a run that was killed; ours alone, we hold the lock
    _copy_with_maven(version, partial)
    if not any(partial.glob(f"kafka_2.1*-{version}.jar")):
        raise KafkaUnavailableError(f"Maven ended well but copied no kafka_2.13-{version}.jar to {partial}")
    partial.rename(jars)


def _copy_with_maven(version: str, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError("there is no `mvn` (Maven) on the PATH to fetch Kafka with")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}", f"-Dkafka.version={version}"]
    if tuple(int(number) for number in version.split(".")[:2]) < (2, 4):
        goal.extend(BEFORE_2_4)
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "-f", str(POM), *goal],
            capture_output=True,
            text=True,
            check=False,
            timeout=FETCH_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailableError(f"Maven did not fetch Kafka {version} within {FETCH_SECONDS} s") from error
    if done.returncode != 0:
        raise KafkaUnavailableError(f"Maven could not fetch Kafka {version}:\n{(done.stdout + done.stderr)[-2000:]}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    import fcntl  # noqa: PLC0415 - POSIX only, and this module is imported on Windows too to say what is missing

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released by close, and by the kernel if we are killed
        yield
