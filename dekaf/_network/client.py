"""One connection per broker: which broker to ask, when to connect again, and where bootstrap servers come in."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, final

from dekaf._cluster.metadata import Broker
from dekaf._log_thread import DeferredLogger, facts
from dekaf._network.connection import (
    NEWEST_API_VERSIONS,
    BrokerConnection,
    ConnectionObserver,
    ConnectionSettings,
    Identity,
)
from dekaf._network.native_loop import needs_system_socket, system_socket
from dekaf._network.reachability import Reachability
from dekaf._network.requests import BrokerConnections
from dekaf._network.resolver import Resolver
from dekaf._network.security import Security, SecuritySettings
from dekaf._network.timers import call_not_before
from dekaf._protocol.api import ApiKey
from dekaf._security.handshake_errors import handshake_error
from dekaf._security.peer_name import peer_name
from dekaf.errors import (
    AuthenticationError,
    BrokerConnectionError,
    CredentialsUnavailableError,
    DekafError,
    caused_error,
)
from dekaf.reports import ConnectionSecurity

logger = DeferredLogger("dekaf.network.client")

# While one broker takes long to connect to, the next one is tried as well: one that is black-holed must not hold up
# metadata, or everything behind it, for a whole connection timeout.
IMPATIENCE: Final = 0.25  # seconds
# The bootstrap connection serves one or two more metadata requests while the first topics become known.
RETIRE_AFTER: Final = 2.0  # seconds
# A large cluster that is away must not be tried at all its brokers at once, by every process there is.
SHORTEST_BETWEEN_PROBES: Final = 0.1  # seconds
SHORTEST_IDLE_LOOK: Final = 0.1  # seconds between two looks for idle connections: none at all would spin
# A broker that has read all it was sent ends the connection at once; one that is slow must not hold up an exit.
LONGEST_FAREWELL: Final = 0.5  # seconds
# Some services reset a connection whose version request they do not know, instead of answering.
SILENT_RESETS_BEFORE_OLDEST: Final = 2


@final
class NetworkSettings:
    """How to connect; times in seconds."""

    def __init__(
        self,
        connection: ConnectionSettings,
        security: SecuritySettings,
        backoff: Callable[[int], float],
        refused_backoff: Callable[[int], float],
        max_idle: float,
        *,
        returns_to_bootstrap: bool = True,
    ) -> None:
        self.connection: Final = connection
        self.security: Final = security
        self.backoff: Final = backoff  # attempt, from 1 → seconds
        self.refused_backoff: Final = refused_backoff  # the same, after the broker or we refused to go on
        self.max_idle: Final = max_idle  # infinity: idle connections stay
        self.returns_to_bootstrap: Final = returns_to_bootstrap  # when brokers are known (KIP-899)


@final
class Node:
    """A broker we may connect to: a discovered one (id ≥ 0) or a bootstrap server (id < 0)."""

    def __init__(self, node_id: int, host: str, port: int) -> None:
        self.node_id: Final = node_id
        self.host = host
        self.port = port
        self.connection: BrokerConnection | None = None
        self.connecting: asyncio.Task[None] | None = None
        self.connecting_since = 0.0
        self.attempts = 0  # failed ones since it was last ready
        self.attempts_before = 0  # … and when it became ready: they count again if it serves nothing
        self.not_before = 0.0
        self.silent_resets = 0
        self.was_ready = False  # at this address, ever
        self.last_error: DekafError | None = None  # its latest, None while it is ready

    def move(self, host: str, port: int) -> None:
        """Take another address for the next connection."""
        if (host, port) == (self.host, self.port):
            return
        self.host = host
        self.port = port
        self.was_ready = False

    @property
    def address(self) -> str:
        """`host:port`, as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@final
