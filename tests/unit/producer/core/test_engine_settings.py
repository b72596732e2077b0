from __future__ import annotations

import pytest

from dekaf.producer._core.engine_settings import exponential_backoff


@pytest.mark.parametrize(("attempt", "middle"), [(1, 0.1), (2, 0.2), (3, 0.4), (4, 0.8)])
def test_back_off_doubles_with_each_attempt_give_or_take_a_fifth(attempt: int, middle: float) -> None:
    backoff = exponential_backoff(0.1, 10.0)

    waits = [backoff(attempt) for _ in range(200)]

    assert all(0.8 * middle <= wait <= 1.2 * middle for wait in waits)
    assert max(waits) - min(waits) > 0.1 * middle  # many clients must not come back all at once


@pytest.mark.parametrize("attempt", [5, 60, 10_000])
def test_back_off_has_a_longest_wait_however_many_attempts(attempt: int) -> None:
    assert exponential_backoff(0.1, 1.0)(attempt) == 1.0
