from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock, MagicMock, Mock, create_autospec

import pydantic
import pytest

from dekaf import AsyncProducer, ConfigurationError, JsonSerializer, Producer, ProducerClosedError, ProducerConfig
from dekaf.abc import KafkaProducer
from dekaf.registry import (
    Face,
    ProducerRegistry,
    disabled_producer,
    is_overridden_everywhere,
    override_everywhere,
)
from dekaf.types import ProducerState

NOWHERE = "127.0.0.1:1"  # nobody listens there
OPTIONS: dict[str, object] = {"bootstrap_servers": NOWHERE}
BY_ALIAS: dict[str, object] = {"default": OPTIONS, "audit": {**OPTIONS, "linger_ms": 50}}

ROOT = Path(__file__).parents[2]


@pytest.fixture
def registry() -> Iterator[ProducerRegistry]:
    with ProducerRegistry(BY_ALIAS) as registry:
        yield registry


@pytest.fixture
def double() -> Iterator[Producer]:
    with Producer(backend="memory") as double:
        yield double


def is_same(found: object, expected: object) -> bool:
    """Compare what type checkers take for different things, such as a producer and its double."""
    return found is expected


def in_a_child(act: Callable[[], None]) -> int:
    """Return the exit code of a forked child that does this: 0 if it went well, negative if it hung."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks where there are threads
        pid = os.fork()
    if pid == 0:
        signal.alarm(10)
        try:
            act()
        except BaseException:  # it must not come back into pytest, whatever it is
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# Configuration.


def test_options_alone_are_those_of_the_default_alias() -> None:
    registry = ProducerRegistry({"bootstrap_servers": NOWHERE, "LINGER_MS": "20"})

    assert registry.aliases == ("default",)
    assert registry.config().linger_ms == 20


def test_options_may_be_given_by_alias() -> None:
    registry = ProducerRegistry({"default": OPTIONS, "audit": ProducerConfig(bootstrap_servers=NOWHERE, linger_ms=50)})

    assert registry.aliases == ("default", "audit")
    assert registry.config("audit").linger_ms == 50


def test_a_finished_configuration_is_the_default_alias() -> None:
    config = ProducerConfig(bootstrap_servers=NOWHERE)

    assert ProducerRegistry(config).config() is config


class PydanticOptions(pydantic.BaseModel):
    bootstrap_servers: str = NOWHERE
    linger_ms: int | None = None
    client_id: str = "shop"


@dataclass
class DataclassOptions:
    bootstrap_servers: str = NOWHERE
    client_id: str = "shop"


@pytest.mark.parametrize(
    "settings",
    [
        PydanticOptions(),
        DataclassOptions(),
        SimpleNamespace(bootstrap_servers=NOWHERE, client_id="shop", debug=True),
        SimpleNamespace(dekaf=PydanticOptions(), debug=True),
        SimpleNamespace(DEKAF={"default": {"BOOTSTRAP_SERVERS": NOWHERE, "CLIENT_ID": "shop"}}),
        SimpleNamespace(dekaf={"default": PydanticOptions(), "audit": PydanticOptions()}),
    ],
    ids=["model", "dataclass", "attributes", "model in attribute", "mapping in attribute", "models by alias"],
)
def test_settings_may_be_an_object(settings: object) -> None:
    assert ProducerRegistry(settings).config().client_id == "shop"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "bootstrap_servers: required"),
        ({"bootstrap_server": NOWHERE}, "did you mean bootstrap_servers"),
        ({"linger_ms": {}}, "linger_ms"),
        ({"default": OPTIONS, "linger_ms": 5}, "'default' looks like the alias of a producer, 'linger_ms' does not"),
        ({"default": OPTIONS, "linger_ms": 5}, "by alias: {'default': {'linger_ms': …, …}}."),
        ({"audit": OPTIONS, "linger_ms": 5}, "by alias: {'default': {'linger_ms': …}, 'audit': {…}}."),
        ({"default": OPTIONS, "acks": {}}, "'acks' does not"),
        ({"default": OPTIONS, "audit": "x:1"}, "'audit' does not.*by alias: {'default': {…}, 'audit': {…}}."),
        ({"default": "x:1"}, r"DEKAF\['default'\]: must hold the options of a producer.*, not str"),
        ({"default": None, "audit": OPTIONS}, r"DEKAF\['default'\]: must hold the options of a producer.*, not None"),
        ({"default": {**OPTIONS, "linger_ms": 5, "LINGER_MS": 6}}, "given twice, in different case"),
        ({"default": OPTIONS, "audit": {**OPTIONS, "linger": 5}}, r"DEKAF\['audit'\]: linger: no such option"),
        (5, "not int"),
        (None, "not NoneType"),
    ],
)
def test_wrong_configuration_is_refused_when_the_registry_is_made(config: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ProducerRegistry(config)


def test_faults_of_all_aliases_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ProducerRegistry({"default": {"acks": "some"}, "audit": {"linger": 5}}, source="SETTINGS")

    assert "SETTINGS['default']" in str(caught.value)
    assert "SETTINGS['audit']" in str(caught.value)


# Looking up.


def test_both_faces_share_one_engine(registry: ProducerRegistry) -> None:
    assert registry.producer()._core is registry.async_producer("default", str, int)._core


def test_aliases_have_engines_of_their_own(registry: ProducerRegistry) -> None:
    assert registry.producer("audit")._core is not registry.producer()._core


def test_the_same_question_has_the_same_answer(registry: ProducerRegistry) -> None:
    assert registry.producer("default", str, dict) is registry.producer("default", str, dict)
    assert registry.async_producer() is registry.async_producer()
    assert not is_same(registry.producer("default", str), registry.producer("default", bytes))


def test_views_with_serializers_made_per_call_do_not_pile_up(registry: ProducerRegistry) -> None:
    registry.producer()
    known = len(registry._sync_faces)

    for _ in range(100):
        registry.producer("default", str, JsonSerializer[int]())

    assert len(registry._sync_faces) == known


def test_a_serializer_without_a_hash_is_taken(registry: ProducerRegistry) -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment] # what a dataclass with equality has

        def serialize(self, value: str, _context: object, /) -> bytes:
            return value.encode()

    assert registry.producer("default", Unhashable())._core is registry.producer()._core


def test_making_a_registry_and_its_producers_starts_nothing(registry: ProducerRegistry) -> None:
    before = set(threading.enumerate())

    registry.producer("audit")

    assert registry.async_producer().status().state is ProducerState.IDLE
    assert set(threading.enumerate()) <= before


async def close_view(producer: AsyncProducer) -> None:
    await producer.close()


def test_closing_what_it_returns_does_nothing(registry: ProducerRegistry) -> None:
    registry.producer().close()
    asyncio.run(close_view(registry.async_producer()))

    assert registry.producer().status().state is ProducerState.IDLE


def test_unknown_alias_names_the_known_ones_and_the_nearest(registry: ProducerRegistry) -> None:
    with pytest.raises(
        ConfigurationError, match=r"no alias 'adit'; known aliases: 'default', 'audit'\. .* mean 'audit'"
    ):
        registry.producer("adit")


def test_types_in_the_place_of_the_alias_are_explained(registry: ProducerRegistry) -> None:
    with pytest.raises(ConfigurationError, match="The alias comes first"):
        registry.producer(str, dict)  # type: ignore[arg-type] # the mistake


def test_threads_that_come_first_together_get_one_engine(registry: ProducerRegistry) -> None:
    barrier = threading.Barrier(8)

    def ask(number: int) -> object:
        barrier.wait()
        return (registry.producer() if number % 2 else registry.async_producer())._core

    with ThreadPoolExecutor(8) as threads:
        cores = set(map(id, threads.map(ask, range(8))))

    assert len(cores) == 1


# Doubles.


def test_override_reaches_both_faces_before_the_alias_is_made(registry: ProducerRegistry, double: Producer) -> None:
    registry.override("audit", double)

    registry.producer("audit").fire("orders", "42", "paid")
    asyncio.run(fire(registry.async_producer("audit")))

    assert [message.topic for message in double.produced.messages] == ["orders", "orders"]
    assert not is_same(registry.producer(), double)


async def fire(producer: AsyncProducer) -> None:
    await producer.produce("orders", "42", "paid")


def test_override_reaches_who_asks_after_it_and_ends_with_its_block(
    registry: ProducerRegistry, double: Producer
) -> None:
    real = registry.producer()

    with registry.override("default", double) as given:
        assert given is double
        assert is_same(registry.producer(), double)
    assert registry.producer() is real


def test_the_latest_override_wins_in_whatever_order_they_end(registry: ProducerRegistry) -> None:
    real = registry.producer()
    first, second = Producer(backend="memory"), Producer(backend="memory")
    outer = registry.override("default", first)
    inner = registry.override_all(second)

    while_both = registry.producer()
    outer.end()
    after_outer = registry.producer()
    inner.end()

    assert is_same(while_both, second)
    assert is_same(after_outer, second)
    assert registry.producer() is real


def test_override_of_an_unknown_alias_is_refused(registry: ProducerRegistry, double: Producer) -> None:
    with pytest.raises(ConfigurationError, match="no alias 'adit'"):
        registry.override("adit", double)


def test_an_alias_nobody_configured_is_unknown_to_doubles_too(registry: ProducerRegistry, double: Producer) -> None:
    with registry.override_all(double), pytest.raises(ConfigurationError, match="no alias 'adit'"):
        registry.producer("adit")


def test_doubles_serialize_as_the_alias_is_configured(double: Producer) -> None:
    registry = ProducerRegistry({**OPTIONS, "key": "str", "value": "json"})

    with registry.override("default", double):
        registry.producer().fire("orders", "42", "text")
        registry.producer("default", int).fire("orders", 7, "text")

    assert [(message.key, message.value) for message in double.produced.messages] == [
        (b"42", b'"text"'),
        ((7).to_bytes(8, "big"), b'"text"'),
    ]


def test_a_double_for_coroutines_stands_in_for_threads_too(registry: ProducerRegistry) -> None:
    double = AsyncProducer(backend="memory")

    with registry.override("default", double):
        registry.producer().fire("orders", "42", "paid")

    assert len(double.produced.messages) == 1
    asyncio.run(double.close())


@pytest.mark.parametrize("mock", [Mock(), MagicMock(), create_autospec(KafkaProducer, instance=True)])
def test_mocks_are_taken_as_they_are(registry: ProducerRegistry, mock: object) -> None:
    with registry.override("default", mock):
        assert is_same(registry.producer("default", str, dict), mock)
        assert is_same(registry.async_producer(), mock)


def test_a_double_that_would_not_be_awaited_is_refused(registry: ProducerRegistry) -> None:
    mock = AsyncMock()

    with registry.override("default", mock):
        assert is_same(registry.async_producer(), mock)
        with pytest.raises(ConfigurationError, match=r"no producer for threads, and has no as_sync\(\)"):
            registry.producer()


def test_a_double_that_cannot_be_awaited_is_refused(registry: ProducerRegistry) -> None:
    class Double:
        def produce(self, _topic: str, _key: str, _value: str) -> None:
            """Do nothing."""

    double = Double()

    with registry.override("default", double):
        assert is_same(registry.producer(), double)
        with pytest.raises(ConfigurationError, match=r"no producer for coroutines, and has no as_async\(\)"):
            registry.async_producer()


def test_a_class_is_refused_as_a_double(registry: ProducerRegistry) -> None:
    with pytest.raises(ConfigurationError, match=r"not the class: write Producer\(\)"):
        registry.override("default", Producer)
    for override in (registry.override_all, override_everywhere):
        with pytest.raises(ConfigurationError, match="not the class"):
            override(Producer)

    assert not is_overridden_everywhere()


def test_override_everywhere_reaches_registries_made_before_and_after(
    registry: ProducerRegistry, double: Producer
) -> None:
    before = registry.producer()

    with override_everywhere(double):
        later = ProducerRegistry(OPTIONS)
        assert is_same(registry.producer("audit"), double)
        assert is_same(later.producer(), double)
        assert is_overridden_everywhere()

    assert registry.producer() is before
    assert not is_same(later.producer(), double)
    assert not is_overridden_everywhere()


def test_an_override_made_within_one_everywhere_goes_before_it(registry: ProducerRegistry) -> None:
    outer, inner = Producer(backend="memory"), Producer(backend="memory")

    with override_everywhere(outer), registry.override("audit", inner):
        assert is_same(registry.producer("default"), outer)
        assert is_same(registry.producer("audit"), inner)


def test_a_registry_without_configuration_knows_every_alias_while_overridden(double: Producer) -> None:
    registry = ProducerRegistry.without_configuration()

    with override_everywhere(double):
        assert is_same(registry.producer("whatever"), double)

    with pytest.raises(ConfigurationError, match="No producer is configured"):
        registry.producer("whatever")


def test_doubles_found_elsewhere_are_asked_for_at_every_look_up(double: Producer) -> None:
    found: list[object] = []
    asked: list[tuple[str, Face]] = []

    def find(alias: str, face: Face) -> object | None:
        asked.append((alias, face))
        return found[0] if found else None

    registry = ProducerRegistry(BY_ALIAS, find_double=find)
    real = registry.producer()
    found.append(double)
    replaced = registry.producer()
    found.clear()

    assert is_same(replaced, double)
    assert registry.producer() is real
    assert asked == [("default", Face.THREADS)] * 3


# Closing.


def test_use_after_close_is_refused_even_where_overridden(double: Producer) -> None:
    registry = ProducerRegistry(BY_ALIAS)
    kept = registry.producer()
    registry.override("audit", double)

    registry.close()

    assert registry.is_closed
    for ask in (registry.producer, registry.async_producer, lambda: registry.producer("audit")):
        with pytest.raises(ProducerClosedError, match="producers of DEKAF are closed"):
            ask()
    with pytest.raises(ProducerClosedError):
        kept.fire("orders", "42", "paid")


def test_close_reports_all_aliases_together_and_takes_as_long_as_one() -> None:
    registry = ProducerRegistry(BY_ALIAS)
    for alias in registry.aliases:
        registry.producer(alias).fire("orders", "42", "paid")

    report = registry.close(timeout=0.5)

    assert (report.delivered, report.undelivered, report.ok) == (0, 2, False)
    assert len(report.failures) <= 2
    assert 0.5 <= report.elapsed < 0.9


def test_close_tells_the_callbacks_of_all_aliases_that_had_no_time() -> None:
    gate = threading.Event()
    registry = ProducerRegistry({alias: {"backend": "memory"} for alias in ("default", "audit")})
    for alias in registry.aliases:
        registry.producer(alias).fire("orders", "42", "paid", on_delivery=lambda _, __: gate.wait(10) and None)

    report = registry.close(timeout=0.01)
    gate.set()

    assert (report.delivered, report.callbacks_pending) == (2, 2)


def test_aclose_does_not_block_the_loop() -> None:
    registry = ProducerRegistry(BY_ALIAS)
    for alias in registry.aliases:
        registry.producer(alias).fire("orders", "42", "paid")
    gc.collect()  # of all that the tests before left: half a second that would be measured here
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    async def close() -> int:
        heart = asyncio.create_task(beat())
        report = await registry.aclose(timeout=0.5)
        heart.cancel()
        return report.undelivered

    assert asyncio.run(close()) == 2
    assert max(after - before for before, after in itertools.pairwise(beats)) < 0.3


def test_close_waits_even_on_a_thread_that_runs_a_loop() -> None:
    registry = ProducerRegistry(OPTIONS)
    registry.producer().fire("orders", "42", "paid")

    async def close() -> tuple[int, bool]:
        report = registry.close(timeout=0.2)
        return report.undelivered, report.pending

    assert asyncio.run(close()) == (1, False)


def test_aliases_are_told_apart_by_their_client_ids() -> None:
    by_hand = ProducerConfig(bootstrap_servers=NOWHERE)
    named = {**OPTIONS, "client_id": "shop"}
    aliases = {"default": OPTIONS, "audit": OPTIONS, "named": named, "a\tb": OPTIONS, "a" * 300: OPTIONS}
    registry = ProducerRegistry({**aliases, "by hand": by_hand})
    program = registry.config().client_id

    ids = {alias: registry.config(alias).client_id for alias in registry.aliases}

    assert ids["audit"] == f"{program}-audit"
    assert ids["named"] == "shop"
    assert ids["a\tb"] == ids["a" * 300] == ids["by hand"] == program  # no client id can be called so; one made by hand


def test_closing_again_reports_the_same() -> None:
    registry = ProducerRegistry(OPTIONS)
    registry.producer().fire("orders", "42", "paid")

    first, again = registry.close(timeout=0.1), registry.close()

    assert (first.undelivered, again.undelivered) == (1, 1)
    assert asyncio.run(registry.aclose()).undelivered == 1


def test_closing_a_registry_nobody_used_has_nothing_to_do() -> None:
    report = ProducerRegistry(BY_ALIAS).close()

    assert report.ok
    assert report.elapsed < 0.5


@pytest.mark.asyncio
async def test_contexts_close() -> None:
    with ProducerRegistry(OPTIONS) as threads:
        pass
    async with ProducerRegistry(OPTIONS) as coroutines:
        pass

    assert threads.is_closed
    assert coroutines.is_closed


# Forks.


def test_a_child_forked_while_a_lock_is_held_can_use_it(registry: ProducerRegistry) -> None:
    held, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with registry._lock:
            held.set()
            enough.wait()

    def ask() -> None:
        registry.producer()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        assert in_a_child(ask) == 0
    finally:
        enough.set()
        holder.join()


def test_a_child_that_closes_leaves_the_parents_producers_open(registry: ProducerRegistry) -> None:
    def close_in_child() -> None:
        registry.close()
        assert registry.is_closed

    assert in_a_child(close_in_child) == 0
    assert registry.producer().status().state is ProducerState.IDLE


# Cost.


def test_importing_an_adapter_does_not_import_the_others() -> None:
    script = """
        import sys
        import dekaf.contrib.django
        loaded = [name for name in ("dependency_injector", "fastapi", "starlette", "celery") if name in sys.modules]
        assert not loaded, loaded
        import dekaf.contrib.django.apps, dekaf.contrib.django.asgi
        loaded = [name for name in ("dependency_injector", "fastapi", "starlette", "celery") if name in sys.modules]
        assert not loaded, loaded
        assert "dekaf.testing" not in sys.modules
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


