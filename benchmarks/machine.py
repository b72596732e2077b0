"""What a reader must know of the machine and the versions to judge the figures."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.builds import ROOT
from benchmarks.measures import load
from tests.kafka import DEFAULT_VERSION
from tests.kafka.java import find_java

__all__ = ("describe",)

DISTRIBUTIONS = (
    "aiokafka",
    "confluent-kafka",
    "kafka-python",
    "uvloop",
    "librt",
    "lz4",
    "pydantic",
    "fastapi",
    "uvicorn",
    "django",
    "gunicorn",
)


def describe() -> dict[str, str]:
    """Return machine, operating system, commit and versions, by name."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processors": f"{os.cpu_count()}, {_processor()}",
        "memory": _memory(),
        "system": platform.platform(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Apache Kafka": DEFAULT_VERSION,
        "Java": _first_line([find_java(), "-version"]),
        "HTTP load": load.generator(),
        **{name: importlib.metadata.version(name) for name in DISTRIBUTIONS},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return "unknown"
    return f"{total / 2**30:.0f} GiB"


def _commit() -> str:
    commit = _first_line(["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"])
    is_changed = bool(_first_line(["git", "-C", str(ROOT), "status", "--porcelain", "--", "dekaf"]))
    return f"{commit} with local changes" if is_changed else commit


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    lines = (done.stdout or done.stderr).splitlines()  # `java -version` writes to stderr
    return lines[0] if lines and done.returncode == 0 else ""
