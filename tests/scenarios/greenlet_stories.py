"""What greenlets do with a producer, each in a process of its own: `python -m tests.scenarios.greenlet_stories`.

The arguments are the story, the bootstrap servers, when gevent patches the process, and whose event loop the I/O thread
runs. What a story expects, it asserts; in the end it says "told".
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from gevent import monkey

STORY, SERVERS, PATCHED, LOOP = sys.argv[1:] if __name__ == "__main__" else ("", "", "", "")

if LOOP == "asyncio":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # as where it is not installed
if STORY == "without_eventfds":
    del os.eventfd
if PATCHED == "before import":
    monkey.patch_all()

from dekaf import (  # noqa: E402 # after gevent has patched, or before
    AsyncProducer,
    BlockingCallError,
    BufferExhaustedError,
    DekafError,
    DeliveryTimeoutError,
    FlushTimeoutError,
    Producer,
)
from dekaf._log_thread import DeferredLogger  # noqa: E402 # the same

deferred: Final = DeferredLogger("dekaf.stories")
STORIES: Final[dict[str, Callable[[Producer[str, str]], None]]] = {}
OPTIONS: Final[dict[str, Any]] = json.loads(os.environ.get("STORY_OPTIONS", "{}"))
QUICK: Final[dict[str, Any]] = {"linger_ms": 1, "close_timeout_ms": 5_000, "max_block_ms": 400}
RECORD: Final = "x" * 1_000
SMALL: Final = 64 * 1024  # bytes; of buffer_memory
PATIENCE: Final = 20.0  # seconds
# Seconds in which other greenlets may not run: on a loaded machine the whole process stands still now and then, but
# every wait of these stories is longer.
LONGEST_GAP: Final = 0.3


def story(tell: Callable[[Producer[str, str]], None]) -> Callable[[Producer[str, str]], None]:
    STORIES[tell.__name__] = tell
    return tell


def made(servers: str, **options: Any) -> Producer[str, str]:
    return Producer(bootstrap_servers=servers, key=str, value=str, **{**QUICK, **options})


@contextmanager
def beating_heart() -> Iterator[None]:
    """Fail if another greenlet cannot go on while the block waits."""
    gaps: list[float] = []

    def beat() -> None:
        last = time.monotonic()
        while True:
            gevent.sleep(0.005)
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    heart = gevent.spawn(beat)
    gevent.sleep(0.02)
    started = time.monotonic()
    yield
    waited = time.monotonic() - started
    heart.kill()
    assert max(gaps) < LONGEST_GAP, gaps
    assert len(gaps) > waited * 10, (len(gaps), waited)


def fill(producer: Producer[str, str]) -> None:
    """Fire until there is no space, also after what was in the batch that is sent by then."""
    for _ in range(2):
        with gevent.Timeout(0.2, False):
            while True:
                producer.fire("orders", "filler", RECORD)


@contextmanager
def suppressed(kind: type[BaseException]) -> Iterator[None]:
    """Like `contextlib.suppress`, but it has to be raised."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__}")


def failure(call: Callable[..., object], *arguments: object, **options: object) -> BaseException | None:
    """Return what a call raises; a greenlet that fails with it has it printed."""
    try:
        call(*arguments, **options)
    except Exception as error:  # whatever it is, the story looks at it
        return error
    return None


