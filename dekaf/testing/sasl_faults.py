"""SaslFault: what a hostile or broken peer says instead of the broker's message of SCRAM."""

from __future__ import annotations

import base64
import enum
import secrets
from typing import Final, TypeAlias

__all__ = ("ANY_MESSAGE", "SCRAM_FINAL", "SCRAM_FIRST", "SaslFault", "SaslMessage", "spoilt")

# One of a broker's messages, as the faults of requests name topics and partitions.
SaslMessage: TypeAlias = tuple[str, int]
ANY_MESSAGE: Final[SaslMessage] = ("", -1)
SCRAM_FIRST: Final[SaslMessage] = ("first message of SCRAM", -1)
SCRAM_FINAL: Final[SaslMessage] = ("last message of SCRAM", -1)

_BOMB: Final = 2_000_000_000
_GARBAGE: Final = b"\xff\x00 this is not what the mechanism says"


class SaslFault(enum.Enum):
    """How a broker's bytes are spoilt. A fault waits for the message that it concerns.

    Args:
        OTHER_NONCE: of SCRAM's first message: a nonce that does not begin with the client's.
        CLIENT_NONCE: … the client's nonce alone, to which nothing was added.
        MANDATORY_EXTENSION: … the attribute ``m=``, which a client has to refuse.
        ITERATION_BOMB: … two thousand million iterations.
        FEW_ITERATIONS: … a single iteration, which gives the password away.
        BAD_SALT: … a salt that is not base64.
        BAD_SIGNATURE: of SCRAM's last message: a signature of a server that does not know the password.
        NO_SIGNATURE: … nothing at all.
        SERVER_ERROR: … ``e=other-error``.
        GARBAGE: of any message of any mechanism: bytes that make no sense.
    """

    OTHER_NONCE = "other nonce"
    CLIENT_NONCE = "client nonce"
    MANDATORY_EXTENSION = "mandatory extension"
    ITERATION_BOMB = "iteration bomb"
    FEW_ITERATIONS = "few iterations"
    BAD_SALT = "bad salt"
    BAD_SIGNATURE = "bad signature"
    NO_SIGNATURE = "no signature"
    SERVER_ERROR = "server error"
    GARBAGE = "garbage"

    @property
    def concerns(self) -> SaslMessage:
        """The message that it spoils."""
        if self is SaslFault.GARBAGE:
            return ANY_MESSAGE
        is_last = self in {SaslFault.BAD_SIGNATURE, SaslFault.NO_SIGNATURE, SaslFault.SERVER_ERROR}
        return SCRAM_FINAL if is_last else SCRAM_FIRST


def spoilt(message: bytes, fault: SaslFault, *, client_nonce: str) -> bytes:
    """Return what is sent instead of a broker's message.

    Args:
        message: the right one.
        fault: what is wrong with the other.
        client_nonce: the client's part of the nonce.
    """
    if fault is SaslFault.GARBAGE:
        return _GARBAGE
    if fault.concerns == SCRAM_FINAL:
        return _spoilt_final(message, fault)
    nonce, salt, iterations = message.decode().split(",")
    replaced = {
        SaslFault.OTHER_NONCE: [f"r={secrets.token_hex(24)}", salt, iterations],
        SaslFault.CLIENT_NONCE: [f"r={client_nonce}", salt, iterations],
        SaslFault.MANDATORY_EXTENSION: ["m=unheard-of", nonce, salt, iterations],
        SaslFault.ITERATION_BOMB: [nonce, salt, f"i={_BOMB}"],
        SaslFault.FEW_ITERATIONS: [nonce, salt, "i=1"],
        SaslFault.BAD_SALT: [nonce, "s=?", iterations],
    }
    return ",".join(replaced[fault]).encode()


def _spoilt_final(message: bytes, fault: SaslFault) -> bytes:
    if fault is SaslFault.NO_SIGNATURE:
        return b""
    if fault is SaslFault.SERVER_ERROR:
        return b"e=other-error"
    return b"v=" + base64.b64encode(secrets.token_bytes(len(base64.b64decode(message[2:]))))
