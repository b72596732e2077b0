"""What is measured per batch and request, and how much of it is kept."""

from __future__ import annotations

import threading

from dekaf._protocol.error_codes import ErrorCode, produce_error
from dekaf.errors import DeliveryTimeoutError
from dekaf.metrics import MOST_TOPICS, OTHER_TOPICS
from dekaf.producer._engine.measurements import Distribution, Measurements


def test_measurement_on_a_bound_is_in_the_bucket_that_ends_there() -> None:
    distribution = Distribution((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 3.0):
        distribution.add(value)

    assert distribution.histogram().counts == (2, 2, 1)
    assert distribution.histogram().sum == 8.0


def test_what_was_noted_is_counted_whether_there_is_little_of_it_or_much() -> None:
    distribution = Distribution((1.0, 2.0))
    for number in range(5_000):
        distribution.add(float(number % 4))
        if number in {3, 1_999}:
            assert distribution.histogram().count == number + 1
    distribution.add(9.0, 100)

    assert distribution.histogram().counts == (2_500, 1_250, 1_350)
    assert distribution.histogram().sum == 1_250 * (1 + 2 + 3) + 900


def test_a_reader_sees_each_measurement_once_while_others_are_noted() -> None:
    distribution = Distribution((1.0, 2.0))
    seen: list[int] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            seen.append(distribution.histogram().count)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50_000):
        distribution.add(1.5)
    is_over.set()
    reader.join()

    assert seen == sorted(seen)
    assert distribution.histogram().count == 50_000


def test_age_of_the_oldest_counts_for_all_records_of_a_batch() -> None:
    measurements = Measurements()

    measurements.delivered("t", 100, 0.25)

    histogram = measurements.send_latency.histogram()
    assert histogram.count == 100
    assert histogram.sum == 25.0


def test_failures_have_kafkas_name_or_else_that_of_the_exception() -> None:
    measurements = Measurements()
    refused = produce_error(ErrorCode.NOT_ENOUGH_REPLICAS, "t", partition=0, may_be_persisted=False)

    measurements.failed(2, refused, 0.1)
    measurements.failed(1, refused, 0.1)
    measurements.failed(4, DeliveryTimeoutError("late", topic="t"), 120.0)

    assert measurements.topics()[0].records_failed_total == {"NOT_ENOUGH_REPLICAS": 3, "DeliveryTimeoutError": 4}


def test_topics_beyond_the_first_are_counted_together() -> None:
    measurements = Measurements()
    for number in range(MOST_TOPICS + 50):
        measurements.delivered(f"t{number}", 1, 0.1)
    measurements.delivered("t0", 1, 0.1)

    topics = {one.topic: one.records_delivered_total for one in measurements.topics()}

    assert len(topics) == MOST_TOPICS + 1
    assert (topics["t0"], topics[OTHER_TOPICS]) == (2, 50)


def test_sizes_are_those_of_first_attempts_and_bytes_those_of_all() -> None:
    measurements = Measurements()

    measurements.sent("t", 300, 3, 1)
    measurements.sent("t", 300, 3, 2)

    assert measurements.topics()[0].sent_bytes_total == 600
    assert (measurements.batch_size.histogram().count, measurements.batch_records.histogram().sum) == (1, 3.0)


def test_answers_are_measured_by_broker() -> None:
    measurements = Measurements()

    measurements.answered(1, 0.002, 0)
    measurements.answered(1, 0.004, 500)
    measurements.answered(2, 0.1, 0)

    first, second = measurements.brokers()
    assert (first.broker, first.request_latency_seconds.count, first.throttle_seconds_total) == (1, 2, 0.5)
    assert (second.broker, second.throttle_seconds_total) == (2, 0.0)
