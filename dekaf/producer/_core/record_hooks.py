"""RecordHooks: all that looks at each record of a producer: its listeners, and a tracer.

A record's way in meets them once, and only where there are any. Nothing they raise, or return, costs a record.
"""

from __future__ import annotations

import time
from typing import Any, Final, final

from mypy_extensions import i64

from dekaf._record.record_reader import decode_headers
from dekaf.abc import ProducerListener, RecordEvent, RecordTracer, Sleep
from dekaf.errors import ProduceError
from dekaf.producer._buffer.batch import BatchListener, ProducerBatch
from dekaf.producer._core.hooks import ListenerHooks, subscribe
from dekaf.producer._core.tracing import PROCESS, Tracing
from dekaf.producer._engine.statistics import ProducerStatistics
from dekaf.producer._waiting.backlog import CallbackBacklog
from dekaf.producer._waiting.callbacks import CallbackThread
from dekaf.producer._waiting.record_trace import RecordTrace
from dekaf.types import Headers, RecordMetadata

# Tokens whose outcome is known, and which are still to be finished, because the tracer is slow: beyond, records are not
# traced. They take 30 MB.
MOST_UNFINISHED: Final = 10_000

_NO_HEADERS: Final = Headers()
_ALWAYS: Final = Tracing(None)
_ALWAYS.wakes_at = 0


@final
class RecordHooks:
    """Those of a producer in one process.

    Args:
        listeners: The producer's.
        tracer: Its own, to be asked in place of the process's; None: it has none.
        callbacks: Where outcomes are told.
        statistics: Count and log what goes wrong.
    """

    def __init__(
        self,
        listeners: tuple[ProducerListener, ...],
        tracer: RecordTracer | None,
        callbacks: CallbackThread,
        statistics: ProducerStatistics,
    ) -> None:
        self._listeners: Final = [ListenerHooks(one, callbacks, statistics.hook_failed) for one in listeners]
        self._senders: Final = [hook for hook in [one.on_send() for one in self._listeners] if hook is not None]
        self._hears_records: Final = [one for one in self._listeners if one.hears_records]
        self._own: Final = None if tracer is None else Tracing(tracer)
        self._callbacks: Final = callbacks
        self._statistics: Final = statistics
        self._unfinished: Final = CallbackBacklog("of the tracer")
        self._unfinished.most = MOST_UNFINISHED
        # Whose time a record's way in looks at, to see whether anything here wants the record.
        self.awaited: Final = self._awaited()

    def _awaited(self) -> Tracing:
        if self._senders or self._hears_records:
            return _ALWAYS
        return PROCESS if self._own is None else self._own

    def subscribe(self, batches: BatchListener) -> None:
        """Have batches report what is to be heard, and nothing else."""
        subscribe(self._listeners, batches)
        batches.batch_traced = self._batch_done

    def begin(
        self, topic: str, key: object, value: object, headers: Headers | None, now: i64
    ) -> tuple[Headers | None, RecordTrace | None]:
        """Let them see a record that is about to be serialized; return its headers, and what is to be kept of it.

        Args:
            topic: Its topic.
            key: As the call was given it.
            value: The same.
            headers: Those given; None without any.
            now: Milliseconds since 1970.
        """
        for on_send in self._senders:
            headers = on_send(topic, headers)
        headers, trace = self._trace(topic, key, value, headers, now)
        if self._hears_records:
            if trace is None:
                trace = RecordTrace(self._settled, topic, time.monotonic())
            trace.is_kept = True
        return headers, trace

    def refused(  # a call's own arguments
        self, topic: str, key: object, value: object, headers: Headers | None, now: i64, error: ProduceError
    ) -> None:
        """Let a tracer begin and finish a record that was refused before anything looked at it; as `begin`.

        Listeners do not hear of it, as of no other call that raises.
        """
        _, trace = self._trace(topic, key, value, headers, now)
        if trace is not None:
            trace.refuse(error)

    def _trace(
        self, topic: str, key: object, value: object, headers: Headers | None, now: i64
    ) -> tuple[Headers | None, RecordTrace | None]:
        """Ask the tracer, if it wants to be; return the record's headers, and its token in what is kept of it."""
        tracing = PROCESS if self._own is None else self._own
        tracer = tracing.tracer
        if tracer is None or now < tracing.wakes_at or self._unfinished.is_full:
            return headers, None
        answer = self._start(tracer, topic, key, value, _NO_HEADERS if headers is None else headers)
        if isinstance(answer, Sleep):
            tracing.sleep(tracer, now + int(answer.seconds * 1000))
        elif isinstance(answer, Headers):
            return answer, None
        elif isinstance(answer, tuple):
            trace = RecordTrace(self._settled, topic, time.monotonic())
            trace.take_token(tracer, answer[1])
            return headers if answer[0] is None else answer[0], trace
        return headers, None

    def _start(self, tracer: Any, topic: str, key: object, value: object, headers: Headers) -> object:
        """Return what a tracer answers, None in place of nonsense. Any: compiled code would check the type itself."""
        try:
            answer: object = tracer.start(topic, key, value, headers)
            if answer is None or isinstance(answer, Headers) or _is_pair(answer):
                return answer
            if isinstance(answer, Sleep) and 0 <= answer.seconds < 1e9:
                return answer
            raise TypeError(  # noqa: TRY301 # told like what it raises
                f"start must return headers and a token, Headers, a Sleep or None, not {type(answer).__name__}"
            )
        except Exception as error:
            self._statistics.tracer_failed("the tracer's start", error)
            return None

    # Outcomes.

    def _batch_done(self, batch: ProducerBatch) -> None:
        traces = batch.take_traces()
        self._unfinished.add(len(traces))
        self._callbacks.run(lambda: self._tell(batch, traces))

    def _tell(self, batch: ProducerBatch, traces: list[RecordTrace]) -> None:
        """Tell the outcomes of a batch's records; on the callback thread."""
        for trace in traces:
            if batch.error is None:
                trace.settle(batch.metadata_at(trace.index, trace.delta), None)
            else:
                trace.settle(None, batch.record_error(trace.index))
        self._unfinished.remove(len(traces))

    def _settled(self, trace: RecordTrace, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        if trace.tracer is not None:
            tracer: Any = trace.tracer
            try:
                tracer.finish(trace.token, metadata, error)
            except BaseException as failure:
                if not trace.was_accepted and not isinstance(failure, Exception):
                    raise  # on the thread of the call that refuses: a Ctrl-C is the application's
                self._statistics.tracer_failed("the tracer's finish", failure)
        if not trace.is_kept or not trace.was_accepted:
            return  # a call that refuses a record tells so itself
        event = _event(trace, metadata, error)
        for listener in self._hears_records:
            listener.tell_record(event)


def _is_pair(answer: object) -> bool:
    return isinstance(answer, tuple) and len(answer) == 2 and (answer[0] is None or isinstance(answer[0], Headers))


def _event(trace: RecordTrace, metadata: RecordMetadata | None, error: BaseException | None) -> RecordEvent:
    partition: int | None = None
    if metadata is not None:
        partition = metadata.partition
    elif error is not None:
        partition = getattr(error, "partition", None)
    return RecordEvent(
        topic=trace.topic,
        partition=partition,
        key=trace.key,
        headers=Headers(decode_headers(trace.headers)),
        latency=time.monotonic() - trace.started,
        metadata=metadata,
        error=error,
    )
