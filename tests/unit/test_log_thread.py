"""The log's thread: handlers and filters do what they like there, and hold up nothing else."""

from __future__ import annotations

import ctypes
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dekaf._log_thread import KEPT_FOR_ERRORS, MOST_WAITING, DeferredLogger, LogThread, facts

PATIENCE = 10.0  # seconds


class Desk(logging.Handler):
    """A logger of its own, and what it was given; `act` is what its handler does with each record."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "test.log_thread"
        self.thread = LogThread("test-log")
        self.log = DeferredLogger(self.name, self.thread)
        self.records: list[logging.LogRecord] = []
        self.threads: list[str] = []
        self.act: Callable[[logging.LogRecord], object] = lambda record: None

    def emit(self, record: logging.LogRecord) -> None:
        """Note a record."""
        self.threads.append(threading.current_thread().name)
        self.records.append(record)
        self.act(record)

    def end(self) -> None:
        """Have the thread end, which a process keeps as long as it lives."""
        self.thread.write_out(PATIENCE)
        bells = self.thread._bells
        self.thread.begin_afresh()
        bells.put(None)

    def said(self) -> list[str]:
        """Return what was logged, once all of it is written."""
        assert self.thread.write_out(PATIENCE)
        return [record.getMessage() for record in self.records]


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    logger = logging.getLogger(desk.name)
    logger.addHandler(desk)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    yield desk
    desk.act = lambda record: None
    desk.end()
    logger.removeHandler(desk)


def test_lines_are_written_in_order_on_one_other_thread(desk: Desk) -> None:
    for number in range(50):
        desk.log.info("line %d of %s", number, "many")

    assert desk.said() == [f"line {number} of many" for number in range(50)]
    assert set(desk.threads) == {"test-log"}


def test_records_look_as_if_they_were_made_where_the_line_was(desk: Desk, gate: threading.Event) -> None:
    desk.act = lambda record: gate.wait(PATIENCE)
    failure = ValueError("on purpose")

    desk.log.info("first")
    before = time.time()
    desk.log.error("second", error=failure)
    after = time.time()
    time.sleep(0.02)
    gate.set()
    desk.said()

    record = desk.records[1]
    assert before <= record.created <= after
    assert int(record.msecs) == int(record.created * 1000) % 1000
    assert abs(record.relativeCreated - desk.records[0].relativeCreated) < 5_000
    assert (record.thread, record.threadName) == (threading.get_ident(), threading.current_thread().name)
    assert (record.filename, record.funcName) == (
        "test_log_thread.py",
        "test_records_look_as_if_they_were_made_where_the_line_was",
    )
    assert record.exc_info == (ValueError, failure, None)
    assert (record.name, record.levelno) == (desk.name, logging.ERROR)


def test_facts_become_attributes_of_the_record(desk: Desk) -> None:
    desk.log.info("news", extra={"dekaf_topic": "orders"})
    desk.log.error("loss of %d", 2, extra={"dekaf_count": 2})

    assert desk.said() == ["news", "loss of 2"]
    assert [vars(record).get("dekaf_topic") for record in desk.records] == ["orders", None]
    assert vars(desk.records[1])["dekaf_count"] == 2


# What is not enabled.


def test_what_the_level_leaves_out_costs_no_line(desk: Desk) -> None:
    desk.log.debug("a detail")
    logging.getLogger(desk.name).setLevel(logging.CRITICAL)
    desk.log.error("not that bad")

    assert not desk.thread.when_written(lambda: None)
    assert desk.thread._worker is None


@pytest.mark.parametrize("switch", ["disabled", "manager"])
def test_logging_that_is_switched_off_is_off(desk: Desk, switch: str) -> None:
    logger = logging.getLogger(desk.name)
    if switch == "disabled":
        logger.disabled = True
    else:
        logging.disable(logging.ERROR)
    try:
        desk.log.error("to nobody")
    finally:
        logger.disabled = False
        logging.disable(logging.NOTSET)

    assert desk.said() == []


def test_level_is_looked_up_without_the_lock_of_the_whole_logging(desk: Desk) -> None:
    """`logging.config` holds it while it makes an application's handlers, which may connect to somewhere."""
    done = threading.Event()
    lock: Any = vars(logging)["_lock"]
    logging.getLogger().setLevel(logging.getLogger().level)  # empties the loggers' caches of levels

    def log() -> None:
        desk.log.info("goes on")
        done.set()

    with lock:
        worker = threading.Thread(target=log)
        worker.start()
        assert done.wait(PATIENCE)
    worker.join()
    assert desk.said() == ["goes on"]


# What handlers may do.


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, MemoryError])
def test_handler_that_raises_gets_the_next_line_all_the_same(desk: Desk, kind: type[BaseException]) -> None:
    def fail(_: logging.LogRecord) -> None:
        raise kind("on purpose")

    desk.act = fail
    for number in range(3):
        desk.log.info("%d", number)

    assert desk.said() == ["0", "1", "2"]


def test_filters_run_there_too(desk: Desk) -> None:
    threads: list[str] = []

    def refuse(_: logging.LogRecord) -> bool:
        threads.append(threading.current_thread().name)
        raise SystemExit

    logger = logging.getLogger(desk.name)
    logger.addFilter(refuse)
    desk.log.info("never passes")
    said = desk.said()
    logger.removeFilter(refuse)

    assert (said, threads) == ([], ["test-log"])


def test_handler_that_waits_for_the_log_does_not_wait_for_itself(desk: Desk) -> None:
    answers: list[bool] = []
    desk.act = lambda record: answers.append(desk.thread.write_out(PATIENCE))

    desk.log.info("a handler that closes a producer")

    assert len(desk.said()) == 1
    assert answers == [True]


