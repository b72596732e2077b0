"""The seconds a caller gives."""

from __future__ import annotations

import math
import threading

import pytest

from dekaf.producer._waiting.timeouts import checked_timeout


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
