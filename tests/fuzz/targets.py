"""What is fuzzed: each reader of foreign bytes, good inputs to damage, and the errors it may answer damage with."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import lz4.frame
import snappy
import zstandard

from dekaf._cluster.metadata import NO_METADATA
from dekaf._cluster.topic_life import TopicHistories
from dekaf._protocol.api import SUPPORTED, ApiKey
from dekaf._protocol.api_versions import ApiVersionsRequest, ApiVersionsResponse
from dekaf._protocol.error_codes import ErrorCode
from dekaf._protocol.headers import decode_response_header, encode_request_header
from dekaf._protocol.init_producer_id import InitProducerIdRequest, InitProducerIdResponse
from dekaf._protocol.metadata import MetadataRequest, MetadataResponse
from dekaf._protocol.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from dekaf._protocol.sasl_authenticate import SaslAuthenticateResponse
from dekaf._protocol.sasl_handshake import SaslHandshakeResponse
from dekaf._record.builder import RecordBatchBuilder, content_size, encode_headers
from dekaf._record.compression import codec_for
from dekaf._record.record_reader import read_records as read_own_records
from dekaf._security.exchange import SaltNeeded, SaslExchange
from dekaf._security.mechanism import Mechanism
from dekaf._security.oauth_bearer import OAuthBearerExchange
from dekaf._security.plain import PlainExchange
from dekaf._security.salted_password import SaltedPasswords
from dekaf._security.scram import ScramExchange
from dekaf._security.secret import Secret
from dekaf._wire.framing import FrameBuffer
from dekaf._wire.reader import Reader
from dekaf._wire.writer import BytesWriter
from dekaf.errors import AuthenticationError, CredentialsUnavailableError, MalformedResponseError
from dekaf.security import OAuthToken
from dekaf.testing.answers import (
    AnsweredPartition,
    AnsweredTopic,
    DescribedPartition,
    DescribedTopic,
    Endpoint,
    api_versions_answer,
    frame,
    init_producer_id_answer,
    metadata_answer,
    produce_answer,
    sasl_authenticate_answer,
    sasl_handshake_answer,
)
from dekaf.testing.decompression import UndecodableError, decompress
from dekaf.testing.received import decode_header, decode_request
from dekaf.testing.record_reader import HEADER_BYTES, BatchHeader, UnreadableBatchError, read_records
from tests.fuzz.token_endpoint import endpoint_inputs, read_token

__all__ = ("TARGETS", "Seed", "Target")

# The most a decompressor may return here: far more than the good inputs hold, and still quick to reach.
DECOMPRESSED_LIMIT: Final = 4 * 1024 * 1024

TOPIC_ID: Final = bytes.fromhex("0123456789abcdef0123456789abcdef")
_CORRELATION_ID: Final = 7
_SERVED: Final = (ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.API_VERSIONS, ApiKey.INIT_PRODUCER_ID)
_NOW: Final = 1_700_000_000_000
_SIZE_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Seed:
    """A good input.

    Args:
        variant: what the reader is told beside the bytes: a version, a codec, a count; each target's own.
        data: the bytes.
    """

    variant: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One reader of foreign bytes.

    Args:
        name: how the command line calls it.
        about: what it reads.
        seeds: makes the good inputs; one at least.
        read: reads bytes, given the variant of the seed they were made of.
        refusals: what it may raise about damaged bytes; anything else is a finding.
    """

    name: str
    about: str
    seeds: Callable[[], list[Seed]]
    read: Callable[[int, bytes], object]
    refusals: tuple[type[Exception], ...] = (MalformedResponseError,)


# Answers of brokers: the variant is the API's version.


def _answers(api: ApiKey, body: Callable[[int], Iterator[bytes]]) -> list[Seed]:
    """Return whole answers, without their size, in every version the client speaks."""
    lowest, highest = SUPPORTED[api]
    return [
        Seed(version, frame(api, version, _CORRELATION_ID, one)[_SIZE_BYTES:])
        for version in range(lowest, highest + 1)
        for one in body(version)
    ]


def _api_versions_bodies(version: int) -> Iterator[bytes]:
    ranges = {int(api): (0, 13) for api in ApiKey}
    yield api_versions_answer(version, error_code=0, ranges=ranges, throttle_time_ms=3)
    yield api_versions_answer(0, error_code=ErrorCode.UNSUPPORTED_VERSION, ranges={18: (0, 2)})


