"""Brokers whose answers arrive damaged while a connection authenticates: a fresh one, and nothing lost or shown."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.fuzz.campaign import LARGEST_INPUT
from tests.fuzz.mutation import Mutator
from tests.scenarios.faces import Face, LoopFace, ThreadFace, eventually
from tests.scenarios.invariants import Ledger, succeed_in_order
from tests.scenarios.secured import PASSWORD, TOPIC, secured_cluster, secured_options

SEEDS = int(os.environ.get("DEKAF_FUZZ_SEEDS", "12"))
FIRST = int(os.environ.get("DEKAF_FUZZ_FIRST", "0"))
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
FACES: tuple[Callable[..., Face], ...] = (ThreadFace, LoopFace)
DAMAGED = (ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE, ApiKey.API_VERSIONS)


def damaging(chance: random.Random) -> Callable[[bytes], bytes]:
    def damage(answer: bytes) -> bytes:
        return Mutator(chance, [answer], LARGEST_INPUT).mutate(answer)

    return damage


@contextmanager
def sabotaged(seed: int) -> Iterator[tuple[FakeCluster, Face]]:
    chance = random.Random(seed)
    mechanism = MECHANISMS[seed % len(MECHANISMS)]
    options = secured_options(mechanism, socket_connection_setup_timeout_ms=400, request_timeout_ms=600)
    with secured_cluster(None, nodes=2, session_lifetime_ms=1_300) as cluster:
        for api in DAMAGED:
            cluster.on(api, nth=chance.randint(1, 2)).rewrite(damaging(chance), times=chance.randint(1, 3))
        with FACES[seed // len(MECHANISMS) % 2](cluster.bootstrap_servers, batch_size=160, **options) as face:
            yield cluster, face


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_damaged_answer_costs_a_connection_and_no_message(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dekaf")
    with sabotaged(seed) as (cluster, face):
        ledger = Ledger(face, TOPIC)
        for _ in range(3):
            ledger.produce(5)
            ledger.produce(5, partition=1)
            ledger.outcomes()

        succeed_in_order(cluster, TOPIC, ledger.outcomes())
        assert face.status().engine_restarts == 0

    assert [one for one in caplog.records if one.exc_info is not None] == []
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("seed", range(FIRST, FIRST + max(SEEDS // 3, 1)))
def test_answers_damaged_while_a_session_is_renewed_cost_no_message(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)
    options = secured_options(MECHANISMS[seed % len(MECHANISMS)], socket_connection_setup_timeout_ms=500)
    with secured_cluster(None, session_lifetime_ms=1_300) as cluster:
        face = ThreadFace(cluster.bootstrap_servers, request_timeout_ms=600, **options)
        with face:
            ledger = Ledger(face, TOPIC)
            ledger.produce(1)
            ledger.outcomes()
            faults = [
                cluster.on(api).rewrite(damaging(chance), times=ALWAYS)
                for api in (ApiKey.SASL_HANDSHAKE, ApiKey.SASL_AUTHENTICATE)
            ]
            eventually(lambda: ledger.produce(1) and any(fault.hits for fault in faults))
            cluster.clear_faults()
            ledger.produce(5)

            succeed_in_order(cluster, TOPIC, ledger.outcomes())
            assert face.status().engine_restarts == 0

    assert [one for one in caplog.records if one.exc_info is not None] == []
