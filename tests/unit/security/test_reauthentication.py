"""When a connection authenticates anew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf._security.reauthentication import reauthentication_at


@pytest.mark.parametrize(
    ("lifetime_ms", "earliest", "latest"),
    [
        (3_600_000, 3060.0, 3420.0),  # 85 and 95 %
        (5_000, 4.25, 4.5),  # half a second before the end
        (2_000, 1.5, 1.5),
        (1_500, 1.1, 1.1),  # a second after the last
        (1_200, 1.1, 1.1),
        (200, 1.1, 1.1),  # the session ends before it may be renewed
    ],
)
def test_moment_lies_late_in_the_session(lifetime_ms: int, earliest: float, latest: float) -> None:
    moments = [
        reauthentication_at(lifetime_ms, sent_at=100.0, authenticated_at=100.1, spread=spread) for spread in (0.0, 1.0)
    ]

    assert moments == pytest.approx([100.0 + earliest, 100.0 + latest])


@pytest.mark.parametrize("lifetime_ms", [0, -1])
def test_session_without_an_end_is_never_renewed(lifetime_ms: int) -> None:
    assert reauthentication_at(lifetime_ms, sent_at=1.0, authenticated_at=1.0, spread=0.5) is None


@given(st.integers(1, 2**63 - 1), st.floats(0.0, 1.0), st.floats(0.0, 5.0))
def test_moment_is_in_time_wherever_that_is_possible(lifetime_ms: int, spread: float, round_trip: float) -> None:
    moment = reauthentication_at(lifetime_ms, sent_at=0.0, authenticated_at=round_trip, spread=spread)

    assert moment is not None
    assert moment >= round_trip + 1.0
    assert moment <= max(lifetime_ms / 1000.0 - 0.5, round_trip + 1.0)
