"""How long a call may wait: the seconds its caller gave, checked, and as locks take them."""

from __future__ import annotations

import threading


def wait_seconds(timeout: float) -> float:
    """Return a timeout as locks take it: neither negative nor, as `math.inf` is, longer than they can count."""
    return min(max(0.0, timeout), threading.TIMEOUT_MAX)


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
