"""The plainest client there is: one socket, one request after the other, bytes that a test can look at."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from types import TracebackType

from dekaf._protocol.api import ApiKey, is_flexible
from dekaf._protocol.api_versions import ApiVersionsRequest, ApiVersionsResponse
from dekaf._protocol.headers import decode_response_header, encode_request_header
from dekaf._protocol.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from dekaf._protocol.metadata import MetadataRequest, MetadataResponse
from dekaf._protocol.produce import PartitionProduceResponse, ProduceResponse
from dekaf._protocol.sasl_authenticate import SaslAuthenticateRequest, SaslAuthenticateResponse
from dekaf._protocol.sasl_handshake import SaslHandshakeRequest, SaslHandshakeResponse
from dekaf._wire.reader import Reader
from dekaf._wire.writer import (
    NULL_UUID,
    BytesWriter,
    write_compact_bytes,
    write_compact_string,
    write_i16_be,
    write_i32_be,
    write_uuid,
    write_uvarint,
)
from dekaf.testing import FakeBroker
from tests.unit.testing.batches import batch

PATIENCE = 5.0  # seconds until a test that waits for bytes gives up


class RawClient:
    """Speaks to one broker."""

    def __init__(self, broker: FakeBroker) -> None:
        self._socket = socket.create_connection((broker.host, broker.port), timeout=PATIENCE)
        self._correlation_id = 100

    def __enter__(self) -> RawClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    # Bytes.

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """Return that many bytes, or fewer if the connection ends first."""
        received = b""
        while len(received) < size:
            piece = self._socket.recv(size - len(received))
            if not piece:
                break
            received += piece
        return received

    def receive_frame(self) -> bytes:
        (size,) = struct.unpack(">i", self.receive(4))
        return self.receive(size)

    def has_nothing_to_read(self, seconds: float = 0.05) -> bool:
        self._socket.settimeout(seconds)
        try:
            self._socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return False

    def is_closed_by_broker(self) -> bool:
        """Wait until the connection ends; False if bytes come instead."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def is_reset_by_broker(self) -> bool:
        try:
            self._socket.recv(1)
        except ConnectionResetError:
            return True
        return False

    # Requests.

    def request(self, api: ApiKey, version: int, body: bytes) -> int:
        """Send a request and return its correlation id."""
        self._correlation_id += 1
        writer = BytesWriter()
        encode_request_header(writer, api, version=version, correlation_id=self._correlation_id, client_id=b"raw")
        message = writer.getvalue() + body
        self.send(struct.pack(">i", len(message)) + message)
        return self._correlation_id

    def response(self, api: ApiKey, version: int, correlation_id: int) -> Reader:
        """Return the body of the next answer."""
        reader = Reader(self.receive_frame())
        assert decode_response_header(reader, api, version) == correlation_id
        return reader

    def api_versions(self, version: int, name: str = "raw", software_version: str = "1.0") -> ApiVersionsResponse:
        writer = BytesWriter()
        ApiVersionsRequest(client_software_name=name, client_software_version=software_version).encode(
            writer, min(version, 4)
        )
        return self.api_versions_with(version, writer.getvalue())

    def api_versions_with(self, version: int, body: bytes) -> ApiVersionsResponse:
        sent = self.request(ApiKey.API_VERSIONS, version, body)
        return ApiVersionsResponse.decode(self.response(ApiKey.API_VERSIONS, version, sent), version)

    def metadata(self, *topics: str, version: int = 12, allow_auto_topic_creation: bool = False) -> MetadataResponse:
        writer = BytesWriter()
        MetadataRequest(topics=topics, allow_auto_topic_creation=allow_auto_topic_creation).encode(writer, version)
        sent = self.request(ApiKey.METADATA, version, writer.getvalue())
        return MetadataResponse.decode(self.response(ApiKey.METADATA, version, sent), version)

    def init_producer_id(
        self, version: int = 4, *, transactional_id: str | None = None, producer_id: int = -1, epoch: int = -1
    ) -> InitProducerIdResponse:
        writer = BytesWriter()
        InitProducerIdRequest(
            transactional_id=transactional_id,
            transaction_timeout_ms=60_000,
            producer_id=producer_id,
            producer_epoch=epoch,
        ).encode(writer, version)
        sent = self.request(ApiKey.INIT_PRODUCER_ID, version, writer.getvalue())
        return InitProducerIdResponse.decode(self.response(ApiKey.INIT_PRODUCER_ID, version, sent), version)

    def sasl_handshake(self, mechanism: str) -> SaslHandshakeResponse:
        writer = BytesWriter()
        SaslHandshakeRequest(mechanism=mechanism).encode(writer, 1)
        sent = self.request(ApiKey.SASL_HANDSHAKE, 1, writer.getvalue())
        return SaslHandshakeResponse.decode(self.response(ApiKey.SASL_HANDSHAKE, 1, sent), 1)

    def sasl_authenticate(self, auth_bytes: bytes, version: int) -> SaslAuthenticateResponse:
        writer = BytesWriter()
        SaslAuthenticateRequest(auth_bytes=auth_bytes).encode(writer, version)
        sent = self.request(ApiKey.SASL_AUTHENTICATE, version, writer.getvalue())
        return SaslAuthenticateResponse.decode(self.response(ApiKey.SASL_AUTHENTICATE, version, sent), version)

    def send_produce(
        self,
        *batches: tuple[str, int, bytes],
        version: int = 9,
        acks: int = -1,
        topic_id: bytes = NULL_UUID,
        transactional_id: str | None = None,
    ) -> int:
        """Send a Produce request, each batch as a topic element of its own, and return its correlation id."""
        chosen = batches or (("orders", 0, batch()),)
        body = produce_body(chosen, version=version, acks=acks, topic_id=topic_id, transactional_id=transactional_id)
        return self.request(ApiKey.PRODUCE, version, body)

    def produce_response(self, sent: int, version: int = 9) -> ProduceResponse:
        return ProduceResponse.decode(self.response(ApiKey.PRODUCE, version, sent), version)

    def produce(
        self, *batches: tuple[str, int, bytes], version: int = 9, topic_id: bytes = NULL_UUID, acks: int = -1
    ) -> list[PartitionProduceResponse]:
        """Send a Produce request, and return what is answered for its partitions."""
        sent = self.send_produce(*batches, version=version, topic_id=topic_id, acks=acks)
        answer = self.produce_response(sent, version)
        return [partition for topic in answer.topics for partition in topic.partitions]


