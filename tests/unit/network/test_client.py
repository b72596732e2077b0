"""Which broker is asked, when it is connected to again, and where bootstrap servers come in."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from dekaf._cluster.metadata import Broker
from dekaf._network.client import NetworkClient, NetworkSettings
from dekaf._network.connection import BrokerConnection, ConnectionSettings
from dekaf._network.reachability import Reachability
from dekaf._network.requests import PendingRequest
from dekaf._network.security import SecuritySettings
from dekaf._protocol.api import ApiKey
from dekaf.errors import BrokerConnectionError, DekafError
from dekaf.testing import ALWAYS, FakeBroker, FakeCluster, ReceivedApiVersions
from tests.scenarios.places import closed_port, silent_server

pytestmark = pytest.mark.asyncio

PATIENCE = 10.0
BACKOFF = 0.02
AWAY_AFTER = 5.0
THE_END = BrokerConnectionError("The test is over.")


async def until(condition: Callable[[], object]) -> None:
    """Let the loop work until a condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


class Network:
    """A client, and what it reported."""

    def __init__(
        self,
        *servers: str,
        max_idle: float = math.inf,
        setup_timeout: float = PATIENCE,
        returns_to_bootstrap: bool = True,
    ) -> None:
        self.changes = 0
        self.attempts: list[int] = []
        self.losses: list[tuple[int, DekafError]] = []
        self.reachability = Reachability(AWAY_AFTER, 10.0)
        settings = NetworkSettings(
            ConnectionSettings("c", "1.0", PATIENCE, setup_timeout),
            SecuritySettings(None, None),
            self._backoff,
            self._backoff,
            max_idle,
            returns_to_bootstrap=returns_to_bootstrap,
        )
        self.client = NetworkClient(
            asyncio.get_running_loop(),
            tuple(address_of(server) for server in servers),
            settings,
            self._changed,
            lambda node, error: self.losses.append((node, error)),
            self.reachability,
        )
        self.client.start()

    async def any_connection(self) -> BrokerConnection:
        """Return a ready connection to whatever broker."""
        return await self._ready(lambda: self.client.least_loaded(time.monotonic()))

    async def connection_to(self, node_id: int) -> BrokerConnection:
        """Return the ready connection to a broker."""
        return await self._ready(lambda: self.client.connection(node_id, time.monotonic()))

    def know(self, *brokers: FakeBroker) -> None:
        """Take over brokers as a metadata answer names them."""
        self.client.update_brokers({one.node_id: broker_at(one.node_id, one.address) for one in brokers})

    async def _ready(self, ask: Callable[[], BrokerConnection | None]) -> BrokerConnection:
        await until(ask)
        connection = ask()
        assert connection is not None
        return connection

    def _backoff(self, attempt: int) -> float:
        self.attempts.append(attempt)
        return BACKOFF

    def _changed(self) -> None:
        self.changes += 1


class Quiet(PendingRequest):
    """A request that wants no answer."""

    def on_lost(self, _error: DekafError) -> None:
        pass


def address_of(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host, int(port)


def broker_at(node_id: int, address: str) -> Broker:
    host, port = address_of(address)
    return Broker(node_id=node_id, host=host, port=port)


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster(nodes=2, topics={"t": 2}) as cluster:
        yield cluster


MakeNetwork = Callable[..., Network]


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[MakeNetwork]:
    """Make clients, and close them with the test."""
    networks: list[Network] = []

    def make(*servers: str, **options: Any) -> Network:
        networks.append(Network(*servers, **options))
        return networks[-1]

    yield make
    for network in networks:
        network.client.close(THE_END)
    await asyncio.sleep(0)


# Connecting.


async def test_whoever_asks_any_broker_first_is_led_to_a_bootstrap_server(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)

    assert network.client.least_loaded(time.monotonic()) is None  # it is connected to now
    connection = await network.any_connection()

    assert connection.address == cluster.broker(1).address
    assert connection.node_id < 0
    assert network.changes > 0
    assert network.client.connected() == 0  # no broker that metadata named


async def test_broker_is_connected_to_when_it_is_asked_for_and_once(cluster: FakeCluster, connect: MakeNetwork) -> None:
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(1), cluster.broker(2))

    connection = await network.connection_to(2)

    assert connection.address == cluster.broker(2).address
    assert network.client.connection(2, time.monotonic()) is connection
    assert network.client.connected() == 1
    assert len(cluster.connections) == 1


async def test_broker_nobody_has_named_has_no_connection(connect: MakeNetwork) -> None:
    network = connect("127.0.0.1:1")

    assert network.client.connection(7, time.monotonic()) is None
    assert network.client.node_error(7) is None


async def test_connection_with_the_fewest_requests_under_way_is_taken(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(1), cluster.broker(2))
    one, two = await network.connection_to(1), await network.connection_to(2)

    one.pending.append(Quiet(ApiKey.METADATA))
    assert network.client.least_loaded(time.monotonic()) is two
    two.pending.extend([Quiet(ApiKey.METADATA), Quiet(ApiKey.METADATA)])
    assert network.client.least_loaded(time.monotonic()) is one