def say(words: str) -> None:
    """Tell the test how far it has come."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


# Brokers that answer.


@story
def many_greenlets(producer: Producer[str, str]) -> None:
    """Hundreds at once, in every way there is to produce."""
    with beating_heart():
        pool = gevent.pool.Pool(300)
        calls = [pool.spawn(producer.produce, "orders", str(number), "produced") for number in range(500)]
        handles = [producer.submit("orders", str(number), "submitted") for number in range(500)]
        waits = [pool.spawn(handle.result) for handle in handles]
        batches = [pool.spawn(producer.produce_all, messages(10)) for _ in range(20)]
        told: list[object] = []
        for number in range(100):
            producer.fire("orders", str(number), "fired", on_delivery=lambda metadata, _: told.append(metadata))
        gevent.joinall([*calls, *waits, *batches], raise_error=True)
        report = producer.flush(PATIENCE)
    assert report.failed == 0
    assert len(told) == 100
    assert None not in told
    assert {greenlet.value.topic for greenlet in calls + waits} == {"orders"}
    assert producer.produce("orders", "the last one", "x").offset >= 0


def messages(count: int) -> list[Any]:
    from dekaf import ProducerMessage  # noqa: PLC0415 # beside the only use

    return [ProducerMessage.create("orders", str(number), "of many") for number in range(count)]


@story
def a_thread_of_the_pool(producer: Producer[str, str]) -> None:
    """A real thread, of gevent's own pool, waits as threads do; the greenlets go on."""
    with beating_heart():
        metadata = gevent.get_hub().threadpool.apply(producer.produce, ("orders", "from a thread", "x"))
    assert metadata.offset >= 0


@story
def without_eventfds(producer: Producer[str, str]) -> None:
    """Another system has none: greenlets that wait have a look now and then."""
    with beating_heart():
        handle = producer.submit("orders", "handle", "x")
        calls = [gevent.spawn(producer.produce, "orders", str(number), "x") for number in range(100)]
        gevent.joinall([*calls, gevent.spawn(handle.result)], raise_error=True)
        assert producer.flush(PATIENCE).failed == 0
        assert producer.close().ok


@story
def callbacks(producer: Producer[str, str]) -> None:
    """They run in a greenlet of their own; locks, events and logs of the application work there."""
    import threading  # noqa: PLC0415 # as the application has it

    lock = threading.Lock()
    enough = gevent.event.Event()
    count = [0]

    def called(_metadata: object, _error: object) -> None:
        with lock:
            count[0] += 1
        if count[0] == 400:
            enough.set()

    def hold_the_lock() -> None:
        while not enough.is_set():
            with lock:
                gevent.sleep(0.001)
            gevent.sleep(0.001)

    holder = gevent.spawn(hold_the_lock)
    with beating_heart():
        for number in range(400):
            producer.fire("orders", str(number), "x", on_delivery=called)
        assert enough.wait(PATIENCE), count
        assert producer.flush(PATIENCE).callbacks_pending == 0
    holder.join()
    future = producer.submit("orders", "as a future", "x").as_concurrent()
    assert future.result(PATIENCE).offset >= 0
    handle = producer.submit("orders", "with a callback", "x")
    called_back = gevent.event.AsyncResult()
    handle.add_done_callback(called_back.set)
    assert called_back.get(timeout=PATIENCE) is handle
    gevent.killall([one for one in gc.get_objects() if isinstance(one, gevent.Greenlet)])  # as some tests end
    again = gevent.event.AsyncResult()
    producer.fire("orders", "after all were killed", "x", on_delivery=lambda metadata, _: again.set(metadata))
    assert again.get(timeout=PATIENCE) is not None


@story
def logging_of_all(producer: Producer[str, str]) -> None:
    """What callbacks and dekaf log goes through the same handlers, and their locks, as what greenlets log."""
    import logging  # noqa: PLC0415 # as the application has it
    import threading  # noqa: PLC0415 # the same

    lines: list[str] = []
    names: set[str] = set()
    lock = threading.Lock()

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with lock:
                lines.append(record.getMessage())
                names.add(record.threadName or "")
                gevent.sleep(0.0005)

    log = logging.getLogger("dekaf")
    log.addHandler(Slow())
    log.setLevel(logging.DEBUG)

    def mine() -> None:
        for _ in range(100):
            log.info("of a greenlet")
            with lock:
                gevent.sleep(0.0001)

    greenlets = [gevent.spawn(mine) for _ in range(4)]
    for number in range(200):
        producer.fire("orders", str(number), "x", on_delivery=lambda *_: log.info("of a callback"))
        deferred.warning("of dekaf")
        gevent.sleep(0)
    gevent.joinall(greenlets, timeout=PATIENCE, raise_error=True)
    assert all(greenlet.successful() for greenlet in greenlets)
    assert producer.flush(PATIENCE).callbacks_pending == 0
    for words, count in (("of a greenlet", 400), ("of a callback", 200), ("of dekaf", 200)):
        assert lines.count(words) == count, (words, lines.count(words))
    assert {"dekaf-callbacks greenlet_stories", "MainThread"} <= names, names


