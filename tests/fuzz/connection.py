"""Whole producers talk to brokers whose answers arrive damaged."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from dekaf._protocol.api import SUPPORTED, ApiKey
from dekaf._protocol.init_producer_id import InitProducerIdResponse
from dekaf._protocol.metadata import MetadataResponse
from dekaf._protocol.produce import ProduceResponse
from dekaf._wire.framing import FrameBuffer
from dekaf._wire.reader import Reader
from dekaf.errors import MalformedResponseError
from dekaf.testing.broker_versions import advertised_by
from tests.fuzz.campaign import LARGEST_INPUT
from tests.fuzz.mutation import Mutator
from tests.fuzz.targets import TARGETS

__all__ = ("DAMAGED_APIS", "Damage", "Saboteur", "judge")

DAMAGED_APIS: Final = (ApiKey.PRODUCE, ApiKey.METADATA, ApiKey.INIT_PRODUCER_ID, ApiKey.API_VERSIONS)

_SIZE_BYTES: Final = 4
_ID_END: Final = 8  # a correlation id follows the size
_ATTEMPTS: Final = 200
_LONGEST_THROTTLE_MS: Final = 50


class Damage(Enum):
    """What a client can make of a damaged answer."""

    REFUSED = "no answer at all: the connection must be given up"
    INCOMPLETE = "looks as if more were to come"
    LIE = "an answer, though not the true one"
    LIE_AND_MORE = "an answer, and bytes behind it that nothing asked for"
    NONE = "the true answer, by chance"


def judge(api: ApiKey, version: int, answer: bytes, damaged: bytes) -> Damage:
    """Say what a client that reads its answers properly makes of a damaged one.

    Args:
        api: the API called.
        version: the version it was called in.
        answer: the true answer, with its size.
        damaged: what is sent in its place.
    """
    if damaged == answer:
        return Damage.NONE
    try:
        frames = FrameBuffer().feed(damaged)
        if not frames:
            return Damage.INCOMPLETE
        if damaged[_SIZE_BYTES:_ID_END] != answer[_SIZE_BYTES:_ID_END]:
            return Damage.REFUSED
        TARGETS[api.name.lower()].read(version, frames[0])
    except MalformedResponseError:
        return Damage.REFUSED
    is_alone = len(damaged) == _SIZE_BYTES + len(frames[0])
    return Damage.LIE if is_alone else Damage.LIE_AND_MORE


@dataclass
class Saboteur:
    """Damages the answers of a fake cluster in one way; what it did is listed in `done`."""

    chance: random.Random
    kind: Damage
    release: str
    done: list[tuple[ApiKey, bytes]] = field(default_factory=list)

    def rewrite(self, api: ApiKey) -> Callable[[bytes], bytes]:
        """Return a function that damages answers of this API."""
        version = min(advertised_by(self.release)[api][1], SUPPORTED[api].max)
        # A client that greets in a version too new for the broker is answered in the oldest one.
        versions = {0, version} if api is ApiKey.API_VERSIONS else {version}

        def damage(answer: bytes) -> bytes:
            mutator = Mutator(self.chance, [answer], LARGEST_INPUT)
            for _ in range(_ATTEMPTS):
                damaged = mutator.mutate(answer)
                if all(self._is_wanted(api, one, answer, damaged) for one in versions):
                    self.done.append((api, damaged))
                    return damaged
            return answer

        return damage

    def _is_wanted(self, api: ApiKey, version: int, answer: bytes, damaged: bytes) -> bool:
        if judge(api, version, answer, damaged) is not self.kind:
            return False
        return self.kind is not Damage.LIE or _can_be_recovered_from(api, version, answer, damaged)


def _can_be_recovered_from(api: ApiKey, version: int, answer: bytes, damaged: bytes) -> bool:
    """Say whether a client may be expected to work again once it hears the truth.

    A leader epoch from the far future makes it deaf to true ones, which is the purpose of epochs; as is that of the ids
    of topics and clusters, and of the rule that topics do not shrink. A throttle time is to be obeyed however long it
    is; and we do not want to talk to whatever host a damaged name leads to.
    """
    reader = Reader(damaged, _ID_END)
    if api is ApiKey.METADATA:
        metadata = _metadata(damaged, version)
        epochs = {partition.leader_epoch for topic in metadata.topics for partition in topic.partitions}
        return (
            epochs <= {-1, 0}
            and {broker.host for broker in metadata.brokers} <= {"127.0.0.1"}
            and metadata.throttle_time_ms < _LONGEST_THROTTLE_MS
            and _identities(metadata) == _identities(_metadata(answer, version))
        )
    if api is ApiKey.PRODUCE:
        reader.skip_tags()
        produced = ProduceResponse.decode(reader, version)
        return produced.throttle_time_ms < _LONGEST_THROTTLE_MS and not produced.node_endpoints
    if api is ApiKey.INIT_PRODUCER_ID:
        reader.skip_tags()
        return InitProducerIdResponse.decode(reader, version).throttle_time_ms < _LONGEST_THROTTLE_MS
    # The versions a connection settles on, and throttling in the same answer, last as long as the connection does.
    return False


def _metadata(answer: bytes, version: int) -> MetadataResponse:
    reader = Reader(answer, _ID_END)
    reader.skip_tags()
    return MetadataResponse.decode(reader, version)


def _identities(metadata: MetadataResponse) -> tuple[str | None, list[tuple[str, bytes, set[int]]]]:
    """Return by what a cluster and its topics are recognised."""
    topics = [
        (topic.name, topic.topic_id, {partition.index for partition in topic.partitions}) for topic in metadata.topics
    ]
    return metadata.cluster_id, topics
