"""What a process imports, and when: only what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dekaf.testing import FakeCluster

# What only some use: JSON and settings; codecs; producers that have TLS.
FOR_SOME = {
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "lz4",
    "snappy",
    "zstandard",
    "fastapi",
    "django",
    "gevent",
    "greenlet",
}


def imported_after(program: str, *arguments: str) -> set[str]:
    report = "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program + report, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_dekaf_imports_nothing_that_only_some_use() -> None:
    assert imported_after("import dekaf") & {*FOR_SOME, "uvloop"} == set()


def test_a_first_message_imports_nothing_that_only_some_use() -> None:
    program = """
import sys, dekaf
with dekaf.Producer(bootstrap_servers=sys.argv[1], key=str) as producer:
    assert producer.produce("orders", "42", b"paid").offset == 0
"""

    with FakeCluster(topics={"orders": 1}) as cluster:
        modules = imported_after(program, cluster.bootstrap_servers)

    assert modules & FOR_SOME == set()


@pytest.mark.parametrize(
    "producer", ["dekaf.Producer(backend='memory')", "dekaf.Producer(backend='memory', value=dict)"]
)
def test_json_imports_what_writes_it(producer: str) -> None:
    modules = imported_after(f"import dekaf\n{producer}.produce('orders', value={{'id': 42}})")

    assert "pydantic_core" in modules
    assert "pydantic.main" not in modules
