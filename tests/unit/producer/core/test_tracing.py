"""When a tracer is asked."""

from __future__ import annotations

from dekaf.producer._core.tracing import NEVER_MS, Tracing
from tests.named_hooks import NotingTracer


def test_without_a_tracer_there_is_never_anything_to_ask() -> None:
    assert Tracing(None).wakes_at == NEVER_MS


def test_tracer_sleeps_until_it_wants_to_be_asked_again() -> None:
    tracer = NotingTracer()
    tracing = Tracing(tracer)
    assert tracing.wakes_at == 0

    tracing.sleep(tracer, 5_000)

    assert tracing.wakes_at == 5_000


def test_tracer_that_was_replaced_puts_no_other_one_to_sleep() -> None:
    before = NotingTracer()
    tracing = Tracing(before)
    tracing.use(NotingTracer())

    tracing.sleep(before, 5_000)

    assert tracing.wakes_at == 0