@story
def forks(producer: Producer[str, str]) -> None:
    """A child of a process that has produced has threads, and a hub, of its own."""
    producer.produce("orders", "parent", "before")
    child = os.fork()
    if child == 0:
        producer.produce("orders", "child", "of a fork")
        gevent.joinall([gevent.spawn(producer.produce, "orders", "child", "x") for _ in range(20)], raise_error=True)
        os._exit(0 if producer.close(PATIENCE).ok else 1)
    with beating_heart():
        gevent.joinall([gevent.spawn(producer.produce, "orders", "parent", "x") for _ in range(20)], raise_error=True)
        assert os.waitpid(child, 0)[1] == 0


@story
def a_loop_in_a_greenlet(producer: Producer[str, str]) -> None:
    """Its own greenlet is refused what blocks; those beside it are not. Its coroutines have the other face."""
    import asyncio  # noqa: PLC0415 # what it calls a selector depends on when it was patched

    is_looping = gevent.event.Event()
    is_over = gevent.event.Event()

    async def main() -> None:
        for call in (lambda: producer.produce("orders", "k", "v"), producer.flush):
            with suppressed(BlockingCallError):
                call()
        is_looping.set()
        awaited = producer.as_async()
        several = await asyncio.gather(*(awaited.produce("orders", str(number), "awaited") for number in range(50)))
        assert len({metadata.offset for metadata in several}) > 1
        async with AsyncProducer(bootstrap_servers=producer._core.config.bootstrap_servers, key=str, value=str) as own:
            await own.produce("orders", "from a loop", "x")
        while not is_over.is_set():
            await asyncio.sleep(0.001)

    loop = gevent.spawn(asyncio.run, main())
    is_looping.wait()
    with beating_heart():
        for _ in range(20):
            producer.produce("orders", "beside a loop", "x")
        producer.flush(PATIENCE)
    is_over.set()
    loop.get(timeout=PATIENCE)


@story
def the_hub(producer: Producer[str, str]) -> None:
    """Where nothing can wait, what would have to is refused in words, and what need not is done."""
    handle = producer.submit("orders", "k", "v")
    refused: list[str] = []

    def in_the_hub() -> None:
        for call in (lambda: producer.produce("orders", "k", "v"), producer.flush, producer.check):
            try:
                call()
            except BlockingCallError as error:
                refused.append(str(error))
        try:
            producer.submit("orders", "k", "v").result()
        except BlockingCallError as error:
            refused.append(str(error))
        producer.fire("orders", "from the hub", "x")

    gevent.get_hub().loop.run_callback(in_the_hub)
    handle.result(PATIENCE)
    gevent.sleep(0.01)
    assert len(refused) == 4, refused
    assert all("hub" in words and "spawn" in words for words in refused), refused
    assert producer.flush(PATIENCE).failed == 0
    gevent.get_hub().loop.run_callback(producer.close)
    deadline = time.monotonic() + PATIENCE
    while producer.status().state.value != "closed":
        assert time.monotonic() < deadline
        gevent.sleep(0.005)


