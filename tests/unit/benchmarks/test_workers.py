"""What the client processes do around the clients: messages, percentiles, and the line of JSON each way."""

from __future__ import annotations

import json

import pytest

from benchmarks.job import Answer, Job
from benchmarks.measures.java import steady_state_rate
from benchmarks.workers.records import blocks, make_records
from benchmarks.workers.waiting import percentile


def job_of(**changes: object) -> Job:
    return Job.from_json(json.dumps({"workload": "fire", "client": "dekaf", **changes}))


def test_a_job_survives_the_way_to_the_process() -> None:
    job = job_of(messages=5, codec="lz4")

    assert Job.from_json(job.to_json()) == job


def test_an_answer_survives_the_way_back() -> None:
    answer = Answer(produced=5, metrics={"rate": 1.5}, facts={"build": "compiled"})

    assert Answer.from_json(answer.to_json()) == answer


@pytest.mark.parametrize("size", [10, 100, 1000])
@pytest.mark.parametrize("is_json", [False, True])
def test_values_have_the_size_asked_for(size: int, is_json: bool) -> None:
    records = make_records(job_of(size_bytes=size, json_values=is_json, messages=50))

    assert {len(value) for _, value in records} == {size}


def test_every_process_makes_the_same_messages() -> None:
    job = job_of(json_values=True, messages=50)

    assert make_records(job) == make_records(job)


def test_without_keys_there_are_none() -> None:
    assert {key for key, _ in make_records(job_of(keyed=False, messages=50))} == {None}


def test_a_block_of_large_messages_is_small() -> None:
    assert len(make_records(job_of(size_bytes=1_000_000, messages=300))) == 10


@pytest.mark.parametrize("messages", [0, 1, 3, 4, 10])
def test_blocks_add_up_to_the_messages_asked_for(messages: int) -> None:
    records: list[tuple[bytes | None, bytes]] = [(None, b"a"), (None, b"b"), (None, b"c")]

    assert sum(len(block) for block in blocks(records, messages)) == messages


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 99.0)])
def test_percentiles_of_the_numbers_to_99(share: float, expected: float) -> None:
    assert percentile([float(number) for number in range(100)], share) == expected


def test_a_single_value_is_every_percentile() -> None:
    assert percentile([7.0], 0.99) == 7.0


def test_javas_rate_is_that_after_its_warm_up() -> None:
    output = (
        "3000 records sent, 510117.3 records/sec (48.65 MB/sec), 415.02 ms avg latency.\n"
        "2000 steady state records sent, 595238.1 records/sec (56.77 MB/sec), 388.08 ms avg latency.\n"
    )

    assert steady_state_rate(output) == 595238.1
