"""Outage: no broker can be reached, since when and why; what callers are told who would wait in vain."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf.errors import ClusterUnavailableError, DekafError, caused_error


@final
class Outage:
    """Any thread may ask it for errors.

    Args:
        since: Monotonic seconds since when no broker could be reached.
        limit: The option that makes an outage of it, with its value.
        last_error: Tells why no broker is connected at present.
    """

    def __init__(self, since: float, limit: str, last_error: Callable[[], DekafError | None]) -> None:
        self.since: Final = since
        self._limit: Final = limit
        self._last_error: Final = last_error

    def refused_error(self, topic: str) -> ClusterUnavailableError:
        """Return the error of a call that was not begun: nothing was accepted."""
        return self._error(topic, None, "", is_sent=False)

    def withdrawn_error(self, topic: str, partition: int | None) -> ClusterUnavailableError:
        """Return the error of a call whose record waited to be sent, and was withdrawn."""
        return self._error(topic, partition, " The record was withdrawn.", is_sent=False)

    def sent_error(self, topic: str, partition: int) -> ClusterUnavailableError:
        """Return the error of a call whose record was sent before the outage."""
        return self._error(topic, partition, " The record was sent before, and stays accepted.", is_sent=True)

    def _error(self, topic: str, partition: int | None, fate: str, *, is_sent: bool) -> ClusterUnavailableError:
        cause = self._last_error()
        reason = "" if cause is None else f" {cause}"
        error = ClusterUnavailableError(
            f"No broker could be reached for {monotonic() - self.since:.1f} s ({self._limit}).{reason}{fate}",
            topic=topic,
            partition=partition,
            is_retriable=True,
            may_be_persisted=is_sent,
        )
        return caused_error(error, cause)
