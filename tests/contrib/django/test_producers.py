from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import AsyncClient, Client, override_settings

from dekaf import ProducerClosedError
from dekaf.contrib.django import get_async_producer, get_producer, get_registry
from dekaf.contrib.django.producers import aclose_producers, close_producers, reopen_producers
from dekaf.producer import Producer
from dekaf.testing import KafkaFixture
from dekaf.types import ProducerState

OTHER: dict[str, object] = {"bootstrap_servers": "127.0.0.1:2", "close_timeout_ms": 200}


def test_both_faces_of_an_alias_are_one_producer() -> None:
    assert get_producer("audit")._core is get_async_producer("audit", str, dict)._core
    assert get_producer() is get_producer()
    assert get_producer()._core is not get_producer("audit")._core


@pytest.mark.parametrize(("installed", "warnings"), [([], 1), (["dekaf.contrib.django"], 0)])
def test_a_project_without_the_application_is_told_once(
    installed: list[str], warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(INSTALLED_APPS=installed):
        get_producer()
        get_async_producer()

    assert [record.name for record in caplog.records] == ["dekaf.contrib.django"] * warnings
    assert all("INSTALLED_APPS is without 'dekaf.contrib.django'" in record.getMessage() for record in caplog.records)


def test_asking_starts_nothing() -> None:
    assert get_producer().status().state is ProducerState.IDLE


def test_threads_that_come_first_together_get_one_registry() -> None:
    barrier = threading.Barrier(8)

    def ask(_: int) -> object:
        barrier.wait()
        return get_registry()

    with ThreadPoolExecutor(8) as threads:
        registries = set(map(id, threads.map(ask, range(8))))

    assert len(registries) == 1


@pytest.mark.parametrize("path", ["/sync", "/class", "/async"])
def test_views_produce(kafka: KafkaFixture, path: str) -> None:
    answer = Client().get(path)

    assert answer.json() == {"offset": 0}
    assert [(message.topic, message.alias) for message in kafka.messages()] == [
        ("orders", "default"),
        ("audit", "audit"),
    ]
    assert kafka.messages("audit")[0].json() == {"order": "42"}


def test_coroutine_views_produce_on_the_servers_loop(kafka: KafkaFixture) -> None:
    async def request() -> object:
        return (await AsyncClient().get("/async")).json()

    assert asyncio.run(request()) == {"offset": 0}
    assert len(kafka.messages()) == 2


def test_backend_without_kafka_keeps_what_views_produce() -> None:
    local: dict[str, object] = {"BACKEND": "memory"}
    with override_settings(DEKAF={"default": local, "audit": local}):
        answer = Client().get("/sync")

        assert answer.json() == {"offset": 0}
        assert [message.topic for message in get_producer().produced.messages] == ["orders"]
        assert [json.loads(message.value or b"") for message in get_producer("audit").produced.messages] == [
            {"order": "42"}
        ]


def test_tests_need_no_setting(kafka: KafkaFixture) -> None:
    with override_settings(DEKAF=None):
        get_producer("whatever").fire("orders", "42", "paid")

    assert [message.alias for message in kafka.messages("orders")] == ["whatever"]


def test_doubles_stay_when_the_setting_is_overridden(kafka: KafkaFixture) -> None:
    with override_settings(DEKAF={"bootstrap_servers": "127.0.0.1:1", "linger_ms": 7}):
        get_producer().fire("orders", "42", "paid")

    assert len(kafka.messages("orders")) == 1


def test_doubles_take_the_place_of_producers_that_were_there_before() -> None:
    before: object = get_producer()

    with KafkaFixture() as kafka:
        within = get_producer()

    assert within.produced is kafka.produced
    assert get_producer() is before


def test_closing_is_final_until_reopened() -> None:
    get_producer().fire("orders", "42", "paid")

    report = close_producers()
    again = asyncio.run(aclose_producers())

    assert report is not None
    assert again is not None
    assert (report.undelivered, again.undelivered) == (1, 1)
    with pytest.raises(ProducerClosedError):
        get_producer()
    reopen_producers()
    assert get_producer().status().state is ProducerState.IDLE


def test_closing_without_producers_makes_none() -> None:
    assert close_producers() is None
    assert asyncio.run(aclose_producers()) is None


def test_reopening_leaves_open_producers_alone() -> None:
    before = get_registry()

    reopen_producers()

    assert get_registry() is before


def test_doubles_stay_when_the_settings_change() -> None:
    with Producer(backend="memory") as double, get_registry().override_all(double):
        with override_settings(DEKAF={"bootstrap_servers": "127.0.0.1:1"}):
            get_producer().fire("orders", "42", "paid")
        get_producer().fire("orders", "43", "paid")

    assert [message.key for message in double.produced.messages] == [b"42", b"43"]
    assert isinstance(get_producer(), Producer)


def test_a_producer_that_was_kept_says_that_it_is_to_be_looked_up(kafka: KafkaFixture) -> None:
    with KafkaFixture():
        kept = get_producer()

    with pytest.raises(ProducerClosedError, match="look it up where you produce"):
        kept.fire("orders", "42", "paid")