class NetworkClient(BrokerConnections, ConnectionObserver):
    """Every method runs on the I/O thread. `changed` is called when a pass of the sender may find more to do."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        bootstrap: tuple[tuple[str, int], ...],
        settings: NetworkSettings,
        changed: Callable[[], None],
        connection_lost: Callable[[int, DekafError], None],
        reachability: Reachability,
    ) -> None:
        self.last_error: DekafError | None = None  # of the latest failed connection, None once one serves
        self.connects = 0  # that became ready
        self._loop: Final = loop
        self._settings: Final = settings
        self._changed = changed
        self._connection_lost = connection_lost
        self._resolver = Resolver(loop, name=f"dekaf-resolver {settings.connection.client_id.decode()}")
        self._security: Final = Security(
            loop, settings.security, settings.connection.request_timeout, settings.connection.client_id.decode()
        )
        self._reachability: Final = reachability
        self._next_probe = 0.0
        self._bootstrap = [Node(-1 - at, host, port) for at, (host, port) in enumerate(bootstrap)]
        self._brokers: dict[int, Node] = {}
        self._turn = 0  # which broker is asked first, if several have nothing else to do
        self._answered: str | None = None  # the bootstrap server that led us to the brokers
        self._is_closed = False
        self._will_grow_impatient = False
        self._renewals: set[asyncio.Task[None]] = set()
        self._leaving: list[BrokerConnection] = []  # of brokers that an answer left out, with requests under way
        self._throttled_until: dict[str, float] = {}  # by address, for its next connection
        self._finishing: set[BrokerConnection] = set()  # what we have closed, and brokers still read
        self._finished: Callable[[], None] | None = None

    def start(self) -> None:
        """Start what must exist before the interpreter may shut down."""
        self._resolver.start()
        self._look_for_idle_later()

    def close(self, reason: DekafError, *, but: Collection[BrokerConnection] = ()) -> None:
        """Close every connection, save those."""
        self._is_closed = True
        self._resolver.stop()
        self._security.stop()
        for node in self._nodes():
            if node.connecting is not None:
                node.connecting.cancel()
            if node.connection is not None and node.connection not in but:
                node.connection.close(reason)
        for connection in self._leaving:
            connection.close(reason)

    def finish(self, reason: DekafError, finished: Callable[[], None]) -> None:
        """Close every connection once its broker has read what it was sent without an answer being due.

        Args:
            reason: What requests that still wait for an answer are told.
            finished: Is called when all are closed, at the latest after `LONGEST_FAREWELL`.
        """
        connections = [node.connection for node in self._nodes() if node.connection is not None]
        self._finishing = {connection for connection in connections if connection.finish(reason)}
        self.close(reason, but=self._finishing)
        if not self._finishing:
            finished()
            return
        self._finished = finished
        self._loop.call_later(LONGEST_FAREWELL, self._end_farewell)

    def _end_farewell(self) -> None:
        for connection in list(self._finishing):
            connection.close(BrokerConnectionError("The producer was closed."))
        self._has_finished()

    def _has_finished(self) -> None:
        finished = self._finished
        self._finished = None
        if finished is not None:
            finished()

    def update_brokers(self, brokers: Mapping[int, Broker]) -> None:
        """Take over the brokers of a metadata answer."""
        for broker in brokers.values():
            node = self._brokers.get(broker.node_id)
            if node is None:
                self._brokers[broker.node_id] = Node(broker.node_id, broker.host, broker.port)
            else:
                node.move(broker.host, broker.port)
        for node_id in [node_id for node_id in self._brokers if node_id not in brokers]:
            gone = self._brokers.pop(node_id)
            if gone.connecting is not None:
                gone.connecting.cancel()
            if gone.connection is not None:
                self._leaving.append(gone.connection)
        self._close_leaving()

    def rebootstrap(self, reason: DekafError) -> None:
        """Forget every broker, and begin again with the bootstrap servers; what is under way is lost."""
        self.update_brokers({})
        for connection in self._leaving:
            connection.close(reason)
        self._leaving = []
        for node in self._bootstrap:
            if node.connection is not None:
                node.connection.close(reason)

    def retire_bootstrap(self) -> None:
        """Close the bootstrap connections that are idle, once the brokers they led to can be asked instead."""
        if self.connected() == 0:
            return
        for node in self._bootstrap:
            if node.connection is not None and node.connection.is_ready() and not node.connection.is_busy():
                self._drop(node)

    def connection(self, node_id: int, now: float) -> BrokerConnection | None:
        """Return the ready connection to a broker; without one, connect unless it is too early, and return None."""
        node = self._brokers.get(node_id)
        if node is None:
            return None
        if node.connection is not None:
            return node.connection if node.connection.is_ready() else None
        if node.connecting is None and now >= node.not_before:
            self._connect(node)
        return None

    def least_loaded(self, now: float) -> BrokerConnection | None:
        """Return the ready connection with the fewest requests under way; without one, connect somewhere."""
        best: BrokerConnection | None = None
        nodes = self._nodes()
        # In turn, or a broker that has heard of nothing for a while would be the only one that is ever asked.
        self._turn = (self._turn + 1) % len(nodes)
        for node in nodes[self._turn :] + nodes[: self._turn]:
            connection = node.connection
            if connection is None or not connection.takes_requests(now):
                continue
            if best is None or len(connection.pending) < len(best.pending):
                best = connection
        if best is None:
            self._connect_somewhere(now)
        return best

    def another_broker(self, now: float, avoided: int) -> BrokerConnection | None:
        """Return a ready connection to a discovered broker that is not the one avoided; without one, connect to one."""
        candidate: Node | None = None
        for node in self._brokers.values():
            if node.node_id == avoided:
                continue
            if node.connection is not None and node.connection.takes_requests(now):
                return node.connection
            if node.connection is None and node.connecting is None and now >= node.not_before:
                candidate = node
        if candidate is not None:
            self._connect(candidate)
        return None

    def other_than(self, asked: BrokerConnection, now: float) -> BrokerConnection | None:
        """Return a connection to another broker that takes requests; without one, connect to another one."""
        candidate: Node | None = None
        for node in self._nodes_to_ask():  # discovered brokers first
            if node.address == asked.address or node.connection is asked:
                continue
            if node.connection is not None:
                if node.connection.takes_requests(now):
                    return node.connection
            elif node.connecting is not None:
                if now - node.connecting_since < IMPATIENCE:
                    return None  # it comes
            elif now >= node.not_before and candidate is None:
                candidate = node
        if candidate is not None:
            self._connect(candidate)
            self._grow_impatient_later()
        return None

    def connected(self) -> int:
        """Return how many discovered brokers are connected; any thread may ask."""
        count = 0
        for node in list(self._brokers.values()):  # a copy: other threads ask, too, while brokers come and go
            connection = node.connection
            if connection is not None and connection.is_ready():
                count += 1
        return count

    def connections(self) -> tuple[ConnectionSecurity, ...]:
        """Return how each connection that serves is protected; any thread may ask.

        What it reads may be replaced meanwhile, but never changed: each connection publishes an immutable value.
        """
        found: list[ConnectionSecurity] = []
        for node in [*list(self._brokers.values()), *self._bootstrap]:
            connection = node.connection
            security = None if connection is None else connection.security
            if security is not None:
                found.append(security)
        return tuple(found)

    def node_error(self, node_id: int) -> DekafError | None:
        """Return why a broker is not connected; None if it is, and what went wrong last if it is not known."""
        node = self._brokers.get(node_id)
        if node is None:
            return self.last_error
        if node.connection is not None and node.connection.is_ready():
            return None
        if node.last_error is None and (node.connecting is not None or node.connection is not None):
            waited = time.monotonic() - node.connecting_since  # packets to a wrong address are often just swallowed
            silence = BrokerConnectionError(f"The broker at {node.address} has not answered for {waited:.1f} s.")
            return self._hinted_error(node, silence)
        return node.last_error

    def refusal(self) -> AuthenticationError | None:
        """Return why no server lets us in, if that is so: each bootstrap server, and each broker, refused us last.

        Time-outs, and an application's provider that fails, are no refusal: they may be over with the next attempt. Nor
        is it one while an attempt is under way.
        """
        refusal: AuthenticationError | None = None
        for node in self._nodes():
            error = node.last_error
            if node.connecting is not None or node.connection is not None:
                return None
            if not isinstance(error, AuthenticationError) or isinstance(error, CredentialsUnavailableError):
                return None
            refusal = error
        return refusal

    def trouble(self) -> DekafError | None:
        """Return why there is no connection: the latest failure, or what the first attempt still waits for."""
        return self.last_error if self.last_error is not None else self._security.delay_error()

    def addresses_tried(self) -> str:
        """Return the bootstrap servers, and the brokers they led to, for an error message."""
        text = ", ".join(node.address for node in self._bootstrap)
        if self._brokers:
            text += "; advertised brokers: " + ", ".join(node.address for node in self._brokers.values())
        return text

    # What connections report.

    def connection_ready(self, connection: BrokerConnection) -> None:
        """Forget failures; only now, for a broker that accepts and then refuses us must not be hammered."""
        self.connects += 1
        connection.hold_back_until(self._throttled_until.pop(connection.address, 0.0))
        node = self._node_of(connection)
        if node is not None:
            node.attempts_before = node.attempts
            node.attempts = 0
            node.silent_resets = 0
            node.was_ready = True
            node.last_error = None
            if node.node_id < 0:
                self._answered = node.address
        # A bootstrap server that answers is no news where brokers are known: they are who must be reached.
        if connection.node_id >= 0 or not self._brokers:
            self.last_error = None
        if self._counts(connection):
            self._reachability.ready()
        logger.info("Connected to the broker at %s", connection.address, extra=self._facts(connection.address, None))
        self._loop.call_later(RETIRE_AFTER, self.retire_bootstrap)
        self._changed()

    def connection_throttled(self, connection: BrokerConnection) -> None:
        """Hold back on every connection to the broker: it measures the client, not the connection (KIP-219)."""
        self._throttled_until[connection.address] = connection.throttled_until
        for node in self._nodes():
            if node.address == connection.address and node.connection is not None:
                node.connection.hold_back_until(connection.throttled_until)

    def connection_closed(self, connection: BrokerConnection, error: DekafError) -> None:
        """Wait before connecting again."""
        if self._is_closed:
            self._finishing.discard(connection)
            if not self._finishing:
                self._has_finished()
            return
        node = self._node_of(connection)
        if node is None:  # closed for being idle, or a broker that left the cluster: nothing went wrong
            self._changed()  # what was under way to a broker that left goes to another one now
            return
        if connection.ended_idle:  # the next record connects again; until then no record needs to
            logger.debug("%s It was idle.", error, extra=self._facts(node.address, None))
            node.connection = None
            self._changed()
            return
        if isinstance(error, AuthenticationError) and connection.identity is not None:
            self._security.refused(connection.identity.credentials)
        if connection.ended_for_renewal:  # with fresh credentials a new connection may do what this one could not
            known = self._facts(node.address, error)
            logger.info("Connecting anew to the broker at %s: %s", node.address, error, extra=known)
            node.connection = None
            self._connect(node)
            return
        if not connection.received_anything:
            node.silent_resets += 1
        elif not connection.served_anything:
            node.attempts = max(node.attempts, node.attempts_before)
        reason = self._hinted_error(node, error)
        self._failed(node, reason, connection.silent_since)
        self._connection_lost(connection.node_id, reason)

    def session_ends(self, connection: BrokerConnection) -> None:
        """Authenticate anew, with fresh credentials if the application gives any."""
        task = self._loop.create_task(self._renew_session(connection))
        self._renewals.add(task)  # the loop itself keeps no task alive
        task.add_done_callback(self._renewals.discard)

    async def _renew_session(self, connection: BrokerConnection) -> None:
        try:
            identity = await self._security.identity(connection.session_left() / 2)
        except DekafError as error:
            connection.end_session(error)  # what a new connection needs is not at hand, either: it tells, and waits
            return
        if identity is not None:
            connection.reauthenticate(identity)

    def connection_writable(self, connection: BrokerConnection) -> None:
        """Let the sender look again."""
        if self._leaving:
            self._close_leaving()
        self._changed()

    # Within.

    def _close_leaving(self) -> None:
        """Close what nothing is under way on any more: an answer with old metadata may leave out a healthy broker."""
        for connection in [one for one in self._leaving if not one.is_busy()]:
            connection.close(BrokerConnectionError(f"The broker {connection.address} left the cluster."))
        self._leaving = [one for one in self._leaving if one.is_busy()]

    def _nodes_to_ask(self) -> list[Node]:
        if self._brokers and not self._settings.returns_to_bootstrap:
            return list(self._brokers.values())
        return self._nodes()

    def _nodes(self) -> list[Node]:
        return [*self._brokers.values(), *self._bootstrap]

    def _node_of(self, connection: BrokerConnection) -> Node | None:
        for node in self._nodes():
            if node.connection is connection:
                return node
        return None

    # Whether the cluster can be reached.

    def are_all_tried(self) -> bool:
        """Return whether every broker, or bootstrap server while no broker is known, has failed last."""
        return all(node.last_error is not None for node in self._brokers.values() or self._bootstrap)

    def probe(self, now: float) -> float:
        """Try a broker, whether or not anything is to be sent to it: it may be back; return when to try another."""
        if now >= self._next_probe and not self._is_any_ready():
            self._next_probe = now + SHORTEST_BETWEEN_PROBES
            self._connect_to_one_of(list(self._brokers.values()) or self._bootstrap, now)
        return self._next_probe

    def _counts(self, connection: BrokerConnection) -> bool:
        """Return whether a connection that is ready shows that the cluster can be reached.

        A bootstrap server's does only while no broker is known: those it names must be reached, wherever they are. And
        it must be one that can name them: a controller's port is ready, too.
        """
        return connection.node_id >= 0 or (not self._brokers and connection.speaks(ApiKey.METADATA))

    def _is_any_ready(self) -> bool:
        for node in self._nodes():
            connection = node.connection
            if connection is not None and connection.is_ready() and self._counts(connection):
                return True
        return False

    def _connect_somewhere(self, now: float) -> None:
        self._connect_to_one_of(self._nodes_to_ask(), now)

    def _connect_to_one_of(self, nodes: list[Node], now: float) -> None:
        candidates: list[Node] = []
        for node in nodes:
            if node.connection is not None and node.connection.is_ready():
                continue  # it holds back, for as long as its broker throttles us or does not keep up
            if node.connection is not None or node.connecting is not None:
                if now - node.connecting_since < IMPATIENCE:
                    return
                continue
            if now >= node.not_before:
                candidates.append(node)
        if not candidates:
            return
        # Never tried, or not for longest, first; bootstrap servers take part, so that a client that has lost every
        # broker it knew finds the cluster again (KIP-899).
        earliest = min(node.not_before for node in candidates)
        self._connect(random.choice([node for node in candidates if node.not_before == earliest]))
        self._grow_impatient_later()

    def _grow_impatient_later(self) -> None:
        if not self._will_grow_impatient:
            self._will_grow_impatient = True
            call_not_before(self._loop, time.monotonic() + IMPATIENCE, self._grow_impatient)

    def _grow_impatient(self) -> None:
        self._will_grow_impatient = False
        self._changed()

    def _connect(self, node: Node) -> None:
        if self._is_closed:
            return
        node.connecting_since = time.monotonic()
        node.connecting = self._loop.create_task(self._open(node))

    async def _open(self, node: Node) -> None:
        try:
            await self._open_any_address(node)
        except DekafError as error:  # there are no credentials: nothing was dialled
            self._could_not_open(node, error)
        except (OSError, ValueError, OverflowError) as error:  # the last two: a port, or a name, that cannot be
            silent_since: float | None = None
            if isinstance(error, TimeoutError):  # it may have been noticed late, if this process stood still
                late = time.monotonic() - node.connecting_since - self._settings.connection.setup_timeout
                silent_since = node.connecting_since + max(0.0, late)
            self._could_not_open(node, self._hinted_error(node, self._dial_error(node, error)), silent_since)
        finally:
            node.connecting = None

    def _dial_error(self, node: Node, error: Exception) -> BrokerConnectionError:
        peer = self._security.peer(node.host, node.address)
        reason = None if peer is None else handshake_error(error, peer)
        if reason is not None:
            return reason
        failure = BrokerConnectionError(f"Cannot connect to the broker at {node.address}: {_describe(error)}.")
        return caused_error(failure, error)

    def _could_not_open(self, node: Node, reason: DekafError, silent_since: float | None = None) -> None:
        node.connecting = None  # that attempt is over for whoever hears of it below
        self._failed(node, reason, silent_since)
        self._connection_lost(node.node_id, reason)

    async def _open_any_address(self, node: Node) -> None:
        identity = await self._security.identity()  # first: their time is not the connection's
        context = await self._security.context()
        setup_timeout = self._settings.connection.setup_timeout
        deadline = time.monotonic() + setup_timeout
        failure: OSError | None = None
        async with asyncio.timeout(setup_timeout):
            addresses = await self._resolver.resolve(node.host, node.port)
        for at, address in enumerate(addresses):
            connection = self._new_connection(node, identity)
            connection.set_up_by = deadline
            # Each address has its share of the time left: one that swallows packets must not use up the others'.
            share = (deadline - time.monotonic()) / (len(addresses) - at)
            try:
                node.connection = connection  # before it is made: it may be ready before this coroutine goes on
                await self._dial(node, address, connection, context, share)
            except ssl.SSLError:
                node.connection = None
                raise  # the same would happen at the name's other addresses
            except OSError as error:  # TimeoutError is one, too
                node.connection = None
                failure = error
            else:
                return
        raise failure if failure is not None else OSError("the name has no address")

    def _new_connection(self, node: Node, identity: Identity | None) -> BrokerConnection:
        version = 0 if node.silent_resets >= SILENT_RESETS_BEFORE_OLDEST else NEWEST_API_VERSIONS
        return BrokerConnection(
            node.node_id,
            node.address,
            self._settings.connection,
            self,
            api_versions=version,
            identity=identity,
            peer=self._security.peer(node.host, node.address),
        )

    async def _dial(
        self, node: Node, address: str, connection: BrokerConnection, context: ssl.SSLContext | None, timeout: float
    ) -> None:
        def made() -> Any:  # type checkers know protocols by their base class, which compiled ones do without
            return connection

        # Checked against the name that was configured or advertised, whatever it was resolved to.
        name = None if context is None else peer_name(node.host)
        async with asyncio.timeout(timeout):
            if not needs_system_socket(self._loop):
                await self._loop.create_connection(made, address, node.port, ssl=context, server_hostname=name)
                return
            own = system_socket(address)
            try:
                await self._loop.sock_connect(own, (address, node.port))
                await self._loop.create_connection(made, sock=own, ssl=context, server_hostname=name)
            except BaseException:
                own.close()
                raise

    def _hinted_error(self, node: Node, error: DekafError) -> DekafError:
        """Say what is likely wrong where a server answers and a broker it names was never reached.

        It is the commonest mistake with containers: the broker advertises an address of their network, or localhost.
        """
        if node.node_id < 0 or node.was_ready or type(error) is not BrokerConnectionError:
            return error
        if self._answered is None or self._answered == node.address:  # the same server: it has gone meanwhile
            return error
        return BrokerConnectionError(
            f"{error} The bootstrap server {self._answered} did answer, and says that broker {node.node_id} is to be "
            f"found at {node.address}. Set that broker's advertised.listeners to an address that can be reached from "
            "here; where some clients run in containers and others do not, it needs a listener for each."
        )

    def _failed(self, node: Node, error: DekafError, silent_since: float | None) -> None:
        node.connection = None
        if self._is_closed:
            return
        node.attempts += 1
        # A client that is refused should not knock every second: services count the attempts, and lock clients out.
        patience = self._settings.refused_backoff if isinstance(error, AuthenticationError) else self._settings.backoff
        delay = patience(node.attempts)
        node.not_before = time.monotonic() + delay
        self.last_error = node.last_error = error
        if not self._is_any_ready():
            self._reachability.failed(time.monotonic(), silent_since)
        what = str(error) if node.address in str(error) else f"{node.address}: {error}"
        level = logging.WARNING if node.attempts == 1 else logging.DEBUG
        client_id = self._settings.connection.client_id.decode()
        extra = self._facts(node.address, error)
        logger.log(level, "%s Next attempt in %.2f s. (client_id %s)", what, delay, client_id, extra=extra)
        call_not_before(self._loop, node.not_before, self._changed)

    def _facts(self, address: str, error: DekafError | None) -> dict[str, object]:
        """Return the facts of a line about a broker."""
        return facts(self._settings.connection.client_id.decode(), broker=address, error=error)

    def _drop(self, node: Node) -> None:
        """Close a connection that nothing waits for; no caller is told, for nothing is wrong."""
        connection = node.connection
        node.connection = None
        if connection is not None:
            connection.close(BrokerConnectionError("The connection was idle."))

    def _close_idle(self) -> None:
        if self._is_closed:
            return
        now = time.monotonic()
        for node in self._nodes():
            connection = node.connection
            if connection is None or connection.is_busy() or now - connection.last_used < self._settings.max_idle:
                continue
            logger.debug("Closing the idle connection to %s", node.address, extra=self._facts(node.address, None))
            self._drop(node)
        self._look_for_idle_later()

    def _look_for_idle_later(self) -> None:
        if self._settings.max_idle < math.inf:
            self._loop.call_later(max(SHORTEST_IDLE_LOOK, self._settings.max_idle / 2), self._close_idle)


def _describe(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
