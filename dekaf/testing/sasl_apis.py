"""SaslHandshake and SaslAuthenticate, at a listener with SASL and at one without."""

from __future__ import annotations

from typing import Final

from dekaf._protocol.error_codes import ErrorCode
from dekaf.testing.answers import sasl_authenticate_answer, sasl_handshake_answer
from dekaf.testing.faults import WHOLE_REQUEST, Plan
from dekaf.testing.received import ReceivedSaslAuthenticate, ReceivedSaslHandshake
from dekaf.testing.sasl_session import AuthenticateAnswer, HandshakeAnswer, SaslSession

__all__ = ("answer_sasl",)

_NOT_HERE: Final = "SaslAuthenticate request received after successful authentication"


def answer_sasl(
    request: ReceivedSaslHandshake | ReceivedSaslAuthenticate, plan: Plan, session: SaslSession | None
) -> bytes | None:
    """Return the body of an answer; None if the connection is closed instead.

    Args:
        request: what the client sent.
        plan: what the test scripted.
        session: the connection's; None at a listener without SASL.
    """
    if isinstance(request, ReceivedSaslHandshake):
        return _answer_handshake(request, plan, session)
    return _answer_authenticate(request, plan, session)


def _answer_handshake(request: ReceivedSaslHandshake, plan: Plan, session: SaslSession | None) -> bytes | None:
    answer: HandshakeAnswer | None
    scripted = plan.partitions.get(WHOLE_REQUEST)
    if session is None:
        answer = HandshakeAnswer(ErrorCode.ILLEGAL_SASL_STATE, ())
    elif scripted is not None and scripted.error_code is not None:
        session.refuse()
        others = tuple(one for one in session.mechanisms if one != request.mechanism)
        answer = HandshakeAnswer(scripted.error_code, others)
    else:
        answer = session.handshake(request.mechanism)
    if answer is None:
        return None
    return sasl_handshake_answer(error_code=answer.error_code, mechanisms=answer.mechanisms)


def _answer_authenticate(request: ReceivedSaslAuthenticate, plan: Plan, session: SaslSession | None) -> bytes:
    scripted = plan.partitions.get(WHOLE_REQUEST)
    if session is None:
        answer = AuthenticateAnswer(ErrorCode.ILLEGAL_SASL_STATE, _NOT_HERE)
    elif scripted is not None and scripted.error_code is not None:
        session.refuse()
        answer = AuthenticateAnswer(scripted.error_code, scripted.message)
    else:
        answer = session.authenticate(request.auth_bytes, fault=plan.sasl_fault)
    return sasl_authenticate_answer(
        request.version,
        error_code=answer.error_code,
        error_message=answer.error_message,
        auth_bytes=answer.auth_bytes,
        session_lifetime_ms=answer.session_lifetime_ms,
    )
