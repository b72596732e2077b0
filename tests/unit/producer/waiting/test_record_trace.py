"""What is kept of a record until its outcome is known."""

from __future__ import annotations

from dekaf.producer._waiting.record_trace import (
    KEPT_COST,
    TOKEN_COST,
    RecordTrace,
    chain_for,
    chain_of,
    in_order,
)
from dekaf.types import RecordMetadata

METADATA = RecordMetadata("t", 0, 5, 0)


class Ear(list[tuple[RecordTrace, RecordMetadata | None, BaseException | None]]):
    """Notes what is settled."""

    def __call__(self, trace: RecordTrace, metadata: RecordMetadata | None, error: BaseException | None) -> None:
        self.append((trace, metadata, error))


def traces(count: int, ear: Ear | None = None) -> list[RecordTrace]:
    made = [RecordTrace(Ear() if ear is None else ear, "t", 0.0) for _ in range(count)]
    for index, trace in enumerate(made):
        trace.index = index
        trace.delta = 10 * index
    return made


def test_outcome_is_told_once() -> None:
    ear = Ear()
    (trace,) = traces(1, ear)

    trace.settle(METADATA, None)
    trace.refuse(ValueError())

    assert ear == [(trace, METADATA, None)]


def test_token_and_what_is_kept_have_their_cost() -> None:
    plain, token, kept = traces(3)
    token.take_token(object(), object())
    kept.is_kept = True
    for trace in (plain, token, kept):
        trace.keep(b"key", b"\x00\x00")

    assert (plain.cost_bytes, token.cost_bytes, kept.cost_bytes) == (0, TOKEN_COST, KEPT_COST + 5)
    assert (plain.key, token.key, kept.key) == (None, None, b"key")


def test_chain_has_the_order_of_the_records() -> None:
    listed = traces(3)

    chain = chain_of(listed)

    assert chain is listed[2]
    assert in_order(chain) == listed
    assert [trace.following for trace in listed] == [None, None, None]
    assert in_order(chain_of([])) == []


def test_parts_of_a_batch_have_their_own_traces() -> None:
    listed = traces(5)

    parts = [chain_for(listed, 0, 2, 0), chain_for(listed, 2, 3, 7), chain_for(listed, 3, 5, 0)]

    assert [[trace.index for trace in in_order(part)] for part in parts] == [[0, 1], [0], [0, 1]]
    assert [trace.delta for trace in listed] == [0, 10, 27, 30, 40]


def test_long_chain_is_freed_without_trouble() -> None:
    chain = chain_of(traces(200_000))

    assert len(in_order(chain)) == 200_000
    del chain