def _metadata_bodies(version: int) -> Iterator[bytes]:
    brokers = [Endpoint(node_id=1, host="b1.example", port=9092), Endpoint(node_id=2, host="::1", port=9093)]
    partitions = [
        DescribedPartition(error_code=0, index=0, leader_id=1, leader_epoch=4, replicas=(1, 2)),
        DescribedPartition(error_code=5, index=1, leader_id=-1, leader_epoch=-1, replicas=()),
    ]
    known = DescribedTopic(error_code=0, name="t", topic_id=TOPIC_ID, partitions=partitions)
    missing = DescribedTopic(error_code=3, name="gone", topic_id=bytes(16))
    yield metadata_answer(version, brokers=brokers, cluster_id="abc", topics=[known, missing], throttle_time_ms=3)
    yield metadata_answer(version, brokers=[], cluster_id="", topics=[], error_code=ErrorCode.REBOOTSTRAP_REQUIRED)


def _produce_bodies(version: int) -> Iterator[bytes]:
    good = AnsweredPartition(index=0, error_code=0, base_offset=42, log_append_time_ms=_NOW)
    refused = AnsweredPartition(index=1, error_code=87, record_errors={0: "no key", 2: None}, message="refused")
    moved = AnsweredPartition(index=2, error_code=6, leader=(2, 9))
    topic = AnsweredTopic(name="t", topic_id=TOPIC_ID, partitions=[good, refused, moved])
    endpoints = [Endpoint(node_id=2, host="b2.example", port=9093)]
    yield produce_answer(version, topics=[topic], endpoints=endpoints, throttle_time_ms=3)
    yield produce_answer(version, topics=[AnsweredTopic(name="t", topic_id=TOPIC_ID, partitions=[good])])


def _init_producer_id_bodies(version: int) -> Iterator[bytes]:
    yield init_producer_id_answer(version, error_code=0, producer_id=1000, producer_epoch=3, throttle_time_ms=3)


def _sasl_handshake_bodies(_version: int) -> Iterator[bytes]:
    yield sasl_handshake_answer(error_code=0, mechanisms=["PLAIN", "SCRAM-SHA-512"])
    yield sasl_handshake_answer(error_code=ErrorCode.UNSUPPORTED_SASL_MECHANISM, mechanisms=[])


def _sasl_authenticate_bodies(version: int) -> Iterator[bytes]:
    refused = int(ErrorCode.SASL_AUTHENTICATION_FAILED)
    yield sasl_authenticate_answer(version, error_code=0, auth_bytes=b"v=c2VydmVy", session_lifetime_ms=3_600_000)
    yield sasl_authenticate_answer(version, error_code=refused, error_message="Invalid credentials")


def _read_answer(api: ApiKey, decode: Callable[[Reader, int], object]) -> Callable[[int, bytes], object]:
    def read(version: int, data: bytes) -> object:
        reader = Reader(data)
        decode_response_header(reader, api, version)
        return decode(reader, version)

    return read


def _read_metadata(reader: Reader, version: int) -> object:
    """Decode, and take the answer over into a snapshot, as the engine does: what is well formed may be impossible."""
    response = MetadataResponse.decode(reader, version)
    if response.error_code != ErrorCode.NONE or not response.brokers:
        return response
    return NO_METADATA.updated(response, TopicHistories(), 1)


# What a broker says within a mechanism: the variant says which, and at which point of the exchange.

_NONCE: Final = "rOprNGfwEbeRWgbNEkqO"
_SERVER_FIRST: Final = f"r={_NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".encode()
_SERVER_LAST: Final = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
_PASSWORDS: Final = SaltedPasswords()
_PLAIN, _OAUTH, _SCRAM_FIRST, _SCRAM_LAST = range(4)


def _challenges() -> list[Seed]:
    refusal = b'{"status":"invalid_token","scope":"kafka"}'
    return [
        Seed(_PLAIN, b""),
        Seed(_OAUTH, b""),
        Seed(_OAUTH, refusal),
        Seed(_SCRAM_FIRST, _SERVER_FIRST),
        Seed(_SCRAM_FIRST, _SERVER_FIRST + b",x=y"),
        Seed(_SCRAM_LAST, _SERVER_LAST),
        Seed(_SCRAM_LAST, _SERVER_LAST + b",x=y"),
    ]


def _read_challenge(point: int, data: bytes) -> object:
    exchange = _exchange_at(point)
    step = exchange.receive(data)
    assert exchange.challenge_text().isprintable(), "unprintable text would reach an error message"
    return step


def _exchange_at(point: int) -> SaslExchange:
    exchange: SaslExchange
    if point == _PLAIN:
        exchange = PlainExchange("b:9092", "user", Secret(b"pencil"))
    elif point == _OAUTH:
        exchange = OAuthBearerExchange("b:9092", OAuthToken("t", 0))
    else:
        exchange = ScramExchange("b:9092", Mechanism.SCRAM_SHA_256, username="user", nonce=_NONCE)
    exchange.start()
    if point == _SCRAM_LAST:
        step = exchange.receive(_SERVER_FIRST)
        assert isinstance(step, SaltNeeded)
        exchange.resume(_PASSWORDS.salt(step.parameters, Secret(b"pencil")))
    return exchange


