"""Which partition a record goes to."""

from __future__ import annotations

import random
import warnings
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf.partitioning import ConsistentRandomPartitioner, RoundRobinPartitioner, choose_by_load, murmur2

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its schemas in a way that Python 3.11 wants changed
    from kafka.partitioner.default import murmur2 as theirs

# key, its hash with the sign bit dropped, and the partition of 3, 10 and 12: as Apache Kafka's own client has them.
VECTORS = [
    (b"", 275646681, 0, 1, 9),
    (b"a", 584102524, 1, 4, 4),
    (b"4", 1514888353, 1, 3, 1),
    (b"21", 1173551340, 0, 0, 0),
    (b"34", 121188570, 0, 0, 6),
    (b"abc", 479470107, 0, 7, 3),
    (b"234", 1740638666, 2, 6, 2),
    (b"1234", 533297940, 0, 0, 0),
    (b"12345", 959118044, 2, 4, 8),
    (b"kafka", 1348980580, 1, 0, 4),
    (b"foobar", 1357151166, 0, 6, 6),
    (b"giberish123456789", 257239820, 2, 0, 8),
    (b"a-little-bit-long-string", 1161502112, 2, 2, 8),
    (b"a-little-bit-longer-string", 661178819, 2, 9, 11),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 2088585677, 2, 7, 5),
    (bytes(range(256)), 199136374, 1, 4, 10),
    (b"\xff\xff\xff\xff", 644171429, 2, 9, 5),
    (b"\x00", 375494588, 2, 8, 8),
    (b"\x00\x00\x00\x00", 850957120, 1, 0, 4),
    ("ключ".encode(), 2122343024, 2, 4, 8),
    (b"user-42", 1459644460, 1, 0, 4),
]


@pytest.mark.parametrize(("key", "hashed", "of_3", "of_10", "of_12"), VECTORS)
def test_murmur2_places_keys_as_the_java_client_does(
    key: bytes, hashed: int, of_3: int, of_10: int, of_12: int
) -> None:
    assert murmur2(key) == hashed
    assert (hashed % 3, hashed % 10, hashed % 12) == (of_3, of_10, of_12)


@pytest.mark.mistake("librdkafka #3545")
def test_murmur2_drops_the_sign_bit_instead_of_negating() -> None:
    """Of the key `a` the 32 bits are 0xa2d0b27c: taken as absolute value they would be 1563381124."""
    assert murmur2(b"a") == 0xA2D0B27C & 0x7FFF_FFFF


def test_murmur2_stays_within_31_bits() -> None:
    chance = random.Random(1)
    for _ in range(2_000):
        assert 0 <= murmur2(chance.randbytes(chance.randrange(40))) < 2**31


@given(st.binary(max_size=200))
def test_murmur2_places_any_key_as_kafka_python_does(key: bytes) -> None:
    assert murmur2(key) == theirs(key) & 0x7FFF_FFFF


@pytest.mark.parametrize(
    ("draw", "expected"), [(0 / 8, 0), (3.9 / 8, 0), (4 / 8, 1), (4.9 / 8, 1), (5 / 8, 2), (7.99 / 8, 2)]
)
def test_short_queues_are_likelier(draw: float, expected: int) -> None:
    """Queues of 0, 3 and 1 batches weigh 4, 1 and 3."""
    assert choose_by_load([0, 1, 2], [0, 3, 1], draw) == expected


def test_equal_queues_are_equally_likely() -> None:
    draws = [(number + 0.5) / 300 for number in range(300)]

    assert Counter(choose_by_load([4, 7, 9], [2, 2, 2], draw) for draw in draws) == {4: 100, 7: 100, 9: 100}


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0 - 2**-53])
def test_only_candidate_is_chosen_whatever_its_load(draw: float) -> None:
    assert choose_by_load([5], [1_000], draw) == 5


def test_every_draw_finds_a_candidate() -> None:
    chance = random.Random(2)
    for _ in range(1_000):
        lengths = [chance.randrange(5) for _ in range(chance.randint(1, 6))]
        candidates = list(range(10, 10 + len(lengths)))
        assert choose_by_load(candidates, lengths, chance.random()) in candidates


def test_round_robin_takes_turns_over_all_partitions_and_ignores_keys() -> None:
    partitioner = RoundRobinPartitioner()

    chosen = [partitioner.partition("t", b"key", 3) for _ in range(9)]

    assert Counter(chosen) == {0: 3, 1: 3, 2: 3}
    assert chosen[:3] == chosen[3:6] == chosen[6:]


def test_round_robin_keeps_a_turn_per_topic() -> None:
    partitioner = RoundRobinPartitioner()
    first = [partitioner.partition("a", None, 5)]
    for _ in range(3):
        partitioner.partition("b", None, 5)
    first.append(partitioner.partition("a", None, 5))

    assert first[1] == (first[0] + 1) % 5


def test_round_robin_survives_topics_that_grow_and_shrink() -> None:
    partitioner = RoundRobinPartitioner()
    for count in (3, 7, 2, 1, 9):
        assert 0 <= partitioner.partition("t", None, count) < count


@pytest.mark.parametrize(
    ("key", "of_10"), [(b"a", 7), (b"4", 8), (b"21", 2), (b"abc", 8), (b"kafka", 9), (b"foobar", 9), (b"user-42", 5)]
)
def test_consistent_random_places_keys_as_librdkafka_does(key: bytes, of_10: int) -> None:
    assert ConsistentRandomPartitioner().partition("t", key, 10) == of_10 == zlib.crc32(key) % 10


@pytest.mark.parametrize("key", [None, b""])
def test_consistent_random_leaves_missing_and_empty_keys_to_the_sticky_choice(key: bytes | None) -> None:
    assert ConsistentRandomPartitioner().partition("t", key, 10) is None