def produce_body(
    batches: Sequence[tuple[str, int, bytes]],
    *,
    version: int,
    acks: int = -1,
    topic_id: bytes = NULL_UUID,
    transactional_id: str | None = None,
) -> bytes:
    """Return a Produce request; `topic_id` may be several ids of 16 bytes, one for each batch."""
    flexible = is_flexible(ApiKey.PRODUCE, version)
    writer = BytesWriter()
    _put_nullable(writer, transactional_id, flexible=flexible)
    write_i16_be(writer, acks)
    write_i32_be(writer, 30_000)
    _put_count(writer, len(batches), flexible=flexible)
    for at, (topic, partition, data) in enumerate(batches):
        if version >= 13:
            write_uuid(writer, topic_id[16 * at :][:16] or topic_id[:16])
        else:
            _put_nullable(writer, topic, flexible=flexible)
        _put_count(writer, 1, flexible=flexible)
        write_i32_be(writer, partition)
        if flexible:
            write_compact_bytes(writer, data)
            writer.write(b"\0\0")
        else:
            write_i32_be(writer, len(data))
            writer.write(data)
    if flexible:
        writer.append(0)
    return writer.getvalue()


def _put_nullable(writer: BytesWriter, text: str | None, *, flexible: bool) -> None:
    if flexible and text is None:
        writer.append(0)
    elif flexible and text is not None:
        write_compact_string(writer, text)
    else:
        write_i16_be(writer, -1 if text is None else len(text))
        writer.write((text or "").encode())


def _put_count(writer: BytesWriter, count: int, *, flexible: bool) -> None:
    if flexible:
        write_uvarint(writer, count + 1)
    else:
        write_i32_be(writer, count)
