"""Look up host names on threads of our own, side by side: a name that is not answered for must not hold up the others.

The event loop's default executor refuses work once the interpreter shuts down, and newer Pythons refuse new threads
then; a producer that drains at exit may still have to reconnect. So one thread starts with the engine and waits. Others
are started for what comes while it is busy, and end with their look-up.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias, final

from dekaf._threads.native_thread import NativeThread
from dekaf._threads.primitives import SimpleQueue, look_up_addresses

__all__ = ("MOST_LOOK_UPS", "Resolver", "look_up")

# A name may take half a minute to fail, and nothing can end its look-up: more names than this, all dead, wait in line.
MOST_LOOK_UPS: Final = 8

LAST_PORT: Final = 65_535

LookUp: TypeAlias = Callable[[str, int], list[str]]


@final
class Question:
    """One look-up, and all who wait for it. Belongs to the loop's thread, but for the name."""

    def __init__(self, host: str, port: int) -> None:
        self.host: Final = host
        self.port: Final = port
        self.waiting: list[asyncio.Future[list[str]]] = []

    def is_given_up(self) -> bool:
        """Return whether every caller's time was over first."""
        return all(future.done() for future in self.waiting)

    def settle(self, addresses: list[str], error: OSError | None) -> None:
        """Tell all who still wait."""
        for future in self.waiting:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(addresses)


def look_up(host: str, port: int) -> list[str]:
    """Return a name's addresses, each once.

    Raises:
        OSError: It has none, or the resolver did not answer.
        ValueError: It cannot be a name.
        OverflowError: The port cannot be one.
    """
    found = look_up_addresses(host, port)
    return list(dict.fromkeys([str(entry[4][0]) for entry in found]))


@final
class Resolver:
    """Turn `host:port` into addresses to connect to. All runs on the event loop's thread, but for the looking up."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ask: LookUp = look_up, name: str = "dekaf-resolver") -> None:
        self._loop: Final = loop
        self._ask: Final = ask
        self._name: Final = name  # of its threads
        self._questions: dict[tuple[str, int], Question] = {}  # under way, or waiting in line
        self._line: deque[Question] = deque()
        self._is_worker_busy = False
        self._extra = 0  # threads beside the worker
        self._jobs: SimpleQueue[Question | None] = SimpleQueue()
        self._worker = NativeThread(self._work, name)

    def start(self) -> None:
        """Start the thread."""
        self._worker.start()

    def stop(self) -> None:
        """Let the thread end once its present look-up is over."""
        self._jobs.put(None)

    async def resolve(self, host: str, port: int) -> list[str]:
        """Return the addresses of `host`.

        Raises:
            OSError: It has none, or `port`, which a broker may have advertised, is none: of more than sixteen bits the
                operating system takes the last sixteen, and another server may listen there.
        """
        if not 1 <= port <= LAST_PORT:
            raise OSError(f"{port} is no port; ports are 1 to {LAST_PORT}")
        if _is_address(host):
            return [host]
        future: asyncio.Future[list[str]] = self._loop.create_future()
        self._ask_for(host, port, future)
        return await future

    def _ask_for(self, host: str, port: int, future: asyncio.Future[list[str]]) -> None:
        question = self._questions.get((host, port))
        if question is not None:  # however often it is asked, and given up: a dead name takes one thread
            question.waiting.append(future)
            return
        question = self._questions[host, port] = Question(host, port)
        question.waiting.append(future)
        if not self._begin(question):
            self._line.append(question)

    def _begin(self, question: Question) -> bool:
        """Have a thread look up a name; False if all are busy."""
        if not self._is_worker_busy:
            self._is_worker_busy = True
            self._jobs.put(question)
            return True
        if self._extra >= MOST_LOOK_UPS - 1:
            return False
        try:
            NativeThread(functools.partial(self._answer_beside, question), self._name).start()
        except (RuntimeError, MemoryError):  # the system gives none, or the interpreter exits
            return False
        self._extra += 1
        return True

    def _over(self, question: Question, addresses: list[str], error: OSError | None) -> None:
        del self._questions[question.host, question.port]
        question.settle(addresses, error)
        while self._line:
            waiting = self._line[0]
            if waiting.is_given_up():
                del self._questions[waiting.host, waiting.port]
            elif not self._begin(waiting):
                return
            self._line.popleft()

    def _over_at_worker(self, question: Question, addresses: list[str], error: OSError | None) -> None:
        self._is_worker_busy = False
        self._over(question, addresses, error)

    def _over_beside(self, question: Question, addresses: list[str], error: OSError | None) -> None:
        self._extra -= 1
        self._over(question, addresses, error)

    # On the threads.

    def _work(self) -> None:
        while True:
            question = self._jobs.get()
            if question is None or not self._answer(question, self._over_at_worker):
                return

    def _answer_beside(self, question: Question) -> None:
        self._answer(question, self._over_beside)

    def _answer(self, question: Question, over: Callable[[Question, list[str], OSError | None], None]) -> bool:
        """Look up a name and tell; return whether there is a loop left to be told."""
        addresses: list[str] = []
        error: OSError | None = None
        try:
            addresses = self._ask(question.host, question.port)
        except OSError as failure:
            error = failure
        except (ValueError, OverflowError) as failure:  # a label that is too long, or empty; a port that cannot be
            error = OSError(f"{question.host!r} is not a valid host name: {failure}")
        except MemoryError:
            error = OSError("there is no memory to look up the name")
        try:
            self._loop.call_soon_threadsafe(over, question, addresses, error)
        except RuntimeError:  # the loop is closed, and with it whatever waited
            return False
        return True


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