# The stream they come in: the variant says into how many bytes it is cut.


def _streams() -> list[Seed]:
    frames = [seed.data for seed in _answers(ApiKey.PRODUCE, _produce_bodies)]
    stream = b"".join(len(one).to_bytes(_SIZE_BYTES, "big") + one for one in frames[:5])
    return [Seed(piece, stream) for piece in (1, 7, 64, 4096)]


def _read_stream(piece: int, data: bytes) -> object:
    buffer = FrameBuffer()
    frames: list[bytes] = []
    for start in range(0, len(data), piece):
        frames += buffer.feed(data[start : start + piece])
    taken = sum(_SIZE_BYTES + len(one) for one in frames)
    assert taken + buffer.held == len(data), "bytes got lost between frames"
    assert all(one in data for one in frames), "a frame holds bytes that were not in the stream"
    return frames


# Record batches: the variant is the number of records that the header announces.


def _records(count: int) -> bytes:
    builder = RecordBatchBuilder(_NOW, BytesWriter())
    headers = encode_headers([("h", b"1"), ("n", None), ("ключ", b"")])
    for number in range(count):
        key = None if number % 3 == 0 else b"key-%d" % number
        value = None if number % 4 == 1 else b"value" * (number % 20)
        encoded = headers if number % 2 else None
        timestamp = _NOW + (-1) ** number * number * 1000
        content = content_size(key, value, encoded)
        builder.append(content, timestamp, key, value, encoded)
    return builder.build(None).records


def _record_areas() -> list[Seed]:
    return [Seed(count, _records(count)) for count in (1, 2, 12)]


def _read_own_records(count: int, data: bytes) -> object:
    return read_own_records(data, count)


def _batches() -> list[Seed]:
    seeds: list[Seed] = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        for count in (1, 12):
            builder = RecordBatchBuilder(_NOW, BytesWriter())
            for number in range(count):
                content = content_size(b"k", b"value %d" % number, None)
                builder.append(content, _NOW, b"k", b"value %d" % number, None)
            batch = builder.build(codec_for(codec))
            seeds.append(Seed(0, batch.header(1000, 0, 5) + batch.records))
    return seeds


def _read_batch(_variant: int, data: bytes) -> object:
    """Read a batch as the fake broker's log does; a wrong checksum, which nearly all have, does not end it here."""
    header = BatchHeader.read(data)
    header.matches_checksum(data)
    return read_records(decompress(header.codec, data[HEADER_BYTES:], DECOMPRESSED_LIMIT), header.record_count)


# Compressed records: the variant is the codec.


def _compressed() -> list[Seed]:
    plain = _records(40)
    large = random.Random(1).randbytes(5_000) + bytes(90_000)
    seeds = [Seed(made.id, made.compress(data)) for made in _codecs() for data in (b"", plain, large)]
    two_frames = zstandard.ZstdCompressor(write_content_size=False).compress(plain[:50]) + zstandard.compress(plain)
    return [
        *seeds,
        Seed(1, gzip.compress(plain[:50]) + gzip.compress(plain[50:])),
        Seed(2, snappy.compress(plain)),
        Seed(3, lz4.frame.compress(large, block_linked=False, content_checksum=True, block_checksum=True)),
        Seed(4, two_frames),
    ]


def _codecs() -> list[_Codec]:
    made = [codec_for(name) for name in ("gzip", "snappy", "lz4", "zstd")]
    return [_Codec(codec.id, codec.compress) for codec in made if codec is not None]


@dataclass(frozen=True, slots=True)
class _Codec:
    id: int
    compress: Callable[[bytes], bytes]


def _read_compressed(codec: int, data: bytes) -> object:
    plain = decompress(codec, data, DECOMPRESSED_LIMIT)
    assert len(plain) <= DECOMPRESSED_LIMIT, "more was returned than was allowed"
    return plain


# Requests, as the fake broker reads them: nothing a test sends may take it down.


