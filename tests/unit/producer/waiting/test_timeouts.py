"""The seconds a caller gives."""

from __future__ import annotations

import math
import threading

import pytest

from dekaf.producer._waiting.timeouts import checked_deadline, checked_timeout


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(None, None), (0, 0.0), (1, 1.0), (0.25, 0.25), (-3, 0.0), (math.inf, threading.TIMEOUT_MAX)],
)
def test_timeout_is_seconds_that_locks_can_count(given: object, seconds: float | None) -> None:
    assert checked_timeout(given) == seconds


@pytest.mark.parametrize(("given", "kind"), [(True, TypeError), ("1", TypeError), (math.nan, ValueError)])
def test_what_is_no_time_is_refused(given: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="timeout must be seconds"):
        checked_timeout(given)


@pytest.mark.parametrize("given", [0.001, 1, 120.0])
def test_deadline_is_seconds_within_the_records_life(given: float) -> None:
    assert checked_deadline(given, 120.0) == float(given)


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        (0, ValueError, "more than 0, not 0"),
        (-1, ValueError, "more than 0"),
        (math.nan, ValueError, "more than 0, not nan"),
        (120.5, ValueError, "beyond the record's own life.*delivery_timeout_ms=120000"),
        (math.inf, ValueError, "beyond the record's own life"),
        ("1", TypeError, "deadline must be seconds from now"),
        (True, TypeError, "not bool"),
    ],
)
def test_what_is_no_deadline_is_refused(given: object, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        checked_deadline(given, 120.0)
