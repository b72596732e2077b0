"""Applications whose code gives no credentials: it hangs, raises or returns nonsense. An error in words, in time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dekaf import CredentialsUnavailableError, ProduceError, Producer
from dekaf.security import OAuthToken
from dekaf.testing import FakeCluster
from tests.certificates import Authority
from tests.scenarios.faces import ThreadFace, eventually
from tests.scenarios.secured import TOPIC, secured_cluster, secured_options, token_of

ROOT = Path(__file__).parents[2]
PROVIDER = "sasl_oauth_token_provider"
SECRET = "aaa.mArK.ccc"


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with secured_cluster(None) as cluster:
        yield cluster


def raises(error: BaseException) -> Callable[[], Any]:
    def provider() -> Any:
        raise error

    return provider


async def raises_later() -> OAuthToken:
    await asyncio.sleep(0)
    raise LookupError(SECRET)


NONSENSE: dict[str, tuple[Callable[[], Any], str]] = {
    "a text": (lambda: SECRET, "must return a dekaf.security.OAuthToken, not str"),
    "nothing": (lambda: None, "must return a dekaf.security.OAuthToken, not NoneType"),
    "what confluent-kafka takes": (lambda: (SECRET, time.time() + 60), "not tuple"),
    "milliseconds": (lambda: OAuthToken(SECRET, time.time() * 1000), "if it is in milliseconds"),
    "a naive datetime": (lambda: OAuthToken(SECRET, "tomorrow"), "must be seconds since 1970"),  # type: ignore[arg-type]
    "an error": (raises(LookupError(SECRET)), "raised LookupError"),
    "an error of a coroutine": (raises_later, "raised LookupError"),
    "SystemExit": (raises(SystemExit(1)), PROVIDER),
    "StopIteration": (raises(StopIteration()), PROVIDER),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_provider_that_gives_no_token_is_named(cluster: FakeCluster, case: str) -> None:
    provider, says = NONSENSE[case]
    asked: list[float] = []

    def counted() -> Any:
        asked.append(time.monotonic())
        return provider()

    options: dict[str, Any] = {PROVIDER: counted, "produce_timeout_ms": 400}
    options |= {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 1_000}
    with ThreadFace(cluster.bootstrap_servers, **secured_options("OAUTHBEARER", **options)) as face:
        error = face.call(TOPIC, b"v").exception(10)

    assert isinstance(error, ProduceError)
    assert isinstance(error.__cause__, CredentialsUnavailableError)
    assert PROVIDER in str(error.__cause__)
    assert says in str(error.__cause__)
    assert SECRET not in f"{error} {error.__cause__}"
    assert 1 <= len(asked) <= 10
    assert cluster.connections == []  # nothing is dialled without credentials


@pytest.mark.parametrize("case", ["raises", "returns nothing", "returns half of a character"])
def test_password_that_cannot_be_had_is_named(cluster: FakeCluster, case: str) -> None:
    given: dict[str, Callable[[], Any]] = {
        "raises": raises(LookupError(SECRET)),
        "returns nothing": lambda: None,
        "returns half of a character": lambda: f"{SECRET}\ud800",
    }
    options: dict[str, Any] = {"sasl_password": given[case], "produce_timeout_ms": 300}
    with ThreadFace(cluster.bootstrap_servers, **secured_options("SCRAM-SHA-256", **options)) as face:
        error = face.call(TOPIC, b"v").exception(10)

    assert isinstance(error, ProduceError)
    assert "sasl_password" in str(error.__cause__)
    assert SECRET not in f"{error} {error.__cause__}"
    assert cluster.connections == []


@pytest.mark.mistake("librdkafka #3871", "confluent-kafka-python #2164")
def test_provider_that_hangs_holds_up_neither_the_constructor_nor_the_error(
    cluster: FakeCluster, gate: threading.Event
) -> None:
    """confluent-kafka-python #2164: the constructor waited ten seconds for the first token."""

    def hang() -> OAuthToken:
        gate.wait()
        return token_of()

    began = time.monotonic()
    options: dict[str, Any] = {
        PROVIDER: hang,
        "request_timeout_ms": 100,
        "produce_timeout_ms": 400,
        "close_timeout_ms": 300,
    }
    with ThreadFace(cluster.bootstrap_servers, **secured_options("OAUTHBEARER", **options)) as face:
        assert time.monotonic() - began < 1
        error = face.call(TOPIC, b"v").exception(10)

    assert isinstance(error, ProduceError)
    assert isinstance(error.__cause__, CredentialsUnavailableError)
    assert "request_timeout_ms=100" in str(error)
    assert time.monotonic() - began < 10


