"""Workers of job queues that are told to stop: what their tasks have fired is in Kafka, or it is known not to be."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekaf.testing import FakeCluster
from tests.kafka.ports import free_ports

ROOT = Path(__file__).parents[2]
JOBS = 12

if importlib.util.find_spec("celery") is None:
    pytest.skip("the packages are in an environment of their own: nox -s jobs", allow_module_level=True)


class Queue:
    """A queue's folder, a fake Redis and a fake Kafka, and the programs that use them."""

    def __init__(self, folder: Path, cluster: FakeCluster, redis_port: int) -> None:
        self.cluster = cluster
        self.redis_port = redis_port
        self.log = folder / "log"
        self.done = folder / "done"
        self.done.touch()
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            "PYTHONPATH": str(ROOT),
            "SERVERS": cluster.bootstrap_servers,
            "FOLDER": str(folder),
            "DONE": str(self.done),
            "REDIS_PORT": str(redis_port),
        }
        self._worker: subprocess.Popen[bytes] | None = None

    def run(self, program: str) -> None:
        """Run a program to its end."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self, *command: str, drain: bool = False) -> None:
        """Start a worker: `python -m` with a command."""
        environment = {**self._environment, **({"DRAIN": "1"} if drain else {})}
        with self.log.open("wb") as output:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_until_done(self) -> subprocess.Popen[bytes]:
        """Wait until the worker has done its work, and return it."""
        worker = self._worker
        assert worker is not None
        deadline = time.monotonic() + 50
        while self.worked() < JOBS:
            assert worker.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        return worker

    def stop_when_done(self) -> int:
        """Tell the worker to stop once it has done its work, and return with what it has ended."""
        worker = self.wait_until_done()
        worker.send_signal(signal.SIGTERM)
        return worker.wait(50)

    def delivered(self) -> int:
        return len(self.cluster.log("orders"))

    def worked(self) -> int:
        return len(self.done.read_text(encoding="ascii").splitlines())

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        if self._worker is not None:
            try:
                os.killpg(self._worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self._worker.wait()


@pytest.fixture(scope="module")
def redis_port() -> Iterator[int]:
    from fakeredis import TcpFakeServer  # noqa: PLC0415 # it may not be there

    (port,) = free_ports(1)
    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.daemon_threads, server.block_on_close = True, False  # workers that were killed leave connections behind
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield port
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def queue(tmp_path: Path, redis_port: int) -> Iterator[Queue]:
    with FakeCluster(topics={"orders": 1}) as cluster:
        queue = Queue(tmp_path, cluster, redis_port)
        yield queue
        queue.kill()


def send_celery(queue: Queue, task: str) -> None:
    queue.run(f"from tests.jobs.celery_app import {task} as t\nfor number in range({JOBS}): t.delay(number)")


CELERY = ("celery", "-A", "tests.jobs.celery_app", "worker", "--loglevel", "INFO")
POOLS = [("prefork", "-c", "2"), ("solo",), ("threads", "-c", "2"), ("gevent", "-c", "10")]


@pytest.mark.parametrize("pool", POOLS, ids=" ".join)
def test_celery_delivers_what_was_fired_where_its_signals_drain(queue: Queue, pool: tuple[str, ...]) -> None:
    send_celery(queue, "fire")
    queue.start(*CELERY, "-P", *pool, drain=True)

    queue.stop_when_done()

    assert queue.delivered() == JOBS, queue.output()


@pytest.mark.parametrize("task", ["produce", "fire_and_flush"])
def test_a_task_that_waits_has_delivered_when_it_is_acknowledged(queue: Queue, task: str) -> None:
    """With acks_late, also in a worker that is killed after that: nothing but the task itself delivers."""
    send_celery(queue, task)
    queue.start(*CELERY, "-P", "prefork", "-c", "2")

    queue.wait_until_done()
    queue.kill()

    assert queue.delivered() >= JOBS - 2, queue.output()  # two were about to


def test_celery_prefork_without_the_signals_loses_what_was_fired(queue: Queue) -> None:
    send_celery(queue, "fire")
    queue.start(*CELERY, "-P", "prefork", "-c", "2")

    queue.stop_when_done()

    assert queue.delivered() == 0, queue.output()


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_huey_delivers_by_itself(queue: Queue, kind: str) -> None:
    queue.run(f"from tests.jobs.huey_app import fire\nfor number in range({JOBS}): fire(number)")
    queue.start("huey.bin.huey_consumer", "tests.jobs.huey_app.huey", "-w", "2", "-k", kind)

    queue.stop_when_done()

    assert queue.delivered() == JOBS, queue.output()


def test_django_q2_delivers_by_itself(queue: Queue) -> None:
    queue.run(
        f"""
        from tests.jobs import django_project
        from django.core.management import call_command
        from django_q.tasks import async_task
        call_command("migrate", verbosity=0)
        for number in range({JOBS}): async_task("tests.jobs.django_task.fire", number)
        """
    )
    queue.start("tests.jobs.django_project", "qcluster")

    queue.stop_when_done()

    assert queue.delivered() == JOBS, queue.output()


@pytest.mark.parametrize(
    ("worker", "task", "delivered"),
    [
        pytest.param("InItself", "fire", JOBS, id="SimpleWorker"),
        pytest.param("InChildren", "fire_and_flush", JOBS, id="Worker, flushed in the job"),
        pytest.param("InChildren", "fire", 0, id="Worker, whose children end at once"),
    ],
)
def test_rq_delivers_in_the_worker_itself_or_in_the_job(queue: Queue, worker: str, task: str, delivered: int) -> None:
    name = f"{worker}-{task}"
    queue.run(
        f"""
        from redis import Redis
        from rq import Queue
        from tests.jobs import rq_job
        queue = Queue("{name}", connection=Redis(port={queue.redis_port}))
        for number in range({JOBS}): queue.enqueue(rq_job.{task}, number)
        """
    )
    url = f"redis://127.0.0.1:{queue.redis_port}"
    queue.start("rq.cli", "worker", name, "--url", url, "--worker-class", f"tests.jobs.rq_worker.{worker}")

    queue.stop_when_done()

    assert queue.delivered() == delivered, queue.output()


def test_arq_delivers_at_its_shutdown(queue: Queue) -> None:
    queue.run(
        f"""
        import asyncio
        from arq import create_pool
        from tests.jobs.arq_worker import WorkerSettings
        async def main():
            pool = await create_pool(WorkerSettings.redis_settings)
            for number in range({JOBS}): await pool.enqueue_job("fire", number)
        asyncio.run(main())
        """
    )
    queue.start("arq", "tests.jobs.arq_worker.WorkerSettings", drain=True)

    queue.stop_when_done()

    assert queue.delivered() == JOBS, queue.output()


def test_taskiq_delivers_at_its_shutdown(queue: Queue) -> None:
    queue.run(
        f"""
        import asyncio
        from tests.jobs.taskiq_app import broker, fire
        async def main():
            await broker.startup()
            for number in range({JOBS}): await fire.kiq(number)
            await broker.shutdown()
        asyncio.run(main())
        """
    )
    queue.start("taskiq", "worker", "tests.jobs.taskiq_app:broker", "--workers", "2", drain=True)

    queue.stop_when_done()

    assert queue.delivered() == JOBS, queue.output()


@pytest.mark.parametrize("drain", [True, False])
def test_a_scheduler_delivers_where_the_signal_drains(queue: Queue, drain: bool) -> None:
    queue.start("tests.jobs.apscheduler_job", drain=drain)

    code = queue.stop_when_done()

    assert code == (143 if drain else -signal.SIGTERM), queue.output()
    assert queue.delivered() == (queue.worked() if drain else 0), queue.output()
