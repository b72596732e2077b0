"""A span per message, from the call to the acknowledgement; each fault of other instrumentations is a test here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic, sleep, time_ns
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from dekaf import AsyncProducer, Producer, ProducerMessage, ProducerRegistry, SerializationContext, telemetry
from dekaf.contrib.opentelemetry import instrument, uninstrument
from dekaf.errors import ClusterUnavailableError, ProduceError, RecordTooLargeError, SerializationError
from dekaf.telemetry import TOKEN_COST
from dekaf.testing import ApiKey, ErrorCode, FakeCluster
from tests.contrib.opentelemetry.conftest import Telescope

PATIENCE = 10.0


def eventually(condition: Callable[[], object]) -> None:
    until = monotonic() + PATIENCE
    while not condition():
        assert monotonic() < until, "it never happened"
        sleep(0.002)


def producer_of(cluster: FakeCluster, **options: Any) -> Producer[Any, Any]:
    return Producer(bootstrap_servers=cluster.bootstrap_servers, **options)


def context_in(cluster: FakeCluster, at: int = 0) -> trace.SpanContext:
    """Return the context that came with a record, as a consumer would see it."""
    carrier = {name: (value or b"").decode() for name, value in cluster.log("orders")[at].headers}
    return trace.get_current_span(propagate.extract(carrier)).get_span_context()


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


# The span.


def test_span_tells_what_the_conventions_ask_for(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    with producer_of(cluster) as producer:
        metadata = producer.produce("orders", "42", "paid")

    (span,) = telescope.sends()
    assert (span.name, span.kind) == ("send orders", SpanKind.PRODUCER)
    assert attributes_of(span) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": str(metadata.partition),
        "messaging.kafka.offset": metadata.offset,
    }
    assert span.status.status_code is StatusCode.UNSET
    assert span.instrumentation_scope is not None
    assert span.instrumentation_scope.name == "dekaf"


def test_keys_are_shown_on_demand_alone_and_tombstones_always(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False, message_keys=True)
    with producer_of(cluster) as producer:
        for key in ("42", 42, b"42", b"\xff", None):
            producer.produce("orders", key, None)

    shown = [attributes_of(span).get("messaging.kafka.message.key") for span in telescope.sends()]
    assert shown == ["42", "42", "42", None, None]
    assert all(attributes_of(span)["messaging.kafka.message.tombstone"] for span in telescope.sends())


def test_span_of_a_message_that_lingers_ends_with_its_acknowledgement(
    cluster: FakeCluster, telescope: Telescope
) -> None:
    """confluent-kafka's ends when produce() returns, kafka-python's before anything is sent (contrib #4871)."""
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    held = cluster.on(ApiKey.PRODUCE).hold()
    with producer_of(cluster) as producer:
        producer.fire("orders", "42", "paid")
        returned = time_ns()
        eventually(lambda: held.waiting)
        assert telescope.sends() == []
        held.release()
        producer.flush()
        eventually(telescope.sends)

    (span,) = telescope.sends()
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.start_time < returned < span.end_time


def test_failed_delivery_is_on_the_span(cluster: FakeCluster, telescope: Telescope) -> None:
    """No other instrumentation learns of it."""
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    cluster.on(ApiKey.PRODUCE).fail_once(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    with producer_of(cluster) as producer, pytest.raises(ProduceError):
        producer.produce("orders", "42", "paid")

    (span,) = telescope.sends()
    assert span.status.status_code is StatusCode.ERROR
    assert attributes_of(span)["error.type"] == "TOPIC_AUTHORIZATION_FAILED"
    assert "messaging.kafka.offset" not in attributes_of(span)
    assert span.events == ()


def test_refused_message_has_a_span_that_says_so_without_its_value(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    with producer_of(cluster, value=str) as producer, pytest.raises(SerializationError):
        producer.produce("orders", "42", object())

    (span,) = telescope.sends()
    assert attributes_of(span)["error.type"] == "SerializationError"


def test_context_counts_when_a_message_is_too_large(cluster: FakeCluster, telescope: Telescope) -> None:
    with producer_of(cluster, max_request_size=1_000) as producer:
        producer.produce("orders", None, "x" * 880)
        instrument(tracer_provider=telescope.tracer_provider, metrics=False)
        with pytest.raises(RecordTooLargeError):
            producer.produce("orders", None, "x" * 880)

    (span,) = telescope.sends()
    assert attributes_of(span)["error.type"] == "RecordTooLargeError"


def test_every_way_of_sending_is_traced(cluster: FakeCluster, telescope: Telescope) -> None:
    """aiokafka's send_batch is not."""
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)

    async def produce() -> None:
        async with AsyncProducer(bootstrap_servers=cluster.bootstrap_servers) as producer:
            await producer.produce("orders", "1", "a")
            producer.fire("orders", "1", "b")
            await (await producer.submit("orders", "1", "c"))
            await producer.produce_all([ProducerMessage.create("orders", "1", "d")] * 3)
            await producer.for_topic("orders").produce("1", "e")

    asyncio.run(produce())
    with producer_of(cluster) as producer:
        producer.produce_all([ProducerMessage.create("orders", "1", "f")] * 3)
        producer.submit("orders", "1", "g").result(PATIENCE)
        producer.typed(str, str).fire("orders", "1", "h")

    eventually(lambda: len(telescope.sends()) == 12)


def test_nothing_is_serialized_twice(cluster: FakeCluster, telescope: Telescope) -> None:
    """aiokafka's instrumentation does, to guess the partition."""

    class Counting:
        count = 0

        def serialize(self, value: str, context: SerializationContext) -> bytes:
            self.count += 1
            return value.encode()

    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    counting = Counting()
    with producer_of(cluster, value=counting) as producer:
        producer.produce("orders", None, "paid")

    assert counting.count == 1


def test_producers_stay_what_they_are(cluster: FakeCluster, telescope: Telescope) -> None:
    """confluent-kafka's class is replaced: code that imported it before is not traced, and the proxy lacks methods."""
    before = Producer
    with producer_of(cluster) as producer:
        instrument(tracer_provider=telescope.tracer_provider, metrics=False)
        producer.produce("orders", "1", "a")

        assert type(producer) is before is Producer
        assert producer.status().delivered_total == 1
    assert len(telescope.sends()) == 1


def test_open_spans_are_bounded_while_kafka_is_away(telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    refused = 0
    with Producer(bootstrap_servers="127.0.0.1:1", buffer_memory=100_000, buffer_full="raise") as producer:
        for _ in range(200):
            try:
                producer.fire("orders", "1", "a")
            except ProduceError:
                refused += 1
        assert 200 - refused <= 100_000 // TOKEN_COST
        producer.close(0.0)

    eventually(lambda: len(telescope.sends()) == 200)


# The context.


def test_context_goes_into_the_headers_and_leaves_the_callers_alone(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    headers = {"mine": "1"}
    with producer_of(cluster) as producer, telescope.tracer.start_as_current_span("request") as request:
        producer.produce("orders", "1", "a", headers=headers)

    (span,) = telescope.sends()
    assert span.parent is not None
    assert span.context is not None
    assert span.parent.span_id == request.get_span_context().span_id
    assert context_in(cluster).span_id == span.context.span_id
    assert context_in(cluster).trace_id == request.get_span_context().trace_id
    assert headers == {"mine": "1"}
    assert cluster.log("orders")[0].headers[0] == ("mine", b"1")


def test_context_that_the_caller_has_put_there_stays_and_is_linked(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with producer_of(cluster) as producer, telescope.tracer.start_as_current_span("request"):
        producer.produce("orders", "1", "a", headers={"traceparent": theirs})

    (span,) = telescope.sends()
    assert cluster.log("orders")[0].headers == (("traceparent", theirs.encode()),)
    assert [link.context.span_id for link in span.links] == [0xB7AD6B7169203331]


def test_propagation_alone_sends_the_current_context_and_makes_no_span(
    cluster: FakeCluster, telescope: Telescope
) -> None:
    instrument(spans="propagate", tracer_provider=telescope.tracer_provider, metrics=False)
    with producer_of(cluster) as producer:
        producer.produce("orders", "1", "outside", partition=0)
        with telescope.tracer.start_as_current_span("request") as request:
            producer.produce("orders", "1", "inside", partition=0)

    assert telescope.sends() == []
    assert cluster.log("orders")[0].headers == ()
    assert context_in(cluster, 1) == trace.SpanContext(
        request.get_span_context().trace_id,
        request.get_span_context().span_id,
        is_remote=True,
        trace_flags=request.get_span_context().trace_flags,
    )


@pytest.mark.parametrize("spans", ["send", "propagate"])
def test_suppression_is_honoured(cluster: FakeCluster, telescope: Telescope, spans: Any) -> None:
    instrument(spans=spans, tracer_provider=telescope.tracer_provider, metrics=False)
    with producer_of(cluster) as producer, telescope.tracer.start_as_current_span("export"):
        for key in (otel_context._SUPPRESS_INSTRUMENTATION_KEY, "suppress_instrumentation"):
            token = otel_context.attach(otel_context.set_value(key, True))
            producer.produce("orders", "1", "a")
            otel_context.detach(token)

    assert telescope.sends() == []
    assert [record.headers for record in cluster.log("orders")] == [(), ()]


def test_sampler_that_takes_nothing_costs_no_buffer_and_no_header(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=TracerProvider(sampler=ALWAYS_OFF), metrics=False)
    with producer_of(cluster, linger_ms=60_000, delivery_timeout_ms=120_000) as producer:
        producer.produce("orders", "1", "a", partition=0)
        producer.fire("orders", "1", "b", partition=0)
        assert producer.status().buffered_bytes < TOKEN_COST

    assert [record.headers for record in cluster.log("orders")] == [(), ()]


# Switching.


def test_twice_does_not_double_and_the_last_one_counts(cluster: FakeCluster, telescope: Telescope) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False, message_keys=True)
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    with producer_of(cluster) as producer:
        producer.produce("orders", "42", "a")

    (span,) = telescope.sends()
    assert "messaging.kafka.message.key" not in attributes_of(span)


def test_uninstrumented_producers_are_traced_no_more_and_open_spans_still_end(
    cluster: FakeCluster, telescope: Telescope
) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    held = cluster.on(ApiKey.PRODUCE).hold()
    with producer_of(cluster) as producer:
        producer.fire("orders", "1", "a")
        eventually(lambda: held.waiting)
        uninstrument()
        producer.fire("orders", "1", "b")
        held.release()

    assert telemetry.installed() is None
    eventually(lambda: len(telescope.sends()) == 1)


def test_one_producer_alone_is_traced(cluster: FakeCluster, telescope: Telescope) -> None:
    with producer_of(cluster) as traced, producer_of(cluster) as other:
        instrument(traced, tracer_provider=telescope.tracer_provider, metrics=False)
        traced.produce("orders", "1", "a")
        other.produce("orders", "1", "b")
        uninstrument()
        traced.produce("orders", "1", "c")

    assert len(telescope.sends()) == 1


def test_registry_is_traced_with_all_its_producers(cluster: FakeCluster, telescope: Telescope) -> None:
    servers = {"bootstrap_servers": cluster.bootstrap_servers}
    with ProducerRegistry({"default": servers, "audit": servers}) as registry:
        instrument(registry, tracer_provider=telescope.tracer_provider, metrics=False)
        registry.producer("audit").produce("orders", "1", "a")
        registry.producer().produce("orders", "1", "b")

    assert len(telescope.sends()) == 2


def test_wrong_kind_of_spans_is_refused() -> None:
    with pytest.raises(ValueError, match="'send', 'propagate' or 'off', not 'all'"):
        instrument(spans="all")  # type: ignore[arg-type]


@pytest.mark.parametrize("is_awaited", [False, True])
def test_call_that_is_refused_because_kafka_is_away_is_a_span_with_its_error(
    telescope: Telescope, is_awaited: bool
) -> None:
    instrument(tracer_provider=telescope.tracer_provider, metrics=False)
    call = produce_in_a_loop if is_awaited else produce
    with Producer(backend="memory") as producer:
        producer.start()
        with producer.produced.unavailable(), pytest.raises(ClusterUnavailableError) as caught:
            call(producer)

    (span,) = telescope.sends()
    assert (span.name, span.kind) == ("send orders", SpanKind.PRODUCER)
    assert attributes_of(span)["error.type"] == "ClusterUnavailableError"
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, str(caught.value))


def produce(producer: Producer[Any, Any]) -> None:
    producer.produce("orders", "42", "paid")


def produce_in_a_loop(producer: Producer[Any, Any]) -> None:
    async def call() -> None:
        await producer.as_async().produce("orders", "42", "paid")

    asyncio.run(call())