def test_provider_that_hangs_is_told_before_its_own_time_is_over(cluster: FakeCluster, gate: threading.Event) -> None:
    """By default a provider has ten seconds, and a call may have less."""

    def hang() -> OAuthToken:
        gate.wait()
        return token_of()

    options: dict[str, Any] = {PROVIDER: hang, "produce_timeout_ms": 100, "close_timeout_ms": 300}
    with ThreadFace(cluster.bootstrap_servers, **secured_options("OAUTHBEARER", **options)) as face:
        error = face.call(TOPIC, b"v").exception(10)

    assert isinstance(error, ProduceError)
    assert isinstance(error.__cause__, CredentialsUnavailableError)
    assert f"{PROVIDER} has not returned for" in str(error)


def test_password_of_a_key_is_asked_for_on_the_login_thread(tmp_path: Path, gate: threading.Event) -> None:
    authority = Authority(tmp_path)
    server, client = authority.server(), authority.client("alice")
    threads: list[str] = []
    answers: list[Callable[[], str]] = [gate.wait, raises(SystemExit(1)), lambda: "not it", lambda: "right"]  # type: ignore[list-item]

    def password() -> str:
        threads.append(threading.current_thread().name)
        return answers[min(len(threads), len(answers)) - 1]()

    options: dict[str, Any] = {
        "security_protocol": "SSL",
        "ssl_cafile": str(authority.cafile),
        "ssl_certfile": str(client.certfile),
        "ssl_keyfile": str(client.encrypted_keyfile("right")),
        "ssl_key_password": password,
        "request_timeout_ms": 150,
        "produce_timeout_ms": 100,
        "reconnect_backoff_ms": 5,
    }
    tls = (server.certfile, server.keyfile)
    with (
        FakeCluster(tls=tls, host="localhost", topics={TOPIC: 1}) as cluster,
        ThreadFace(cluster.bootstrap_servers, **options) as face,
    ):
        assert threads == []  # nor in the constructor
        error = face.call(TOPIC, b"v").exception(10)
        assert "ssl_key_password has not returned for" in str(error)
        assert isinstance(error, ProduceError)
        assert isinstance(error.__cause__, CredentialsUnavailableError)
        gate.set()
        eventually(lambda: face.call(TOPIC, b"v").exception(10) is None)

    assert set(threads) == {"dekaf-login"}
    assert len(threads) == len(answers)


def test_token_that_comes_late_is_used(cluster: FakeCluster, gate: threading.Event) -> None:
    calls: list[int] = []

    def slow_once() -> OAuthToken:
        calls.append(1)
        if len(calls) == 1:
            gate.wait()
            return token_of()
        raise LookupError("the second question is not answered at all")

    options: dict[str, Any] = {PROVIDER: slow_once, "request_timeout_ms": 100}
    with ThreadFace(cluster.bootstrap_servers, **secured_options("OAUTHBEARER", **options)) as face:
        handle = face.produce(TOPIC, b"v")
        eventually(lambda: face.status().last_error is not None or calls)
        gate.set()
        assert handle.result(10).has_offset


def test_provider_shared_by_several_producers_is_never_called_twice_at_once(cluster: FakeCluster) -> None:
    inside: list[int] = []
    most: list[int] = []

    def provider() -> OAuthToken:
        inside.append(1)
        most.append(len(inside))
        time.sleep(0.02)  # not to wait for something: so that others would come in meanwhile
        inside.pop()
        return token_of()

    options = {**secured_options("OAUTHBEARER"), PROVIDER: provider}
    producers = [Producer(bootstrap_servers=cluster.bootstrap_servers, **options) for _ in range(4)]
    handles = [producer.submit(TOPIC, None, b"v") for producer in producers]
    for handle in handles:
        assert handle.result(10).has_offset
    for producer in producers:
        producer.close()

    assert max(most) == 1
    assert len(most) == len(producers)


@pytest.mark.parametrize("how", ["def", "async def"])
def test_process_with_a_provider_that_hangs_exits_within_the_close_timeout(cluster: FakeCluster, how: str) -> None:
    script = f"""
import sys, time
from dekaf import Producer
{how} provider():
    time.sleep(3600)
producer = Producer(
    bootstrap_servers=sys.argv[1], security_protocol="SASL_PLAINTEXT", sasl_mechanism="OAUTHBEARER",
    sasl_oauth_token_provider=provider, close_timeout_ms=500,
)
producer.fire("t", None, b"v")
print(time.time())
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), cluster.bootstrap_servers],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=ROOT,
        env=environment,
    )
    exited = time.time()

    assert done.returncode == 0, done.stderr
    assert exited - float(done.stdout) < 5  # half a second, and what an interpreter takes to end on a busy machine
    assert "undelivered" in done.stderr
