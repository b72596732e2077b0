"""Every way into a secured Kafka, through both faces and on both event loops; one Java consumer reads what arrived.

The compiled build runs the same file, so that faces, loops and builds meet pairwise, and each way meets them all.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf import AsyncProducer, Producer
from tests.broker.secure_ways import WAYS, Way, way_options
from tests.kafka.secure_cluster import SecureCluster

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
LOOPS = ("uvloop", "asyncio")
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


@pytest.fixture(scope="module")
def run(secure_cluster: SecureCluster) -> Iterator[str]:
    """Begin the topics' names with the same; at the end, Java reads them all."""
    prefix = f"way-{uuid.uuid4().hex[:8]}"
    secure_cluster.create_topics([topic_of(prefix, way) for way in WAYS], partitions=1)
    yield prefix
    if not EXPECTED:
        return
    lines = secure_cluster.console_consumer(f"{prefix}-.*", len(EXPECTED), is_pattern=True)
    assert sorted(lines) == sorted(EXPECTED)


EXPECTED: list[str] = []  # the value of every message that was acknowledged


def topic_of(prefix: str, way: Way) -> str:
    return f"{prefix}-{way.name}"


@pytest.mark.mistake("Dekaf/.NET #884")
@pytest.mark.parametrize("loop", LOOPS)
@ways
def test_both_faces_deliver_every_way(
    secure_cluster: SecureCluster, run: str, way: Way, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dekaf/.NET #884: what had only been tried without a broker never sent the credentials at all."""
    if loop == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    options = way_options(secure_cluster, way)
    topic = topic_of(run, way)

    async def produce() -> None:
        async with AsyncProducer(**options) as coroutines:
            await coroutines.produce(topic, "k", f"{way.name} {loop} coroutines")

    asyncio.run(produce())
    with Producer(**options) as threads:
        threads.produce(topic, "k", f"{way.name} {loop} threads")
        connections = threads.status().connections

    EXPECTED.extend(f"{way.name} {loop} {face}" for face in ("coroutines", "threads"))
    assert {one.mechanism or "" for one in connections} == {way.mechanism}
    assert {one.tls_version is not None for one in connections} == {way.protocol.endswith("SSL")}


FORK = """
    import os, pickle, sys
    from dekaf import Producer
    from tests.broker.secure_ways import token
    options = pickle.loads(bytes.fromhex(sys.stdin.read()))
    topic, name = sys.argv[1:]
    producer = Producer(**options)
    producer.produce(topic, "k", f"{name} before")
    child = os.fork()
    if not child:
        producer.produce(topic, "k", f"{name} child")
        producer.close()
        os._exit(0)
    producer.produce(topic, "k", f"{name} parent")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    producer.produce(topic, "k", f"{name} after")
    producer.close()
"""


@ways
def test_parent_and_forked_child_deliver_every_way(secure_cluster: SecureCluster, run: str, way: Way) -> None:
    options = way_options(secure_cluster, way)
    name = f"{way.name} fork"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(FORK), topic_of(run, way), name],
        input=pickle.dumps(options).hex(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )

    # One line, and not another one in the child.
    warnings = [line for line in done.stderr.splitlines() if "shows what sasl_mechanism" in line]
    assert (done.returncode, done.stderr.splitlines()) == (0, warnings)
    assert len(warnings) == (way.protocol == "SASL_PLAINTEXT" and way.mechanism in {"PLAIN", "OAUTHBEARER"})
    EXPECTED.extend(f"{name} {when}" for when in ("before", "child", "parent", "after"))
