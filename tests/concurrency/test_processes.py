"""Forks and exits, in interpreters of their own that produce to a fake cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import ApiKey, FakeCluster

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(topics={"t": 2}) as cluster:
        yield cluster


def run_script(script: str, *arguments: str) -> str:
    """Run Python code in a fresh interpreter; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_threads_that_come_first_in_a_forked_child_share_one_engine(cluster: FakeCluster) -> None:
    script = """
        import os, sys, threading
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1])
        producer.produce("t", None, "parent")
        sys.setswitchinterval(1e-6)
        for child in range(25):
            pid = os.fork()
            if pid:
                assert os.waitpid(pid, 0)[1] == 0
                continue
            start = threading.Barrier(8)
            def fire(number):
                start.wait()
                producer.fire("t", None, f"{child}-{number}")
            threads = [threading.Thread(target=fire, args=(number,)) for number in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert producer.close().delivered == 8
            os._exit(0)
        producer.close()
    """

    run_script(script, cluster.bootstrap_servers)

    values = sorted((record.value or b"").decode() for record in cluster.log("t"))
    assert values == sorted(["parent", *[f"{child}-{number}" for child in range(25) for number in range(8)]])


def test_call_that_waits_during_a_fork_is_woken_by_its_own_process(cluster: FakeCluster) -> None:
    script = """
        import os, sys, threading
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1])
        for _ in range(3):  # as many threads as will wait: what they waited on is kept for the next calls
            threads = [threading.Thread(target=producer.produce, args=("t", None, "early")) for _ in range(3)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
        results = []
        def call():
            results.append(producer.produce("t", None, "parent", timeout=30))
        for round in range(10):
            threads = [threading.Thread(target=call) for _ in range(3)]
            for thread in threads: thread.start()
            pid = os.fork()
            if pid == 0:
                for _ in range(5): producer.produce("t", None, "child", timeout=30)
                producer.close()
                os._exit(0)
            for thread in threads: thread.join()
            assert os.waitpid(pid, 0)[1] == 0
        assert len(results) == 30
        producer.close()
    """

    run_script(script, cluster.bootstrap_servers)

    values = [record.value for record in cluster.log("t")]
    assert (values.count(b"early"), values.count(b"parent"), values.count(b"child")) == (9, 30, 50)


def test_parent_and_forked_child_each_wait_on_their_own(cluster: FakeCluster) -> None:
    script = """
        import os, sys, threading
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1])
        for round in range(20):
            producer.produce("t", None, "warm")  # what it waited on is free now, and the child inherits it
            pid = os.fork()
            producer.produce("t", None, "child" if pid == 0 else "parent", timeout=20)
            if pid == 0:
                producer.close()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
        producer.close()
    """
    delayed = cluster.on(ApiKey.PRODUCE).delay(0.02, times=None)  # so that both wait at the same time

    run_script(script, cluster.bootstrap_servers)

    delayed.cancel()
    values = [record.value for record in cluster.log("t")]
    assert (values.count(b"warm"), values.count(b"parent"), values.count(b"child")) == (20, 20, 20)


def test_callbacks_that_fall_due_while_the_interpreter_exits_are_called(cluster: FakeCluster) -> None:
    script = """
        import sys
        from dekaf import Producer
        producer = Producer(bootstrap_servers=sys.argv[1], linger_ms=5000)
        for number in range(3):
            producer.fire("t", None, str(number), partition=0, on_delivery=lambda metadata, _: print(metadata.offset))
    """

    assert run_script(script, cluster.bootstrap_servers).split() == ["0", "1", "2"]
    assert len(cluster.log("t")) == 3


AT_EXIT = """
from dekaf import Producer

def save(messages):
    print([(message.topic, message.key, message.value) for message in messages], flush=True)

producer = Producer(bootstrap_servers="127.0.0.1:1", on_undelivered=save, close_timeout_ms=100)
producer.fire("t", "k", "v")
"""


def test_exit_of_the_process_hands_over_what_could_not_be_delivered() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=50, check=False)

    assert done.stdout == "[('t', b'k', b'v')]\n"
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
