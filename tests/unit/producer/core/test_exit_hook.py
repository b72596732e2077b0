"""What becomes of producers when the interpreter exits."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from dekaf.producer._core import exit_hook
from dekaf.testing import FakeCluster
from tests.scenarios.faces import break_engine, eventually, thread_producer


@pytest.mark.parametrize("end", ["close", "drop", "close without waiting", "close after a failure"])
def test_producer_that_has_ended_is_kept_no_longer(end: str) -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        producer = thread_producer(cluster.bootstrap_servers)
        producer.produce("t", None, b"v")
        life = producer._core.life
        assert life in exit_hook._lives

        if end == "drop":
            held = [producer]
            del producer
            with pytest.warns(ResourceWarning):
                held.clear()
        elif end == "close without waiting":
            producer._core.close_without_waiting(None)
        else:
            if end == "close after a failure":
                break_engine(producer)
            producer.close()

        eventually(lambda: life not in exit_hook._lives)


def output_of(program: str) -> str:
    """Run a program in an interpreter of its own; return what it has printed and logged."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("calls", ["", "producer.close(); "])
def test_everything_is_delivered_and_reported_once(calls: str) -> None:
    printed = output_of(
        f"""
        import logging, sys
        from dekaf import Producer
        from dekaf.testing import FakeCluster

        cluster = FakeCluster(topics={{"t": 1}}).start()
        producer = Producer(bootstrap_servers=cluster.bootstrap_servers, linger_ms=15_000)
        producer.fire("t", value=b"a")
        logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
        {calls}
        """
    )

    lines = [line for line in printed.splitlines() if line.startswith("Producer closed")]
    assert len(lines) == 1, printed
    assert lines[0].startswith(
        f"Producer closed {'by close()' if calls else 'at exit'}: 1 delivered, 0 failed, 0 undelivered"
    )


def test_producer_is_closed_afterwards_and_tells_the_same_report() -> None:
    """The application's own hook runs later, as it was registered before dekaf was imported."""
    printed = output_of(
        """
        import atexit

        def look():
            print(producer.status().state, producer.close().delivered)
            try:
                producer.fire("t", value=b"too late")
            except Exception as error:
                print(type(error).__name__, error)

        atexit.register(look)
        from dekaf import Producer

        producer = Producer(bootstrap_servers="127.0.0.1:1", backend="memory")
        producer.fire("t", value=b"a")
        """
    )

    assert printed.splitlines() == [
        "closed 1",
        "ProducerClosedError The interpreter is exiting, and producers have been closed.",
    ]


def test_callbacks_of_what_was_given_up_are_called() -> None:
    printed = output_of(
        """
        from dekaf import Producer

        producer = Producer(bootstrap_servers="127.0.0.1:1", close_timeout_ms=0)
        producer.fire("t", value=b"a", on_delivery=lambda metadata, error: print(type(error).__name__))
        """
    )

    assert printed == "DeliveryAbortedError\n"


FLUSHED_BEFORE = """
    import atexit, time
    from dekaf import Producer, telemetry
    from dekaf.testing import FakeCluster

    cluster = FakeCluster(topics={{"t": 1}}).start()

    class Tracer:
        def start(self, topic, key, value, headers):
            return headers, value
        def finish(self, token, metadata, error):
            print("finished", token, None if error is None else type(error).__name__)

    def exporter_ends():
        print("the exporter ends")
        producer.fire("t", value=b"2")

    atexit.register(exporter_ends)
    telemetry.flush_before_exit_hooks()
    telemetry.install(Tracer())
    options = {{"linger_ms": 15_000, "close_timeout_ms": 1_000}}
    producer = Producer(bootstrap_servers={servers}, **options)
    producer.fire("t", value=b"1")
    began = time.monotonic()
    telemetry.after_drain(lambda: print("drained", "in time" if time.monotonic() < began + 2 else "too late"))
"""


def test_what_lingers_is_told_before_an_exporter_ends_and_hooks_may_still_produce() -> None:
    printed = output_of(FLUSHED_BEFORE.format(servers="cluster.bootstrap_servers"))

    assert printed.splitlines() == [
        "finished b'1' None",
        "the exporter ends",
        "finished b'2' None",
        "drained in time",  # the producer
        "drained in time",  # and all of them
    ]


def test_flushing_before_takes_no_more_time_than_closing_has() -> None:
    printed = output_of(FLUSHED_BEFORE.format(servers="'127.0.0.1:1'"))

    assert printed.splitlines() == [
        "the exporter ends",
        "finished b'1' DeliveryAbortedError",
        "finished b'2' DeliveryAbortedError",
        "drained in time",
        "drained in time",
    ]
