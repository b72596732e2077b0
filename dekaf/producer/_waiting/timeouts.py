"""How long a call may wait: the seconds its caller gave, checked, and as locks take them."""

from __future__ import annotations

from dekaf._threads.primitives import wait_seconds


def checked_deadline(deadline: object, life: float) -> float:
    """Return a call's deadline before anything happens.

    Args:
        deadline: What the caller gave: seconds from now.
        life: Seconds of a record's own life, `delivery_timeout_ms`.

    Returns:
        Seconds from now.

    Raises:
        TypeError: It is no number.
        ValueError: It is not in the future, or so far in it that the record's life ends before.
    """
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)):
        raise TypeError(f"deadline must be seconds from now as int or float, or None, not {type(deadline).__name__}")
    if not deadline > 0:  # NaN is neither
        raise ValueError(f"deadline must be seconds from now, more than 0, not {deadline}")
    if deadline > life:
        raise ValueError(
            f"deadline={deadline:g} is beyond the record's own life: it would fail after delivery_timeout_ms="
            f"{life * 1000:.0f} in any case; give a shorter deadline, or raise that option"
        )
    return float(deadline)


def checked_timeout(timeout: object) -> float | None:
    """Return a call's timeout before anything happens.

    Args:
        timeout: What the caller gave: seconds, or None for no limit.

    Returns:
        Seconds, at least zero and no more than locks can count; None for no limit.

    Raises:
        TypeError: It is no number.
        ValueError: It is not a number: NaN.
    """
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout must be seconds as int or float, or None, not {type(timeout).__name__}")
    if timeout != timeout:  # noqa: PLR0124 # only NaN differs from itself
        raise ValueError("timeout must be seconds, not NaN")
    return wait_seconds(float(timeout))
