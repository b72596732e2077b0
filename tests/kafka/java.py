"""Find the Java runtime and Maven, and say what is missing to start a broker."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from tests.kafka.distribution import DEFAULT_VERSION, is_fetched
from tests.kafka.errors import KafkaUnavailableError

__all__ = ("find_java", "java_major_version", "why_kafka_cannot_start")

MINIMUM_JAVA = 17  # Kafka 4 brokers; older ones are content with less but run on 17 as well


def find_java() -> str:
    """Return the `java` to run: the one in `JAVA_HOME`, else the first on the PATH.

    Raises:
        KafkaUnavailableError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    candidates = ([str(Path(home, "bin", "java"))] if home else []) + ["java"]
    for candidate in candidates:
        found = shutil.which(candidate)
        if found:
            return found
    raise KafkaUnavailableError(f"there is no `java` in JAVA_HOME or on the PATH (Java {MINIMUM_JAVA} or newer)")


@functools.cache
def java_major_version(java: str) -> int:
    """Return 17 for Java 17.0.15, 8 for Java 1.8; 0 when there is no Java behind the program (macOS ships a stub)."""
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60)
    version = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(version[1]) if version else 0


def why_kafka_cannot_start(version: str = DEFAULT_VERSION) -> str | None:
    """Return what is missing to start a broker on this machine, or None when everything is there."""
    if os.name != "posix":
        return "the test cluster needs process groups and signals (POSIX)"
    if find_spec("confluent_kafka") is None:  # which asks and reads the cluster
        return "confluent-kafka is not installed: it has no wheel for Python 3.15 yet"
    try:
        java = find_java()
    except KafkaUnavailableError as error:
        return str(error)
    if (found := java_major_version(java)) < MINIMUM_JAVA:
        return f"{java} is Java {found}, the brokers need Java {MINIMUM_JAVA} or newer"
    if not is_fetched(version) and shutil.which("mvn") is None:
        return f"Kafka {version} is not in the cache and there is no `mvn` (Maven) on the PATH to fetch it"
    return None