@story
def closing(producer: Producer[str, str]) -> None:
    """Everything is delivered while other greenlets go on, and nothing is left behind."""
    for number in range(1_000):
        producer.fire("orders", str(number), "x")
    with beating_heart():
        producer.flush()
        hubs = [one for one in gc.get_objects() if isinstance(one, gevent.hub.Hub)]
        # That of a token endpoint's connection is gevent's way to have TLS; else our threads need none of their own.
        assert len(hubs) == 1 + ("sasl_oauthbearer_token_endpoint_url" in OPTIONS), hubs
        producer.fire("orders", "the last one", "x")
        assert producer.close().ok


# Brokers that do not answer a Produce request.


@story
def frozen_calls(producer: Producer[str, str]) -> None:
    """Every kind of wait ends in time, and none keeps other greenlets from going on."""
    with beating_heart():
        calls = [gevent.spawn(failure, producer.produce, "orders", "k", "v", timeout=0.8) for _ in range(50)]
        handle = producer.submit("orders", "handle", "x")
        waits = [gevent.spawn(failure, handle.result, 0.8) for _ in range(10)]
        gevent.joinall(calls + waits)
        assert {type(greenlet.value) for greenlet in calls + waits} == {DeliveryTimeoutError}
        with suppressed(FlushTimeoutError):
            producer.flush(0.5)
        started = time.monotonic()
        report = producer.close(0.5)
        assert time.monotonic() - started < 3.0
    assert report.undelivered == 51, report


@story
def frozen_thousand(producer: Producer[str, str]) -> None:
    """However many greenlets wait, most descriptors are left for their sockets."""
    producer.fire("orders", "connected", "x")
    gevent.sleep(0.2)
    before = len(os.listdir("/proc/self/fd"))
    calls = [gevent.spawn(failure, producer.produce, "orders", "k", "v", deadline=30) for _ in range(1_000)]
    handle = producer.submit("orders", "handle", "x")
    calls += [gevent.spawn(failure, handle.result) for _ in range(300)]
    calls += [gevent.spawn(failure, producer.flush) for _ in range(300)]
    gevent.sleep(0.5)
    assert not any(call.ready() for call in calls)
    assert len(os.listdir("/proc/self/fd")) - before <= 70
    say("waits")  # until the cluster answers
    gevent.joinall(calls, timeout=PATIENCE)
    assert [call.value for call in calls if call.value is not None or not call.ready()] == []
    assert producer.close().ok


@story
def frozen_room(producer: Producer[str, str]) -> None:
    """A full buffer makes the greenlets wait that produce, one after the other, and nobody else."""
    with beating_heart():
        fill(producer)
        started = time.monotonic()
        fires = [gevent.spawn(failure, producer.fire, "orders", "filler", RECORD) for _ in range(20)]
        gevent.joinall(fires)
        assert {type(greenlet.value) for greenlet in fires} == {BufferExhaustedError}, [one.value for one in fires]
        assert 0.3 < time.monotonic() - started < 3.0
        refused: list[object] = []

        def in_the_hub() -> None:
            try:
                producer.fire("orders", "from the hub", RECORD)
            except BufferExhaustedError as error:
                refused.append(error)

        gevent.get_hub().loop.run_callback(in_the_hub)
        gevent.sleep(0.05)
        assert len(refused) == 1
    producer.close(0.0)


@story
def frozen_callbacks(producer: Producer[str, str]) -> None:
    """A callback that takes its time holds up those who flush, and no other greenlet."""
    producer.fire("orders", "k", "v", on_delivery=lambda *_: gevent.sleep(1.0))
    with beating_heart():
        assert producer.flush(0.5).callbacks_pending == 1
        assert producer.flush(PATIENCE).callbacks_pending == 0


# Whoever waits is killed, or runs out of time.


