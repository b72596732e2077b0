"""Obtain the producer id, and a new one when the broker no longer accepts it; there is no state without a way out."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf._protocol.error_codes import ErrorCode, row_for
from dekaf._protocol.init_producer_id import InitProducerIdResponse
from dekaf.errors import BrokerConnectionError, ClusterAuthorizationError, ProduceError, caused_error
from dekaf.producer._buffer.sequences import ProducerIdAndEpoch


class ProducerIdState(Enum):
    """Where the producer id stands."""

    UNINITIALIZED = "uninitialized"  # to be asked for, perhaps after a wait
    INITIALIZING = "initializing"  # asked for
    READY = "ready"


@final
class ProducerIdSource:
    """Pure decisions, owned by the I/O thread; `ProducerIdInquiry` does the asking. Times are monotonic seconds."""

    def __init__(self, backoff: Callable[[int], float], *, is_needed: bool) -> None:
        self.is_needed: Final = is_needed  # without idempotence batches are not numbered
        self.state = ProducerIdState.UNINITIALIZED
        self.identity: ProducerIdAndEpoch | None = None
        self._backoff: Final = backoff
        self._attempts = 0
        self._not_before = 0.0

    def is_missing(self) -> bool:
        """Return whether batches cannot be numbered for lack of an identity."""
        return self.is_needed and self.identity is None

    def due_at(self) -> float:
        """Return when to ask; infinity while there is nothing to ask for."""
        return self._not_before if self.state is ProducerIdState.UNINITIALIZED else NEVER

    def asked(self) -> None:
        """Note that a request was sent."""
        self.state = ProducerIdState.INITIALIZING

    def answered(self, response: InitProducerIdResponse, now: float) -> ProduceError | None:
        """Take over the answer; return the error with which waiting records must fail, if it is hopeless to wait."""
        if response.error_code == ErrorCode.NONE:
            self.identity = ProducerIdAndEpoch(response.producer_id, response.producer_epoch)
            self.state = ProducerIdState.READY
            self._attempts = 0
            return None
        self.lost(now)
        row = row_for(response.error_code)
        if row.is_retriable:
            return None
        if response.error_code == ErrorCode.CLUSTER_AUTHORIZATION_FAILED:
            return ClusterAuthorizationError(
                "The broker gives this client no producer id. Grant it IdempotentWrite on the cluster, or Write on a "
                "topic, or set enable_idempotence=False.",
                code=response.error_code,
            )
        return ProduceError(
            f"The broker gives no producer id: {row.name}, {row.description}.", code=response.error_code
        )

    def lost(self, now: float) -> None:
        """Note that no identity came; ask again after a wait."""
        self.state = ProducerIdState.UNINITIALIZED
        self._attempts += 1
        self._not_before = now + self._backoff(self._attempts)

    def bump(self, broken: ProducerIdAndEpoch | None) -> None:
        """Replace an identity under which a sequence has a gap. Several partitions may ask; one bump serves all."""
        if broken is None or broken is not self.identity:
            return
        self.identity = broken.bumped()
        if self.identity is None:  # the epochs are used up
            self.state = ProducerIdState.UNINITIALIZED

    def drop(self, refused: ProducerIdAndEpoch | None, now: float) -> bool:
        """Give up an identity that the broker refuses; False if it was replaced before."""
        if refused is None or refused is not self.identity:
            return False
        self.identity = None
        self.lost(now)
        return True


def unsupported_error(error: BrokerConnectionError) -> ProduceError:
    """Return the error for a broker without the API."""
    return caused_error(
        ProduceError(f"The broker gives no producer id: {error} Or set enable_idempotence=False."), error
    )
