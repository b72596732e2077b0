"""Every server refuses to let a producer in: who does nothing but wait hears it at once, and all of it heals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator

import pytest

from dekaf.errors import AuthenticationError, BrokerConnectionError, DeliveryTimeoutError, ProduceError
from dekaf.security import OAuthToken
from dekaf.testing import ALWAYS, ApiKey, FakeCluster
from tests.scenarios.faces import eventually, loop_producer, thread_producer

LONG_MS = 30_000
SOON = 5.0  # seconds, on a busy machine; far less than LONG_MS
THEIRS, OURS = "of the broker", "of the producer"
LOGIN = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "PLAIN",
    "sasl_username": "alice",
    "sasl_password": OURS,
    "produce_timeout_ms": LONG_MS,
    "delivery_timeout_ms": LONG_MS,
}

Produce = Callable[[str], ProduceError]


@pytest.fixture
def refusing() -> Iterator[FakeCluster]:
    """Run a broker that knows another password than the producers', until it is told theirs."""
    with FakeCluster(topics={"t": 1}, sasl={"alice": THEIRS}) as cluster:
        yield cluster


def thread_error(servers: str) -> ProduceError:
    """Return what a thread's `produce` raises."""
    with thread_producer(servers, **LOGIN) as producer, pytest.raises(ProduceError) as caught:
        producer.produce("t", None, b"a")
    return caught.value


def coroutine_error(servers: str) -> ProduceError:
    """Return what a coroutine's `produce` raises."""

    async def produce() -> ProduceError:
        async with loop_producer(servers, **LOGIN) as producer:
            with pytest.raises(ProduceError) as caught:
                await producer.produce("t", None, b"a")
        return caught.value

    return asyncio.run(produce())


@pytest.mark.parametrize("error_of_produce", [thread_error, coroutine_error])
def test_produce_to_an_unknown_topic_fails_at_once(refusing: FakeCluster, error_of_produce: Produce) -> None:
    began = time.monotonic()

    error = error_of_produce(refusing.bootstrap_servers)

    assert time.monotonic() - began < SOON
    assert type(error) is ProduceError
    assert (error.is_retriable, error.may_be_persisted) == (True, False)
    assert type(error.__cause__) is AuthenticationError


def test_fire_and_submit_go_on_until_the_broker_lets_them_in(refusing: FakeCluster) -> None:
    """Services refuse fresh keys for a while."""
    with thread_producer(refusing.bootstrap_servers, **LOGIN) as producer:
        producer.fire("t", None, b"fired")
        submitted = producer.submit("t", None, b"submitted")
        with pytest.raises(ProduceError):
            producer.produce("t", None, b"produced")

        refusing.accounts.set_password("alice", OURS)

        assert submitted.result(SOON * 2).offset == 1
    assert [record.value for record in refusing.log("t")] == [b"fired", b"submitted"]


def test_the_status_says_why_no_broker_lets_us_in_until_one_does(refusing: FakeCluster) -> None:
    with thread_producer(refusing.bootstrap_servers, **{**LOGIN, "reconnect_backoff_max_ms": 100}) as producer:
        producer.fire("t", None, b"a")
        eventually(lambda: "sasl_password" in (producer.status().last_error or ""))

        refusing.accounts.set_password("alice", OURS)
        producer.flush(10)
        assert producer.status().last_error is None


def test_produce_succeeds_by_itself_once_the_broker_is_mended(refusing: FakeCluster) -> None:
    with thread_producer(refusing.bootstrap_servers, **LOGIN) as producer:
        with pytest.raises(ProduceError):
            producer.produce("t", None, b"a")
        refusing.accounts.set_password("alice", OURS)

        def is_let_in() -> bool:
            with contextlib.suppress(ProduceError):
                return producer.produce("t", None, b"b").offset == 0
            return False

        eventually(is_let_in)
    assert [record.value for record in refusing.log("t")] == [b"b"]


def test_a_refusing_server_beside_one_that_lets_us_in_fails_nothing(refusing: FakeCluster) -> None:
    with FakeCluster(topics={"t": 1}, sasl={"alice": OURS}) as other:
        servers = f"{refusing.bootstrap_servers},{other.bootstrap_servers}"
        with thread_producer(servers, **LOGIN) as producer:
            for number in range(10):
                assert producer.produce("t", None, b"a").offset == number


def test_a_server_that_takes_its_time_is_waited_for(refusing: FakeCluster) -> None:
    with FakeCluster(topics={"t": 1}, sasl={"alice": OURS}) as slow:
        slow.on(ApiKey.SASL_HANDSHAKE).delay(0.5)
        servers = f"{refusing.bootstrap_servers},{slow.bootstrap_servers}"
        with thread_producer(servers, **LOGIN) as producer:
            assert producer.produce("t", None, b"a").offset == 0


def test_a_provider_that_fails_is_no_refusal(refusing: FakeCluster) -> None:
    def token() -> OAuthToken:
        raise OSError("the vault is away")

    login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": token}
    with (
        thread_producer(refusing.bootstrap_servers, **login, produce_timeout_ms=300) as producer,
        pytest.raises(DeliveryTimeoutError, match="sasl_oauth_token_provider raised OSError"),
    ):
        producer.produce("t", None, b"a")


def test_time_outs_are_no_refusal(refusing: FakeCluster) -> None:
    refusing.on(ApiKey.SASL_AUTHENTICATE).never_answer(times=ALWAYS)
    quick = {**LOGIN, "produce_timeout_ms": 600, "socket_connection_setup_timeout_ms": 100}
    with (
        thread_producer(refusing.bootstrap_servers, **quick) as producer,
        pytest.raises(DeliveryTimeoutError, match="did not authenticate us within"),
    ):
        producer.produce("t", None, b"a")


def test_a_broker_that_wants_a_login_is_not_hammered_by_one_who_has_none(
    refusing: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    """It tells its versions to everybody, and closes the connection at the next request: that is no success."""
    options = {"produce_timeout_ms": 1_000, "reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1_000}
    with (
        caplog.at_level(logging.WARNING, "dekaf.network"),
        thread_producer(refusing.bootstrap_servers, **options) as producer,
        pytest.raises(DeliveryTimeoutError, match="set security_protocol to SASL_PLAINTEXT") as caught,
    ):
        producer.produce("t", None, b"a")

    assert type(caught.value.__cause__) is BrokerConnectionError
    assert len(refusing.connections) <= 8
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
