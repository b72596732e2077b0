"""The values callers give and receive."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dekaf.errors import DekafError, NotEnoughReplicasError, ProduceError, RecordTooLargeError
from dekaf.types import (
    Acks,
    DrainReport,
    Field,
    FlushTimeoutError,
    Headers,
    ProduceAllError,
    RecordMetadata,
    SerializationContext,
    TopicPartition,
    timestamp_to_ms,
)

METADATA = RecordMetadata("orders", 3, 42, 1_700_000_000_123)
REPORT = DrainReport(delivered=7, failed=1, undelivered=2, elapsed=0.25, failures=(ProduceError("refused"),))


@pytest.mark.parametrize(("acks", "wire"), [(Acks.ALL, -1), (Acks.NONE, 0), (Acks.LEADER, 1)])
def test_acks_are_the_numbers_of_the_protocol(acks: Acks, wire: int) -> None:
    assert int(acks) == wire


def test_record_metadata_tells_where_and_when_a_record_landed() -> None:
    assert (METADATA.topic, METADATA.partition, METADATA.offset) == ("orders", 3, 42)
    assert METADATA.timestamp_ms == 1_700_000_000_123
    assert METADATA.timestamp == datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=UTC)
    assert METADATA.timestamp.tzinfo is UTC


@pytest.mark.parametrize(("offset", "has_offset"), [(0, True), (2**63 - 1, True), (-1, False)])
def test_an_offset_of_minus_one_is_not_known(offset: int, has_offset: bool) -> None:
    assert RecordMetadata("orders", 0, offset, 0).has_offset is has_offset


@pytest.mark.parametrize("name", ["topic", "partition", "offset", "timestamp_ms", "timestamp", "has_offset"])
def test_record_metadata_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(METADATA, name, 1)
    with pytest.raises(AttributeError):
        setattr(METADATA, "extra", 1)  # noqa: B010 - the point is that it cannot be set


def test_equal_record_metadata_are_one_in_a_set() -> None:
    same = RecordMetadata("orders", 3, 42, 1_700_000_000_123)

    assert same == METADATA
    assert len({same, METADATA}) == 1


@pytest.mark.parametrize(
    "other",
    [
        RecordMetadata("others", 3, 42, 1_700_000_000_123),
        RecordMetadata("orders", 2, 42, 1_700_000_000_123),
        RecordMetadata("orders", 3, 41, 1_700_000_000_123),
        RecordMetadata("orders", 3, 42, 1_700_000_000_124),
        ("orders", 3, 42, 1_700_000_000_123),
    ],
)
def test_record_metadata_differs_in_any_part(other: object) -> None:
    assert other != METADATA


def test_record_metadata_shows_its_parts() -> None:
    assert repr(METADATA) == ("RecordMetadata(topic='orders', partition=3, offset=42, timestamp_ms=1700000000123)")


@pytest.mark.parametrize("value", [METADATA, TopicPartition("orders", 3), Headers([("a", b"1"), ("a", None)])])
def test_values_survive_pickle_and_copy(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value


def test_a_topic_partition_is_a_key_and_prints_as_kafka_does() -> None:
    topic_partition = TopicPartition("orders", 3)

    assert (topic_partition.topic, topic_partition.partition) == ("orders", 3)
    assert {topic_partition: "found"}[TopicPartition("orders", 3)] == "found"
    assert topic_partition not in {TopicPartition("orders", 2), TopicPartition("others", 3)}
    assert topic_partition != ("orders", 3)
    assert str(topic_partition) == "orders-3"
    assert repr(topic_partition) == "TopicPartition(topic='orders', partition=3)"
    with pytest.raises(AttributeError):
        setattr(topic_partition, "topic", "others")  # noqa: B010 - the point is that it cannot be set


def test_adding_a_header_leaves_the_original_alone() -> None:
    empty = Headers.create()

    one = empty.add("trace-id", "abc")
    two = one.add("trace-id", None)

    assert list(empty) == []
    assert list(one) == [("trace-id", b"abc")]
    assert list(two) == [("trace-id", b"abc"), ("trace-id", None)]


def test_the_last_of_several_headers_of_a_name_counts() -> None:
    headers = Headers.create().add("a", "1").add("b", "2").add("a", "3")

    assert headers.get("a") == b"3"
    assert headers.get_all("a") == (b"1", b"3")
    assert headers.get("missing") is None
    assert headers.get_all("missing") == ()


def test_headers_are_a_sequence_of_pairs() -> None:
    headers = Headers([("a", "1"), ("b", b"2"), ("c", None)])

    assert isinstance(headers, Sequence)
    assert len(headers) == 3
    assert headers[0] == ("a", b"1")
    assert headers[-1] == ("c", None)
    assert headers[1:] == Headers([("b", b"2"), ("c", None)])
    assert ("b", b"2") in headers
    assert headers.index(("c", None)) == 2
    assert headers.pairs == (("a", b"1"), ("b", b"2"), ("c", None))
    assert bool(headers)
    assert not Headers.create()
    with pytest.raises(IndexError):
        headers[3]


def test_equal_headers_have_equal_hashes() -> None:
    assert Headers([("a", "1")]) == Headers([("a", b"1")])
    assert hash(Headers([("a", "1")])) == hash(Headers([("a", b"1")]))
    assert Headers([("a", "1")]) != Headers([("a", "2")])
    assert Headers([("a", "1")]) != (("a", b"1"),)


def test_headers_do_not_show_their_values() -> None:
    shown = repr(Headers([("authorization", "Bearer s3cret"), ("gone", None)]))

    assert shown == "Headers(authorization: 13 bytes, gone: null)"


def test_headers_cannot_be_changed() -> None:
    headers = Headers.create()

    with pytest.raises(AttributeError):
        setattr(headers, "pairs", ())  # noqa: B010 - the point is that it cannot be set


@pytest.mark.parametrize(
    "given",
    [
        {"a": "1", "b": b"2", "c": None},
        MappingProxyType({"a": "1", "b": b"2", "c": None}),
        [("a", "1"), ("b", b"2"), ("c", None)],
        (["a", "1"], ["b", b"2"], ["c", None]),
        iter([("a", "1"), ("b", b"2"), ("c", None)]),
        Headers([("a", "1"), ("b", b"2"), ("c", None)]),
    ],
)
def test_headers_are_made_of_mappings_and_pairs(given: Any) -> None:
    assert Headers.of(given).pairs == (("a", b"1"), ("b", b"2"), ("c", None))


def test_no_headers_are_empty_headers() -> None:
    assert Headers.of(None) == Headers.create()


def test_headers_are_copied() -> None:
    given = [("a", "1")]

    headers = Headers.of(given)
    given.append(("b", "2"))

    assert len(headers) == 1


@pytest.mark.parametrize(
    ("given", "kind", "says"),
    [
        (5, TypeError, "headers must be a mapping.*not int"),
        ("a=1", TypeError, "headers must be a mapping.*not str"),
        (b"a", TypeError, "headers must be a mapping.*not bytes"),
        (["ab"], ValueError, "pairs"),
        ([("a", "1", "2")], ValueError, "pairs"),
        ([("a",)], ValueError, "pairs"),
        ([(b"a", "1")], TypeError, "name of a header must be str, not bytes"),
        ({1: "1"}, TypeError, "name of a header must be str, not int"),
        ({"attempt": 1}, TypeError, "'attempt' must be str, bytes or None, not int"),
        ([("attempt", bytearray())], TypeError, "'attempt' must be str, bytes or None, not bytearray"),
        ({"\ud800": "1"}, ValueError, "name of a header cannot be encoded"),
        ({"a": "secret\ud800"}, ValueError, "header 'a' cannot be encoded"),
    ],
)
def test_wrong_headers_are_refused_with_what_is_wrong(given: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        Headers.of(given)

    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(("name", "value"), [(1, "a"), ("a", 1)])
def test_a_wrong_header_is_refused_when_it_is_added(name: Any, value: Any) -> None:
    with pytest.raises(TypeError):
        Headers.create().add(name, value)


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.none() | st.binary())))
def test_headers_hold_exactly_what_they_were_made_of(pairs: list[tuple[str, bytes | None]]) -> None:
    headers = Headers.of(pairs)

    assert list(headers) == pairs
    assert pickle.loads(pickle.dumps(headers)) == headers


@pytest.mark.parametrize(
    ("given", "milliseconds"),
    [
        (0, 0),
        (2**63 - 1, 2**63 - 1),
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(2023, 11, 14, 22, 13, 20, 123_999, tzinfo=UTC), 1_700_000_000_123),
        (datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))), 1_700_000_000_000),
    ],
)
def test_timestamps_become_milliseconds(given: datetime | int, milliseconds: int) -> None:
    assert timestamp_to_ms(given) == milliseconds


@given(st.datetimes(min_value=datetime(1970, 1, 2), timezones=st.timezones()))
def test_a_datetime_comes_back_to_the_millisecond(moment: datetime) -> None:
    metadata = RecordMetadata("orders", 0, 0, timestamp_to_ms(moment))

    assert timedelta(0) <= moment - metadata.timestamp < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "given",
    [
        True,
        False,
        -1,
        2**63,
        datetime(2023, 11, 14),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
def test_a_timestamp_that_cannot_be_is_refused_by_name(given: datetime | int) -> None:
    with pytest.raises(ValueError, match="timestamp"):
        timestamp_to_ms(given)


@pytest.mark.parametrize("given", ["2023-11-14", 1.5, None])
def test_a_timestamp_of_another_type_is_refused_by_name(given: Any) -> None:
    with pytest.raises(TypeError, match="timestamp"):
        timestamp_to_ms(given)


def test_a_serialization_context_tells_topic_field_and_headers() -> None:
    context = SerializationContext("orders", Field.KEY, Headers.create().add("a", "secret"))

    assert (context.topic, context.field, context.headers.get("a")) == ("orders", "key", b"secret")
    assert "secret" not in repr(context)
    assert SerializationContext("orders", Field.VALUE).headers == Headers.create()
    with pytest.raises(AttributeError):
        setattr(context, "topic", "others")  # noqa: B010 - the point is that it cannot be set


def test_a_flush_timeout_carries_its_report() -> None:
    error = FlushTimeoutError("the flush did not finish within 2 s", REPORT)

    again = pickle.loads(pickle.dumps(error))

    assert isinstance(error, DekafError)
    assert isinstance(error, TimeoutError)
    assert error.report is REPORT
    assert again.report.undelivered == 2
    assert str(again) == str(error) == "the flush did not finish within 2 s: " + str(REPORT)


RESULTS = (METADATA, RecordTooLargeError("too large"), NotEnoughReplicasError("1 of 2"))


def test_a_produce_all_error_has_every_outcome_and_groups_the_errors() -> None:
    error = ProduceAllError.of(RESULTS)

    assert isinstance(error, DekafError)
    assert error.results == RESULTS
    assert error.exceptions == RESULTS[1:]
    assert str(error).startswith("2 of 3 messages failed")


def test_a_produce_all_error_survives_pickle() -> None:
    again = pickle.loads(pickle.dumps(ProduceAllError.of(RESULTS)))

    assert again.results[0] == METADATA
    assert [type(error) for error in again.results[1:]] == [RecordTooLargeError, NotEnoughReplicasError]
    assert [type(error) for error in again.exceptions] == [RecordTooLargeError, NotEnoughReplicasError]


def test_parts_of_a_produce_all_error_keep_all_results() -> None:
    # What ``except* RecordTooLargeError`` does.
    caught, rest = ProduceAllError.of(RESULTS).split(RecordTooLargeError)

    assert isinstance(caught, ProduceAllError)
    assert isinstance(rest, ProduceAllError)
    assert caught.exceptions == RESULTS[1:2]
    assert rest.exceptions == RESULTS[2:]
    assert caught.results == rest.results == RESULTS
