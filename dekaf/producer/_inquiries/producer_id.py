"""Ask for the producer id that idempotence needs (KIP-98)."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf._network.client import NetworkClient
from dekaf._network.connection import BrokerConnection
from dekaf._protocol.api import ApiKey
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import BrokerConnectionError, DekafError, ProduceError
from dekaf.producer._inquiries.hedged import Answer, HedgedInquiry
from dekaf.producer._inquiries.producer_id_source import ProducerIdSource, unsupported_error


@final
class ProducerIdInquiry(HedgedInquiry):
    """`hopeless` hears of answers for which no waiting record has any use in going on to wait."""

    def __init__(
        self,
        client: NetworkClient,
        source: ProducerIdSource,
        hopeless: Callable[[ProduceError], None],
        *,
        hedge_after: float,
    ) -> None:
        super().__init__(ApiKey.INIT_PRODUCER_ID, client, hedge_after)
        self._source: Final = source
        self._hopeless: Final = hopeless

    def due_at(self, now: float) -> float:
        """Return when batches lack an identity, and the source may ask."""
        return self._source.due_at() if self._source.is_missing() else NEVER

    def encode(self, body: BytesWriter, version: int) -> None:
        """Ask for an identity without a transaction."""
        self.encode_again(body, version)
        self._source.asked()

    def encode_again(self, body: BytesWriter, version: int) -> None:
        """Ask another broker; of two identities the first is taken, and the other never used."""
        InitProducerIdRequest().encode(body, version)

    def read(self, reader: Reader, version: int, connection: BrokerConnection) -> Answer:
        """Decode an answer."""
        response = InitProducerIdResponse.decode(reader, version)
        connection.throttle(response.throttle_time_ms)

        def take() -> None:
            self._answered(response)

        return Answer(take, is_usable=response.error_code == ErrorCode.NONE)

    def lost(self, error: DekafError) -> None:
        """Ask again after a wait."""
        self._source.lost(monotonic())

    def unsupported(self, connection: BrokerConnection, error: BrokerConnectionError, now: float) -> float:
        """Fail what waits: a broker that old never will give an identity."""
        self._source.lost(now)
        self._hopeless(unsupported_error(error))
        return self._source.due_at()

    def _answered(self, response: InitProducerIdResponse) -> None:
        error = self._source.answered(response, monotonic())
        if error is not None:
            self._hopeless(error)
