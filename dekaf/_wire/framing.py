"""Cut a stream of received bytes into frames: an int32 size, then that many bytes.

https://kafka.apache.org/protocol#protocol_common
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i32_be
from mypy_extensions import i64

from dekaf.errors import MalformedResponseError

__all__ = ("MAX_FRAME_BYTES", "FrameBuffer")

# The default of the brokers' own limit, socket.request.max.bytes. No answer to a producer comes near it; a size above
# it is another protocol's first bytes, and must not make us wait for, or store, two gigabytes.
MAX_FRAME_BYTES: Final = 100 * 1024 * 1024

_SIZE_BYTES: Final = 4


@final
class FrameBuffer:
    """Collect received bytes and hand out the complete frames. Used by one thread."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held: i64 = 0
        # Below this many held bytes nothing can be completed, so the pieces are not joined: a large frame that comes
        # in many pieces is copied twice, not once per piece.
        self._needed: i64 = _SIZE_BYTES

    @property
    def held(self) -> int:
        """Bytes received that belong to a frame still incomplete."""
        return self._held

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes as they came from the socket; return the frames they complete, without their size prefixes.

        Raises:
            MalformedResponseError: a size is negative or above `MAX_FRAME_BYTES`. The stream cannot be followed any
                further: close the connection.
        """
        if self._held > 0:
            self._pieces.append(data)
            self._held += len(data)
            if self._held < self._needed:
                return []
            data = b"".join(self._pieces)
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        frames: list[bytes] = []
        end: i64 = len(data)
        at: i64 = 0
        needed: i64 = _SIZE_BYTES
        while end - at >= _SIZE_BYTES:
            length: int = read_i32_be(data, at)
            size: i64 = length
            if size < 0 or size > MAX_FRAME_BYTES:
                raise _wrong_size_error(size, data[at : at + _SIZE_BYTES])
            frame_end = at + _SIZE_BYTES + size
            if frame_end > end:
                needed = _SIZE_BYTES + size
                break
            frames.append(data[at + _SIZE_BYTES : frame_end])
            at = frame_end
        self._pieces = [data[at:]] if at < end else []
        self._held = end - at
        self._needed = needed
        return frames


def _wrong_size_error(size: int, prefix: bytes) -> MalformedResponseError:
    # A TLS record starts with its type, 20 to 23, and the major version 3: an alert is what a TLS port answers to
    # plain text.
    if 20 <= prefix[0] <= 23 and prefix[1] == 3:
        return MalformedResponseError(
            "The port answers in TLS, but this connection is not encrypted: set security_protocol to SSL or SASL_SSL, "
            "or use the port of the broker's plaintext listener."
        )
    if prefix == b"HTTP":
        return MalformedResponseError(
            "The port answers in HTTP: bootstrap_servers must name a Kafka broker's own listener."
        )
    return MalformedResponseError(
        f"A frame of {size} bytes is announced, where 0 to {MAX_FRAME_BYTES} are possible: the port does not speak "
        "Kafka's protocol, or the stream is damaged."
    )
