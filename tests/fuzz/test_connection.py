"""A broker whose answers arrive damaged: a fresh connection, nothing lost, nothing twice, nothing out of order."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from dekaf.errors import BrokerConnectionError, MalformedResponseError, ProduceError
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.fuzz.connection import DAMAGED_APIS, Damage, Saboteur
from tests.scenarios.faces import Face, LoopFace, ThreadFace, eventually
from tests.scenarios.invariants import Ledger, Outcome, leave_nothing_behind, succeed_in_order

# `DEKAF_FUZZ_SEEDS=1000` runs more than the few of an ordinary run; `DEKAF_FUZZ_FIRST` begins elsewhere.
SEEDS = int(os.environ.get("DEKAF_FUZZ_SEEDS", "12"))
FIRST = int(os.environ.get("DEKAF_FUZZ_FIRST", "0"))
RELEASES = ("2.1", "2.8", "3.9", "4.0", "4.3", "4.4")
FACES: tuple[Callable[..., Face], ...] = (ThreadFace, LoopFace)


@contextmanager
def sabotaged(
    seed: int, kind: Damage, apis: Sequence[ApiKey] = DAMAGED_APIS, **options: Any
) -> Iterator[tuple[FakeCluster, Face, Saboteur]]:
    chance = random.Random(seed)
    saboteur = Saboteur(chance, kind, RELEASES[seed % len(RELEASES)])
    with FakeCluster(nodes=2, topics={"t": 2}, kafka=saboteur.release) as cluster:
        for api in apis:
            for _ in range(3):
                cluster.on(api, nth=chance.randint(1, 4)).rewrite(saboteur.rewrite(api), times=chance.randint(1, 3))
        with FACES[seed // len(RELEASES) % 2](cluster.bootstrap_servers, batch_size=160, **options) as face:
            yield cluster, face, saboteur


def produce(ledger: Ledger) -> list[Outcome]:
    for _ in range(6):
        ledger.produce(5)
        ledger.produce(5, partition=1)
        ledger.outcomes()
    return ledger.outcomes()


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_damaged_answer_costs_a_connection_and_no_message(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dekaf")
    with sabotaged(seed, Damage.REFUSED) as (cluster, face, saboteur):
        outcomes = produce(Ledger(face, "t"))
        face.close()

        succeed_in_order(cluster, "t", outcomes)
        leave_nothing_behind(face.status(), outcomes)
        assert face.status().engine_restarts == 0
        given_up = [one for one in caplog.records if one.getMessage().startswith("Closing the connection")]
        # Of several damaged answers on one connection, the first ends it.
        assert 0 < len(given_up) <= len(saboteur.done)
        assert len(cluster.connections) > len(given_up)
        assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(SEEDS // 4, 1)))
def test_answer_that_never_ends_costs_a_connection_and_no_message(seed: int) -> None:
    # One request at a time, or the next answer would be taken for the rest of this one, and for a lie.
    options: dict[str, Any] = {"request_timeout_ms": 150, "max_in_flight_requests_per_connection": 1}
    with sabotaged(seed, Damage.INCOMPLETE, [ApiKey.PRODUCE], **options) as (cluster, face, saboteur):
        outcomes = produce(Ledger(face, "t"))

        succeed_in_order(cluster, "t", outcomes)
        assert saboteur.done


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_answer_that_lies_leaves_the_producer_able_to_go_on(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    """What is said to have failed may be there: nobody can know better than the broker. But everything is answered."""
    caplog.set_level(logging.ERROR, "dekaf")
    options: dict[str, Any] = {
        "request_timeout_ms": 300,
        "delivery_timeout_ms": 600,
        "max_block_ms": 300,
        "metadata_max_age_ms": 200,
    }
    with sabotaged(seed, Damage.LIE, **options) as (cluster, face, _):
        ledger = Ledger(face, "t")
        produce(ledger)
        cluster.clear_faults()

        eventually(lambda: _delivers(ledger))

        assert face.status().engine_restarts == 0
        assert [one for one in caplog.records if one.exc_info is not None] == []


def test_broker_that_answers_nothing_but_nonsense_fails_in_time_and_says_so() -> None:
    with FakeCluster(topics={"t": 1}) as cluster:
        for api in DAMAGED_APIS:
            cluster.on(api).garbage(times=ALWAYS)
        options = {"request_timeout_ms": 100, "delivery_timeout_ms": 300}
        with ThreadFace(cluster.bootstrap_servers, **options) as face:
            error = face.produce("t", b"a").exception(10)

    assert isinstance(error, ProduceError)
    assert not error.may_be_persisted
    assert isinstance(error.__cause__, MalformedResponseError | BrokerConnectionError)
    assert "HTTP" in str(error.__cause__)


def _delivers(ledger: Ledger) -> bool:
    ledger.produce(1)
    ledger.produce(1, partition=1)
    return all(outcome.error is None for outcome in ledger.outcomes()[-2:])