async def test_server_that_says_nothing_holds_nobody_up_who_can_be_served_elsewhere(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    with silent_server() as silent:
        network = connect(cluster.broker(1).address, silent)

        connection = await network.any_connection()

        assert connection.address == cluster.broker(1).address


async def test_service_that_resets_on_an_unknown_version_is_asked_in_the_oldest(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    cluster.on(ApiKey.API_VERSIONS).reset(times=2)
    network = connect(cluster.broker(1).address)

    await network.any_connection()

    assert [request.version for request in cluster.requests(ReceivedApiVersions)] == [4, 4, 0]


# Failing.


async def test_broker_that_refuses_is_named_and_left_alone_for_the_back_off(
    connect: MakeNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    with closed_port() as server:
        network = connect(server)
        network.client.least_loaded(time.monotonic())
        await until(lambda: network.losses)

        ((node, error),) = network.losses
        assert node < 0
        assert str(error).startswith(f"Cannot connect to the broker at {server}: ")
        assert isinstance(error.__cause__, OSError)
        assert network.client.last_error is error
        assert f"Next attempt in {BACKOFF:.2f} s." in caplog.text


async def test_back_off_counts_attempts_until_the_broker_is_ready_and_only_the_first_is_worth_a_warning(
    cluster: FakeCluster, connect: MakeNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "dekaf.network.client")
    cluster.on(ApiKey.API_VERSIONS).reset(times=3)
    network = connect(cluster.broker(1).address)

    connection = await network.any_connection()
    connection.pending.append(Quiet(ApiKey.METADATA))  # or else its end might be one of idleness
    connection.served_anything = True
    cluster.broker(1).close_connections()
    await until(lambda: len(network.losses) == 4)

    assert network.attempts == [1, 2, 3, 1]
    levels = [record.levelname for record in caplog.records if "Next attempt" in record.getMessage()]
    assert levels == ["WARNING", "DEBUG", "DEBUG", "WARNING"]


async def test_back_off_counts_on_with_a_broker_that_tells_its_versions_and_serves_nothing(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    """So does one that wants a login, to a client that has none."""
    network = connect(cluster.broker(1).address)

    for number in (1, 2, 3):
        connection = await network.any_connection()
        connection.pending.append(Quiet(ApiKey.METADATA))
        cluster.broker(1).close_connections()
        await until(lambda number=number: len(network.losses) == number)  # type: ignore[misc] # of this round

    assert network.attempts == [1, 2, 3]


async def test_answer_of_a_bootstrap_server_and_a_broker_that_cannot_be_reached_point_to_its_address(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    with closed_port() as nowhere:
        network = connect(cluster.broker(1).address)
        await network.any_connection()
        network.client.update_brokers({5: broker_at(5, nowhere)})
        network.client.connection(5, time.monotonic())
        await until(lambda: network.losses)

        error = network.client.node_error(5)
        assert f"{cluster.broker(1).address} did answer, and says that broker 5 is to be found at {nowhere}" in str(
            error
        )
        assert "advertised.listeners" in str(error)


async def test_broker_that_was_reached_before_is_not_said_to_have_a_wrong_address(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(2))
    (await network.connection_to(2)).pending.append(Quiet(ApiKey.METADATA))

    cluster.stop_broker(2)
    await until(lambda: network.losses)

    assert network.client.node_error(2) is network.losses[0][1]
    assert "advertised.listeners" not in str(network.losses[0][1])


async def test_broker_at_the_very_address_that_answered_is_not_said_to_have_a_wrong_one(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    address = cluster.broker(1).address
    network = connect(address)
    await network.any_connection()
    cluster.stop_broker(1)
    network.client.update_brokers({1: broker_at(1, address)})
    network.client.connection(1, time.monotonic())
    await until(lambda: network.client.node_error(1) is not None)

    assert "advertised.listeners" not in str(network.client.node_error(1))


async def test_packets_that_are_swallowed_are_told_while_they_are_waited_for(connect: MakeNetwork) -> None:
    with silent_server() as silent:
        network = connect("127.0.0.1:1")
        network.client.update_brokers({1: broker_at(1, silent)})
        network.client.connection(1, time.monotonic())

        assert str(network.client.node_error(1)).startswith(f"The broker at {silent} has not answered for ")


async def test_connection_that_cannot_be_made_in_time_is_given_up(connect: MakeNetwork) -> None:
    network = connect("127.0.0.1:1", setup_timeout=0.0)
    network.client.least_loaded(time.monotonic())
    await until(lambda: network.losses)

    assert "no answer in time" in str(network.losses[0][1])


# The cluster changes.


async def test_broker_that_left_the_cluster_is_disconnected_and_nothing_is_wrong(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(1), cluster.broker(2))
    gone = await network.connection_to(2)
    changes = network.changes

    network.know(cluster.broker(1))
    await until(lambda: network.changes > changes)

    assert not gone.is_ready()
    assert network.losses == []
    assert network.client.connection(2, time.monotonic()) is None


async def test_broker_that_moved_is_found_at_its_new_address_next_time(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    network.client.update_brokers({9: broker_at(9, cluster.broker(1).address)})
    before = await network.connection_to(9)

    network.client.update_brokers({9: broker_at(9, cluster.broker(2).address)})
    assert network.client.connection(9, time.monotonic()) is before
    cluster.broker(1).close_connections()
    await until(lambda: not before.is_ready())

    assert (await network.connection_to(9)).address == cluster.broker(2).address


async def test_new_beginning_forgets_the_brokers_and_goes_back_to_the_bootstrap_servers(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    bootstrap = await network.any_connection()
    network.know(cluster.broker(2))
    known = await network.connection_to(2)

    network.client.rebootstrap(BrokerConnectionError("another cluster"))
    await until(lambda: not bootstrap.is_ready() and not known.is_ready())

    assert (await network.any_connection()).address == cluster.broker(1).address


@pytest.mark.parametrize("returns", [True, False])
async def test_bootstrap_servers_are_asked_beside_known_brokers_only_if_options_say_so(
    cluster: FakeCluster, connect: MakeNetwork, returns: bool
) -> None:
    network = connect(cluster.broker(1).address, returns_to_bootstrap=returns)
    bootstrap = await network.any_connection()
    network.know(cluster.broker(2))
    bootstrap.close(BrokerConnectionError("lost"))
    cluster.stop_broker(2)
    await until(lambda: not bootstrap.is_ready())
    asked = len(cluster.connections)

    for _ in range(20):
        network.client.least_loaded(time.monotonic())
        await asyncio.sleep(BACKOFF)

    assert (len(cluster.connections) > asked) is returns


async def test_bootstrap_connections_are_closed_once_a_broker_can_be_asked_instead(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    bootstrap = await network.any_connection()

    network.client.retire_bootstrap()
    assert bootstrap.is_ready()  # whom else to ask?
    network.know(cluster.broker(2))
    await network.connection_to(2)
    network.client.retire_bootstrap()
    await until(lambda: not bootstrap.is_ready())

    assert network.losses == []


async def test_addresses_tried_are_the_bootstrap_servers_and_the_brokers_they_led_to(connect: MakeNetwork) -> None:
    network = connect("a:1", "::1:2")
    assert network.client.addresses_tried() == "a:1, [::1]:2"

    network.client.update_brokers({1: broker_at(1, "b:3")})

    assert network.client.addresses_tried() == "a:1, [::1]:2; advertised brokers: b:3"


# Ends.


async def test_connection_that_nobody_uses_is_closed_and_nothing_is_wrong(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address, max_idle=0.05)
    connection = await network.any_connection()

    await until(lambda: not connection.is_ready())

    assert network.losses == []


async def test_closed_client_disconnects_and_connects_to_nothing_any_more(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    cluster.on(ApiKey.API_VERSIONS, node=2).never_answer(times=ALWAYS)
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(1), cluster.broker(2))
    connection = await network.connection_to(1)
    network.client.connection(2, time.monotonic())

    network.client.close(THE_END)
    await until(lambda: cluster.connections and not any(one.is_open for one in cluster.connections))
    network.client.least_loaded(time.monotonic())
    network.client.connection(1, time.monotonic())

    assert not connection.is_ready()
    assert network.losses == []
    assert not any(one.is_open for one in cluster.connections)


async def test_brokers_with_nothing_to_do_are_asked_in_turn(cluster: FakeCluster, connect: MakeNetwork) -> None:
    """Or one that has heard of nothing for a while would be the only one that is ever asked."""
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(1), cluster.broker(2))
    await network.connection_to(1)
    await network.connection_to(2)

    asked = {await network.any_connection() for _ in range(6)}

    assert {connection.node_id for connection in asked} >= {1, 2}


async def test_another_broker_than_the_one_in_doubt_is_connected_to(cluster: FakeCluster, connect: MakeNetwork) -> None:
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(1), cluster.broker(2))
    await network.connection_to(1)
    assert network.client.another_broker(time.monotonic(), 1) is None

    other = await network._ready(lambda: network.client.another_broker(time.monotonic(), 1))

    assert other.node_id == 2


async def test_new_beginning_loses_what_is_under_way_to_brokers_that_had_left(
    cluster: FakeCluster, connect: MakeNetwork
) -> None:
    network = connect(cluster.broker(1).address)
    network.know(cluster.broker(2))
    leaving = await network.connection_to(2)
    leaving.pending.append(Quiet(ApiKey.METADATA))
    network.know()
    assert leaving.is_ready()

    network.client.rebootstrap(BrokerConnectionError("another cluster"))

    await until(lambda: not leaving.is_ready())
