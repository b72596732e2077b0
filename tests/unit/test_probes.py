"""What probes are answered, by the state of the producers and of Kafka."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dekaf import ConfigurationError
from dekaf.probes import Probes
from dekaf.registry import ProducerRegistry
from dekaf.testing import ApiKey, FakeCluster, ReceivedMetadata
from tests.scenarios.faces import eventually

NOWHERE = "127.0.0.1:1"


def registry_of(**options: Any) -> ProducerRegistry:
    return ProducerRegistry({"bootstrap_servers": NOWHERE, "close_timeout_ms": 100, **options})


def test_a_producer_that_was_never_used_is_live_ready_and_started() -> None:
    with registry_of() as registry:
        probes = Probes()

        answers = [probes.live(registry), probes.ready(registry), probes.started(registry)]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[1].body == {
        "status": "up",
        "reasons": [],
        "producers": {"default": {"status": "up", "reasons": [], "buffer_used": 0.0}},
    }


def test_kafka_away_leaves_a_process_ready_and_says_so() -> None:
    with registry_of(unavailable_after_ms=50) as registry:
        registry.producer().fire("orders", "42", "paid")
        eventually(lambda: registry.producer().status().unavailable_for is not None)
        live, ready = Probes().live(registry), Probes().ready(registry)

    assert (live.status, ready.status) == (200, 200)
    assert ready.body["status"] == "degraded"
    assert "No broker has been reachable" in ready.body["producers"]["default"]["reasons"][0]


def test_where_kafka_is_required_its_absence_makes_a_process_unready_and_leaves_it_live() -> None:
    with registry_of() as registry:
        probes = Probes(require_kafka=True, timeout=0.2)

        ready = probes.ready(registry)

        assert (ready.status, ready.body["status"], ready.body["reasons"]) == (503, "down", ["No broker answers."])
        assert probes.live(registry).status == 200
        assert asyncio.run(Probes(require_kafka=True, timeout=0.2).aready(registry)).status == 503


def test_where_kafka_is_required_and_answers_a_process_is_ready() -> None:
    with FakeCluster() as cluster, registry_of(bootstrap_servers=cluster.bootstrap_servers) as registry:
        assert Probes(require_kafka=True, timeout=10).ready(registry).status == 200
        assert asyncio.run(Probes(require_kafka=True, timeout=10).aready(registry)).status == 200


def test_an_answer_of_kafka_stands_for_a_while() -> None:
    with FakeCluster() as cluster, registry_of(bootstrap_servers=cluster.bootstrap_servers) as registry:
        probes = Probes(require_kafka=True, timeout=10)
        assert probes.ready(registry).status == 200
        asked = len(cluster.requests(ReceivedMetadata))

        assert all(probes.ready(registry).status == 200 for _ in range(100))
        assert len(cluster.requests(ReceivedMetadata)) == asked


def test_one_probe_asks_while_the_others_take_the_last_answer() -> None:
    with FakeCluster() as cluster, registry_of(bootstrap_servers=cluster.bootstrap_servers) as registry:
        cluster.on(ApiKey.METADATA).never_answer(times=None)
        probes = Probes(require_kafka=True, timeout=1.5)

        def ask() -> float:
            started = time.monotonic()
            assert probes.ready(registry).status == 503
            return time.monotonic() - started

        with ThreadPoolExecutor(20) as pool:
            took = sorted(pool.map(lambda _: ask(), range(20)))

    assert took[-1] >= 1.0  # the one that asked
    assert took[-2] < 1.0  # and nobody else


def test_a_probe_that_was_cancelled_leaves_the_question_to_the_next() -> None:
    async def cancel_one(registry: ProducerRegistry, probes: Probes) -> None:
        asking = asyncio.create_task(probes.aready(registry))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    with FakeCluster() as cluster, registry_of(bootstrap_servers=cluster.bootstrap_servers) as registry:
        probes = Probes(require_kafka=True, timeout=10)
        cluster.on(ApiKey.METADATA).hold(times=None)
        asyncio.run(cancel_one(registry, probes))
        cluster.clear_faults()

        eventually(lambda: probes.ready(registry).status == 200)


@pytest.mark.parametrize("topics", [["orders"], {"default": ["orders"]}])
def test_a_process_has_started_once_its_topics_were_there(topics: Any) -> None:
    options = {"max_block_ms": 200, "allow_auto_create_topics": False}
    with (
        FakeCluster(topics={"other": 1}) as cluster,
        registry_of(bootstrap_servers=cluster.bootstrap_servers, **options) as registry,
    ):
        probes = Probes(topics=topics, timeout=10)
        before = probes.started(registry)
        cluster.create_topic("orders", partitions=1)
        eventually(lambda: probes.started(registry).status == 200)
        cluster.stop_broker(1)

        assert (before.status, before.body["status"]) == (503, "down")
        assert before.body["reasons"] == ["Kafka does not answer, or a topic does not exist."]
        assert probes.started(registry).status == 200  # what has started has started


def test_a_coroutine_learns_of_topics_in_the_same_way() -> None:
    async def look(registry: ProducerRegistry) -> tuple[int, int]:
        there = await Probes(topics=["orders"], timeout=10).astarted(registry)
        missing = await Probes(topics=["missing"], timeout=10).astarted(registry)
        return there.status, missing.status

    with FakeCluster(topics={"orders": 1}) as cluster:
        options = {"max_block_ms": 200, "allow_auto_create_topics": False}
        with registry_of(bootstrap_servers=cluster.bootstrap_servers, **options) as registry:
            assert asyncio.run(look(registry)) == (200, 503)


@pytest.mark.parametrize("face", ["threads", "coroutines"])
def test_topics_that_are_missing_take_no_longer_than_the_timeout(face: str) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        options: Any = {"bootstrap_servers": cluster.bootstrap_servers, "max_block_ms": 60_000}
        with ProducerRegistry({"default": options, "audit": options}) as registry:
            probes = Probes(topics={"default": ["missing", "gone"], "audit": ["missing"]}, timeout=0.3)
            began = time.monotonic()

            answer = probes.started(registry) if face == "threads" else asyncio.run(probes.astarted(registry))

            assert answer.status == 503
            assert time.monotonic() - began < 5  # and not for minutes


def test_which_topic_is_missing_is_told_where_details_are() -> None:
    with (
        FakeCluster(topics={"orders": 1}) as cluster,
        registry_of(bootstrap_servers=cluster.bootstrap_servers) as known,
    ):
        told = Probes(topics=["missing"], timeout=0.3, details=True).started(known).body["reasons"]

    assert told[0] == "Kafka does not answer, or a topic does not exist."
    assert told[1].startswith("missing: The topic's partitions are not known; the cluster was asked for timeout=0.")


@pytest.mark.parametrize("face", ["threads", "coroutines"])
def test_an_alias_that_topics_misspells_is_an_error_and_not_a_missing_topic(face: str) -> None:
    with registry_of(backend="memory") as registry:
        probes = Probes(topics={"audti": ["orders"]})
        for _ in range(2):
            with pytest.raises(ConfigurationError, match="no alias 'audti'"):
                probes.started(registry) if face == "threads" else asyncio.run(probes.astarted(registry))


def test_topics_of_a_double_are_there() -> None:
    with registry_of(backend="memory") as registry, registry.override("default", object()):
        assert Probes(topics=["orders"]).started(registry).status == 200
        assert asyncio.run(Probes(topics=["orders"]).astarted(registry)).status == 200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_asks_by_itself_though_its_parent_was_asking() -> None:
    with registry_of() as registry:
        probes = Probes(require_kafka=True, timeout=1.0)
        asking = threading.Thread(target=probes.ready, args=[registry])
        asking.start()
        eventually(lambda: registry.metrics() != {})

        child = os.fork()
        if child == 0:
            before = probes.ready(registry).body["reasons"]
            os._exit(0 if before == ["No broker answers."] else 1)  # and not that it is being asked

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        asking.join()


def test_an_application_that_closes_is_unready_and_not_to_be_killed() -> None:
    registry = registry_of()
    registry.close()

    assert Probes().ready(registry).status == 503
    assert Probes().live(registry).status == 200


def test_bodies_hold_no_addresses_unless_asked_for() -> None:
    with registry_of(unavailable_after_ms=50) as registry:
        registry.producer().fire("secret-topic", "42", "paid")
        eventually(lambda: registry.producer().status().unavailable_for is not None)
        plain = json.dumps(Probes(require_kafka=True, timeout=0.1).ready(registry).body)
        detailed = json.dumps(Probes(details=True).ready(registry).body)

    assert "127.0.0.1" not in plain
    assert "secret-topic" not in plain
    assert "127.0.0.1" in detailed


@pytest.mark.parametrize("backend", ["memory", "disabled"])
def test_a_backend_without_kafka_is_up_and_says_so(backend: str) -> None:
    with ProducerRegistry({"backend": backend}) as registry:
        answer = Probes(require_kafka=True).ready(registry)

    assert answer.status == 200
    assert answer.body["producers"]["default"]["reasons"] == [f"backend='{backend}': nothing is sent to Kafka."]


def test_a_double_is_up_whatever_it_can_do() -> None:
    with registry_of() as registry, registry.override("default", object()):
        answer = Probes(require_kafka=True).ready(registry)

    assert (answer.status, answer.body["status"]) == (200, "up")


def test_all_aliases_are_looked_at_or_those_that_are_named() -> None:
    with ProducerRegistry({"default": {"backend": "memory"}, "audit": {"backend": "memory"}}) as registry:
        assert list(Probes().live(registry).body["producers"]) == ["default", "audit"]
        assert list(Probes(aliases=["audit"]).live(registry).body["producers"]) == ["audit"]
        with pytest.raises(ConfigurationError, match=r"no alias 'audits'.*Did you mean 'audit'"):
            Probes(aliases=["audits"]).live(registry)


@pytest.mark.parametrize("option", ["topics", "aliases"])
def test_a_single_text_is_no_list(option: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{option} must be a list such as \['orders'\]"):
        Probes(**{option: "orders"})  # type: ignore[arg-type]