def _requests() -> list[Seed]:
    topic = TopicProduceData("t", TOPIC_ID)
    topic.partitions.append(PartitionProduceData(0, bytes(61), _records(2)))
    produce = ProduceRequest(-1, 30_000, [topic])
    metadata = MetadataRequest(topics=("t", "u"), allow_auto_topic_creation=True)
    greeting = ApiVersionsRequest(client_software_name="dekaf-python", client_software_version="1.0")
    return [
        *(Seed(0, _request(ApiKey.PRODUCE, one, b"".join(produce.encode(one)))) for one in range(7, 14)),
        *(Seed(0, _written(ApiKey.METADATA, one, metadata.encode)) for one in range(7, 14)),
        *(Seed(0, _written(ApiKey.INIT_PRODUCER_ID, one, InitProducerIdRequest().encode)) for one in range(6)),
        *(Seed(0, _written(ApiKey.API_VERSIONS, one, greeting.encode)) for one in range(5)),
    ]


def _written(api: ApiKey, version: int, encode: Callable[[BytesWriter, int], None]) -> bytes:
    writer = BytesWriter()
    encode(writer, version)
    return _request(api, version, writer.getvalue())


def _request(api: ApiKey, version: int, body: bytes) -> bytes:
    writer = BytesWriter()
    encode_request_header(writer, api, version=version, correlation_id=_CORRELATION_ID, client_id=b"c")
    return writer.getvalue() + body


def _read_request(_variant: int, data: bytes) -> object:
    reader = Reader(data)
    header = decode_header(reader, node_id=1, connection=1)
    ours = SUPPORTED.get(header.api_key) if header.api_key in _SERVED else None
    if ours is None or not ours.min <= header.version <= ours.max:
        return None  # the broker closes the connection on these before it reads on
    return decode_request(reader, header, lambda _: "t")


TARGETS: Final[Mapping[str, Target]] = {
    target.name: target
    for target in (
        Target(
            name="api_versions",
            about="ApiVersions answers, versions 0 to 4",
            seeds=lambda: _answers(ApiKey.API_VERSIONS, _api_versions_bodies),
            read=_read_answer(ApiKey.API_VERSIONS, ApiVersionsResponse.decode),
        ),
        Target(
            name="metadata",
            about="Metadata answers, versions 7 to 13, and the snapshot made of them",
            seeds=lambda: _answers(ApiKey.METADATA, _metadata_bodies),
            read=_read_answer(ApiKey.METADATA, _read_metadata),
        ),
        Target(
            name="produce",
            about="Produce answers, versions 7 to 13",
            seeds=lambda: _answers(ApiKey.PRODUCE, _produce_bodies),
            read=_read_answer(ApiKey.PRODUCE, ProduceResponse.decode),
        ),
        Target(
            name="init_producer_id",
            about="InitProducerId answers, versions 0 to 5",
            seeds=lambda: _answers(ApiKey.INIT_PRODUCER_ID, _init_producer_id_bodies),
            read=_read_answer(ApiKey.INIT_PRODUCER_ID, InitProducerIdResponse.decode),
        ),
        Target(
            name="sasl_handshake",
            about="SaslHandshake answers, version 1",
            seeds=lambda: _answers(ApiKey.SASL_HANDSHAKE, _sasl_handshake_bodies),
            read=_read_answer(ApiKey.SASL_HANDSHAKE, SaslHandshakeResponse.decode),
        ),
        Target(
            name="sasl_authenticate",
            about="SaslAuthenticate answers, versions 0 to 2",
            seeds=lambda: _answers(ApiKey.SASL_AUTHENTICATE, _sasl_authenticate_bodies),
            read=_read_answer(ApiKey.SASL_AUTHENTICATE, SaslAuthenticateResponse.decode),
        ),
        Target(
            name="sasl_challenges",
            about="what brokers say within PLAIN, SCRAM and OAUTHBEARER",
            seeds=_challenges,
            read=_read_challenge,
            refusals=(AuthenticationError,),
        ),
        Target(
            name="token_endpoint",
            about="answers of token endpoints, with and without HTTP around them, and files that hold a token",
            seeds=lambda: [Seed(kind, data) for kind, data in endpoint_inputs()],
            read=read_token,
            refusals=(CredentialsUnavailableError,),
        ),
        Target(name="frames", about="the stream that answers are cut out of", seeds=_streams, read=_read_stream),
        Target(
            name="records",
            about="records of our own batches, as they are read to split them",
            seeds=_record_areas,
            read=_read_own_records,
        ),
        Target(
            name="batches",
            about="whole batches, as the fake broker reads them",
            seeds=_batches,
            read=_read_batch,
            refusals=(UnreadableBatchError, UndecodableError),
        ),
        Target(
            name="compressed",
            about="gzip, snappy, lz4 and zstd, as the fake broker decompresses them",
            seeds=_compressed,
            read=_read_compressed,
            refusals=(UndecodableError,),
        ),
        Target(name="requests", about="requests, as the fake broker reads them", seeds=_requests, read=_read_request),
    )
}