@story
def killed(producer: Producer[str, str]) -> None:
    """What another greenlet throws ends the wait and nothing else; the records go on."""
    handle = producer.submit("orders", "handle", "x")
    calls: list[Callable[[], object]] = [
        lambda: producer.produce("orders", "produce", "x"),
        lambda: producer.produce("orders", "produce", "x", timeout=30),
        lambda: producer.produce_all(messages(3)),
        handle.result,
        lambda: handle.result(30),
        producer.flush,
        lambda: producer.flush(30),
    ]
    for call in calls:
        greenlets = [gevent.spawn(call) for _ in range(10)]
        gevent.sleep(0.05)
        gevent.killall(greenlets)
        assert {type(greenlet.value) for greenlet in greenlets} == {gevent.GreenletExit}
        with suppressed(gevent.Timeout), gevent.Timeout(0.05):
            call()
    descriptors = len(os.listdir("/proc/self/fd"))
    for call in calls:
        with gevent.Timeout(0.02, False):
            call()
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 2
    say("waits")  # until the cluster answers
    assert handle.result(PATIENCE).offset >= 0
    report = producer.flush(PATIENCE)
    assert report.failed == 0, report
    assert report.delivered > 50, report
    gevent.joinall([gevent.spawn(producer.produce, "orders", "later", "x") for _ in range(50)], raise_error=True)
    assert producer.close().ok


@story
def forks_with_greenlets(producer: Producer[str, str]) -> None:
    """A child has copies of greenlets that wait: theirs end, and take nothing from the parent's."""
    handle = producer.submit("orders", "handle", "x")
    calls = [gevent.spawn(failure, producer.produce, "orders", "k", "v") for _ in range(10)]
    calls += [gevent.spawn(failure, handle.result) for _ in range(10)]
    calls += [gevent.spawn(failure, producer.flush) for _ in range(10)]
    gevent.sleep(0.1)
    child = os.fork()
    if child == 0:
        gevent.joinall(calls, timeout=PATIENCE)
        os._exit(0 if all(isinstance(one.value, DekafError) for one in calls[:20]) and calls[-1].ready() else 1)
    say("waits")  # until the cluster answers
    gevent.joinall(calls, timeout=PATIENCE)
    assert [one.value for one in calls if one.value is not None or not one.ready()] == []
    assert os.waitpid(child, 0)[1] == 0


@story
def killed_in_line(producer: Producer[str, str]) -> None:
    """One that waits for space leaves the line, and what it had taken."""
    fill(producer)
    for _ in range(3):
        greenlets = [gevent.spawn(producer.fire, "orders", "killed", RECORD) for _ in range(10)]
        gevent.sleep(0.05)
        gevent.killall(greenlets)
    waiting = [gevent.spawn(producer.produce, "orders", "in line", RECORD) for _ in range(5)]
    gevent.sleep(0.02)
    say("waits")  # until the cluster answers
    gevent.joinall(waiting, raise_error=True)
    assert producer.flush(PATIENCE).failed == 0
    assert producer.status().buffered_bytes == 0
    for _ in range(200):
        producer.fire("orders", "later", RECORD)
    assert producer.close().ok


@story
def killed_while_it_closes(producer: Producer[str, str]) -> None:
    """Closing goes on with whoever closes next."""
    producer.fire("orders", "k", "v")
    closer = gevent.spawn(producer.close, 30)
    gevent.sleep(0.05)
    closer.kill()
    say("waits")  # until the cluster answers
    with beating_heart():
        assert producer.close(PATIENCE).ok


def main() -> None:
    options = OPTIONS.copy()
    if STORY in {"frozen_room", "killed_in_line"}:
        options |= {"buffer_memory": SMALL}
    if STORY == "killed_in_line":
        options |= {"max_block_ms": 20_000}
    producer = made(SERVERS, **options)
    if PATCHED == "after use":
        producer.produce("orders", "before", "gevent")
    if PATCHED != "before import":
        monkey.patch_all()
    STORIES[STORY](producer)
    producer.close(0.0)
    say("told")


if __name__ == "__main__":
    import gevent
    import gevent.event
    import gevent.hub
    import gevent.pool

    main()
