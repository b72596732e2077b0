"""What callers hear of an outage."""

from __future__ import annotations

from time import monotonic

from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.producer._buffer.outage import Outage

GONE = BrokerConnectionError("Cannot connect to the broker at b:1: Connection refused.")


def outage(last_error: DekafError | None = GONE) -> Outage:
    return Outage(monotonic() - 5.2, "unavailable_after_ms=5000", lambda: last_error)


def test_call_that_is_not_begun_hears_for_how_long_and_why() -> None:
    error = outage().refused_error("t")

    assert str(error) == (
        "t: No broker could be reached for 5.2 s (unavailable_after_ms=5000). Cannot connect to the broker at b:1: "
        "Connection refused. It was not written: producing it again is safe."
    )
    assert (error.is_retriable, error.may_be_persisted, error.__cause__) == (True, False, GONE)


def test_call_that_waited_hears_what_became_of_its_record() -> None:
    withdrawn, sent = outage().withdrawn_error("t", 3), outage().sent_error("t", 3)

    assert (withdrawn.partition, withdrawn.is_retriable, withdrawn.may_be_persisted) == (3, True, False)
    assert "was withdrawn" in str(withdrawn)
    assert (sent.partition, sent.is_retriable, sent.may_be_persisted) == (3, True, True)
    assert "stays accepted" in str(sent)


def test_outage_without_a_reason_is_a_sentence() -> None:
    assert str(outage(None).refused_error("t")).startswith("t: No broker could be reached for 5.2 s (unavail")