def test_handler_that_hangs_holds_up_nothing_and_what_is_too_much_is_counted(
    desk: Desk, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    desk.act = lambda record: gate.wait(PATIENCE)

    for number in range(MOST_WAITING + 7):
        desk.log.info("%d", number)
    desk.log.error("what was lost")
    for _ in range(KEPT_FOR_ERRORS):
        desk.log.error("more of it")
    assert not desk.thread.write_out(0.0)
    gate.set()
    said = desk.said()

    assert said[MOST_WAITING] == "what was lost"
    assert len(said) == MOST_WAITING + KEPT_FOR_ERRORS
    dropped = [record.getMessage() for record in caplog.records if record.name == "dekaf"]
    assert dropped == ["8 log record(s) of dekaf were dropped: the log's handlers take too long"]


def test_who_waits_is_told_after_the_lines_before(desk: Desk, gate: threading.Event) -> None:
    desk.act = lambda record: gate.wait(PATIENCE)
    seen: list[int] = []
    told = threading.Event()

    def tell() -> None:
        seen.append(len(desk.records))
        told.set()

    for _ in range(3):
        desk.log.info("a line")
    assert desk.thread.when_written(tell)
    desk.log.info("a later one")
    assert seen == []
    gate.set()

    assert told.wait(PATIENCE)
    assert seen == [3]


def test_there_is_nothing_to_wait_for_when_all_is_written(desk: Desk) -> None:
    desk.log.info("a line")
    desk.said()

    assert not desk.thread.when_written(lambda: None)


# The thread.


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_thread_that_dies_is_replaced(desk: Desk) -> None:
    desk.log.info("before")
    desk.said()
    worker = desk.thread._worker
    assert worker is not None
    assert worker._native is not None
    assert worker._native.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker._native.ident), ctypes.py_object(SystemExit))

    desk.log.info("wakes it, and it dies")
    worker.join(PATIENCE)
    desk.log.info("after")

    assert desk.said()[-1] == "after"


def test_without_a_thread_nobody_waits_and_lines_come_with_the_next(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        desk.log.info("first")
        assert not desk.thread.when_written(lambda: None)
    desk.log.info("second")

    assert desk.said() == ["first", "second"]


FORKED = """
import logging, os, sys, threading

from dekaf._log_thread import LOG_THREAD, DeferredLogger

class Slow(logging.Handler):
    def emit(self, record):
        gate.wait(20)
        os.write(1, f"{'child' if os.getpid() != parent else 'parent'}: {record.getMessage()}\\n".encode())

parent = os.getpid()
gate = threading.Event()
logging.getLogger("dekaf").addHandler(Slow())
log = DeferredLogger("dekaf.test")
log.error("before")
pid = FORK()
if pid:
    os.waitpid(pid, 0)
    gate.set()
    assert LOG_THREAD.write_out(20)
else:
    gate = threading.Event()
    gate.set()
    log.error("after")
    assert LOG_THREAD.write_out(20)
    os._exit(0)
"""


@pytest.mark.parametrize("fork", ["os.fork", "__import__('tests.unit.test_log_thread').unit.test_log_thread.bare_fork"])
def test_forked_child_writes_its_own_lines_and_no_others(fork: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED.replace("FORK", fork)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout) == (0, "child: after\nparent: before\n"), done.stderr


def bare_fork() -> int:
    """Fork as uWSGI does: without running Python's hooks."""
    libc = ctypes.PyDLL(None)
    return int(libc.fork())


AT_EXIT = """
import logging, threading, time

from dekaf import Producer
from dekaf.testing import FakeCluster

class Slow(logging.Handler):
    def emit(self, record):
        WAIT
        print(record.getMessage().partition(":")[0], flush=True)

log = logging.getLogger("dekaf")
log.addHandler(Slow())
log.propagate = False
cluster = FakeCluster(topics={"t": 1}).start()
producer = Producer(bootstrap_servers=cluster.bootstrap_servers, close_timeout_ms=CLOSE)
producer.produce("t", value=b"a")
log.setLevel(logging.INFO)
END
"""


def at_exit(wait: str, end: str, close: int) -> tuple[str, float]:
    script = AT_EXIT.replace("WAIT", wait).replace("END", end).replace("CLOSE", str(close))
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, time.monotonic() - started


@pytest.mark.timeout(90)
@pytest.mark.parametrize("end", ["", "producer.close(0.0)"])
def test_what_is_queued_is_written_at_exit(end: str) -> None:
    printed, _ = at_exit("time.sleep(1)", end, 20_000)

    assert printed == ("Producer closed by close()\n" if end else "Producer closed at exit\n")


@pytest.mark.timeout(90)
@pytest.mark.parametrize("end", ["", "producer.close(0.0)"])
def test_process_exits_though_a_handler_never_returns(end: str) -> None:
    printed, took = at_exit("threading.Event().wait()", end, 300)

    assert printed == ""
    assert took < 20.0


def test_facts_have_their_names_and_those_that_are_not_known_are_left_out() -> None:
    known = facts("shop", topic="orders", partition=0, count=0, broker="a:1", error=ValueError("x"))

    assert known == {
        "dekaf_client_id": "shop",
        "dekaf_topic": "orders",
        "dekaf_partition": 0,
        "dekaf_count": 0,
        "dekaf_broker": "a:1",
        "dekaf_error": "ValueError",
    }
    assert facts(None, topic="orders") == {"dekaf_topic": "orders"}
