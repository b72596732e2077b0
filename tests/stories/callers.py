"""Who produces in a story: a thread, or tasks of an event loop; each tells what it hears to a `Told`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from dekaf import FlushTimeoutError
from dekaf.errors import ProduceError, ProducerClosedError
from dekaf.producer import AsyncProducer, Producer
from dekaf.reports import DrainReport
from dekaf.types import OnDelivery
from tests.scenarios.faces import LoopThread
from tests.stories.told import FIRE, Message, Told

__all__ = ("Caller", "LoopCaller", "ThreadCaller")


MakeCallback = Callable[[Told], OnDelivery]


class Caller(Protocol):
    """Produces what a story says; all methods are called on the story's thread."""

    @property
    def producer(self) -> Producer[Any, Any] | AsyncProducer[Any, Any]:
        """The producer."""

    def produce(self, messages: Sequence[Message]) -> list[Told]:
        """Produce messages, one after the other; their outcomes come later."""

    def flush(self, timeout: float) -> DrainReport:
        """Flush, and return the report, whether there was time enough or not."""

    def close(self, timeout: float) -> DrainReport:
        """Close the producer."""

    def end(self) -> None:
        """Leave nothing behind, if the story ended otherwise than it should."""


class ThreadCaller:
    """The thread of the story itself."""

    def __init__(self, callback: MakeCallback, **options: Any) -> None:
        self.producer: Producer[Any, Any] = Producer(**options)
        self._callback = callback

    def produce(self, messages: Sequence[Message]) -> list[Told]:
        return [self._produce(message) for message in messages]

    def _produce(self, message: Message) -> Told:
        told = Told(message)
        place = (message.topic, message.key, message.value)
        limits: Any = {"partition": message.partition, "deadline": message.deadline}
        try:
            if message.way == FIRE:
                self.producer.fire(*place, on_delivery=self._callback(told), **limits)
            else:
                handle = self.producer.submit(*place, **limits)
                handle.add_done_callback(lambda done: _note(told, done))
        except ProduceError as error:
            told.refuse(error)
        return told

    def flush(self, timeout: float) -> DrainReport:
        try:
            return self.producer.flush(timeout)
        except FlushTimeoutError as error:
            return error.report

    def close(self, timeout: float) -> DrainReport:
        return self.producer.close(timeout)

    def end(self) -> None:
        self.producer.close(0.1)


def _note(told: Told, handle: Any) -> None:
    try:
        told.note(handle.result(0), None)
    except ProduceError as error:
        told.note(None, error)


class LoopCaller:
    """Tasks of one event loop."""

    def __init__(self, callback: MakeCallback, **options: Any) -> None:
        self.producer: AsyncProducer[Any, Any] = AsyncProducer(**options)
        self._callback = callback
        self._thread = LoopThread()
        self._tasks: list[object] = []  # the loop itself keeps none alive

    def produce(self, messages: Sequence[Message]) -> list[Told]:
        told = [Told(message) for message in messages]

        def start() -> None:
            for one in told:
                self._start(one)

        self._thread.call(start)
        return told

    def _start(self, told: Told) -> None:
        if told.message.way == FIRE:
            self._fire(told)
        else:
            self._tasks.append(self._thread.loop.create_task(self._await(told)))

    def _fire(self, told: Told) -> None:
        message = told.message
        limits: Any = {"partition": message.partition, "deadline": message.deadline}
        try:
            self.producer.fire(message.topic, message.key, message.value, on_delivery=self._callback(told), **limits)
        except ProduceError as error:
            told.refuse(error)

    async def _await(self, told: Told) -> None:
        message = told.message
        limits: Any = {"partition": message.partition, "deadline": message.deadline}
        try:
            told.note(await self.producer.produce(message.topic, message.key, message.value, **limits), None)
        except ProduceError as error:
            told.note(None, error)
        except ProducerClosedError as error:  # it waited for space, and was never accepted
            told.refuse(error)

    def flush(self, timeout: float) -> DrainReport:
        async def flush() -> DrainReport:
            try:
                return await self.producer.flush(timeout)
            except FlushTimeoutError as error:
                return error.report

        return self._thread.run(flush())

    def close(self, timeout: float) -> DrainReport:
        return self._thread.run(self.producer.close(timeout))

    def end(self) -> None:
        try:
            self._thread.run(self.producer.close(0.1))
        finally:
            self._thread.stop()
