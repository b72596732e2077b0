"""Ask a second broker when the first takes long: one that hangs must not keep every new topic waiting for a time-out.

A question is asked twice at the most. The first usable answer ends it; what comes later changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from dekaf._cluster.refresh import NEVER
from dekaf._network.client import NetworkClient
from dekaf._network.connection import BrokerConnection
from dekaf._network.requests import CallbackRequest
from dekaf._protocol.api import ApiKey
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.producer._inquiries.inquiry import Inquiry

__all__ = ("Answer", "HedgedInquiry")


@final
class Answer:
    """What a broker said, decoded and not taken over yet."""

    def __init__(self, take: Callable[[], None], *, is_usable: bool) -> None:
        self.take: Final = take
        self.is_usable: Final = is_usable  # otherwise the other broker's is waited for, if one was asked


@final
class Question:
    """One question, asked of one broker or two."""

    def __init__(self, connection: BrokerConnection, hedge_at: float) -> None:
        self.first: Final = connection
        self.hedge_at = hedge_at  # monotonic seconds; infinity once it was asked a second time
        self.under_way = 1
        self.is_over = False


class HedgedInquiry(Inquiry):
    """The deriving class says what is asked and what an answer means.

    Args:
        api: The kind of request.
        client: Knows the brokers.
        hedge_after: Seconds without an answer after which a second broker is asked.
    """

    def __init__(self, api: ApiKey, client: NetworkClient, hedge_after: float) -> None:
        super().__init__(api, client)
        self._hedge_after: Final = hedge_after
        self._question: Question | None = None
        self._now = 0.0

    def run(self, now: float) -> float:
        """Ask if it is time to, or ask a second broker; return when to look again."""
        self._now = now
        question = self._question
        if question is not None:
            return self._hedge(question, now)
        due = super().run(now)
        question = self._question
        return due if question is None else question.hedge_at

    def request(self, connection: BrokerConnection) -> CallbackRequest:
        """Return what hears of the first broker's answer."""
        question = self._question = Question(connection, self._now + self._hedge_after)
        return self._part(question, connection)

    def encode_again(self, body: BytesWriter, version: int) -> None:
        """Write the same question for the second broker."""
        raise NotImplementedError

    def read(self, reader: Reader, version: int, connection: BrokerConnection) -> Answer:
        """Decode an answer; what the broker asks of us on its own account, such as to hold back, is done at once."""
        raise NotImplementedError

    def lost(self, error: DekafError) -> None:
        """Deal with a question to which there will be no answer from any broker."""
        raise NotImplementedError

    def _hedge(self, question: Question, now: float) -> float:
        if now < question.hedge_at:
            return question.hedge_at
        if question.hedge_at == NEVER:
            return NEVER
        other = self._client.other_than(question.first, now)
        if other is None:
            return NEVER  # its being ready, or the end of a back-off, brings the next pass
        question.hedge_at = NEVER
        try:
            version = other.version(self._api)
        except BrokerConnectionError:
            return NEVER
        body = BytesWriter()
        self.encode_again(body, version)
        question.under_way += 1
        other.send(self._part(question, other), version, [body.getvalue()])
        return NEVER

    def _part(self, question: Question, connection: BrokerConnection) -> CallbackRequest:
        def answered(reader: Reader, version: int) -> None:
            answer = self.read(reader, version, connection)
            question.under_way -= 1
            if question.is_over or (not answer.is_usable and question.under_way > 0):
                return
            self._end(question)
            try:
                answer.take()
            except BaseException:  # it made no sense after all: the request is lost, which `lost` will be told
                question.under_way += 1
                question.is_over = False
                raise

        def lost(error: DekafError) -> None:
            question.under_way -= 1
            if question.is_over or question.under_way > 0:
                return
            self._end(question)
            self.lost(error)

        return CallbackRequest(self._api, answered, lost)

    def _end(self, question: Question) -> None:
        question.is_over = True
        self._question = None