# Opened again, and replaced.


def test_a_closed_registry_that_is_opened_again_makes_new_producers() -> None:
    registry = ProducerRegistry({"backend": "memory"})
    before = registry.producer()
    registry.close()

    registry.reopen()

    registry.producer().fire("orders", "42", "paid")
    with pytest.raises(ProducerClosedError):
        before.fire("orders", "42", "paid")
    assert registry.close().delivered == 1


def test_a_registry_that_is_open_keeps_its_producers() -> None:
    registry = ProducerRegistry({"backend": "memory"})
    producer = registry.producer()

    registry.reopen()

    assert registry.producer() is producer


def test_doubles_stay_when_another_registry_takes_the_place_of_one() -> None:
    before, after = ProducerRegistry({"backend": "memory"}), ProducerRegistry({"backend": "memory"})
    override = before.override_all(Producer(backend="memory"))
    after.producer()
    after.share_overrides_of(before)
    found: object = after.producer()
    later = before.override("default", Producer(backend="memory"))
    found_later: object = after.producer()
    later.end()
    override.end()

    assert found is override.double
    assert found_later is later.double
    assert isinstance(after.producer(), Producer)


@pytest.mark.parametrize("config", [None, ProducerConfig(bootstrap_servers=NOWHERE, start="eager")])
def test_a_producer_that_stands_in_for_a_while_produces_nothing_and_warns_of_nothing(
    config: ProducerConfig | None, caplog: pytest.LogCaptureFixture
) -> None:
    with disabled_producer("audit", config) as producer:
        assert producer.produce("orders", "42", "paid").offset == -1

    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []
