"""SecureCluster: brokers with TLS, client certificates and SASL beside the plain listener."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.certificates import Authority, BareAuthority, KeyPair
from tests.kafka import admin
from tests.kafka.cluster import KafkaCluster
from tests.kafka.login import Login
from tests.kafka.sasl_probe import SaslProbe
from tests.kafka.secure_listeners import LISTENERS, SecureListener, listener_properties
from tests.kafka.server_properties import Listener, render
from tests.kafka.users import PLAIN_USERS, SCRAM_USERS

__all__ = ("SecureCluster",)

SCRAM_MECHANISMS: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
FEWEST_ITERATIONS: Final = 4096  # that Kafka takes: tests have no secrets
NEWS_SECONDS: Final = 20  # until a change is known to every broker; it takes milliseconds


class SecureCluster(KafkaCluster):
    """A cluster with a listener for every protocol, and some with a certificate that something is wrong with.

    `bootstrap_servers` is the plain listener, for those who look on; `servers("SASL_SSL")` and its like lead to
    those in `LISTENERS`. Brokers advertise `localhost` there, which their certificates name beside 127.0.0.1.

        with SecureCluster() as cluster:
            cluster.servers("SASL_SSL"), cluster.authority.cafile, USERS["alice"]

    Args:
        brokers: how many.
        authority: issues the certificates; by default one of the cluster's own.
        session_ms: how long sessions last at the listeners whose name begins with SHORT.
        odd_broker: the number of one that refuses every user and token, until `mend` is called.
        listeners: other ways in than the usual ones.
        options: those of `KafkaCluster`.
    """

    authority: Authority

    def __init__(
        self,
        brokers: int = 1,
        *,
        authority: Authority | None = None,
        session_ms: int = 2000,
        odd_broker: int | None = None,
        listeners: Sequence[SecureListener] = LISTENERS,
        **options: Any,
    ) -> None:
        super().__init__(brokers, **options)
        self._given_authority = authority
        self._session_ms = session_ms
        self._odd_broker = odd_broker
        self.secure_listeners = tuple(listeners)
        self._certificates: dict[str, KeyPair] = {}

    def start(self) -> None:
        """Start the brokers and create the users of SCRAM.

        Raises:
            KafkaUnavailableError: Java or Maven are missing, or a broker did not start.
        """
        super().start()
        try:
            for user, password in SCRAM_USERS.items():
                self.set_scram_password(user, password)
        except BaseException:
            self.close()
            raise

    # addresses and material

    def servers(self, listener: str) -> str:
        """Return the addresses at which brokers advertise a listener, comma-separated."""
        return ",".join(
            one.advertised for broker in self.brokers for one in broker.node.listeners if one.name == listener
        )

    def port(self, listener: str, *, broker: int = 0) -> int:
        """Return the port of a broker's listener, which is open on 127.0.0.1."""
        return next(one.port for one in self.brokers[broker].node.listeners if one.name == listener)

    def login(self, listener: str, mechanism: str = "", *, user: str = "alice", client: KeyPair | None = None) -> Login:
        """Return what independent clients have to be told to come in.

        Args:
            listener: the way in.
            mechanism: of SASL, where the listener has it.
            user: one of `SCRAM_USERS` or `PLAIN_USERS`, or somebody unknown; of a token, anybody.
            client: the certificate to show.
        """
        return Login(
            servers=self.servers(listener),
            protocol=self._secure_listener(listener).protocol,
            cafile=self.authority.cafile,
            mechanism=mechanism,
            user=user,
            password={**PLAIN_USERS, **SCRAM_USERS}.get(user, "anything"),
            client=client,
        )

    def certificate(self, name: str) -> KeyPair:
        """Return a certificate that listeners show: server, expired, future, wrong-name, unknown-ca or bare."""
        return self._certificates[name]

    @property
    def bare_cafile(self) -> Path:
        """The certificate of the authority behind the listener BARE."""
        return self._bare.cafile

    # what changes while it runs

    def set_scram_password(
        self,
        user: str,
        password: str,
        mechanisms: Sequence[str] = SCRAM_MECHANISMS,
        *,
        iterations: int = FEWEST_ITERATIONS,
    ) -> None:
        """Create a user of SCRAM, or give one another password, and return when every broker lets it in.

        Raises:
            TimeoutError: a broker still refuses after `NEWS_SECONDS`.
        """
        for mechanism in mechanisms:
            admin.set_scram_password(self.bootstrap_servers, user, password, mechanism=mechanism, iterations=iterations)
            for port in self._ports_with(mechanism):
                _wait_until_let_in(port, mechanism, user, password)

    def rotate_certificate(self, listener: str, key_pair: KeyPair, *, broker: int | None = None) -> None:
        """Let brokers show another certificate to those who connect from now on.

        Kafka takes only one with the same subject and at least the same names.

        Args:
            broker: which alone; by default all.
        """
        self._alter(listener, "ssl.keystore.location", key_pair.keystore, broker)

    def trust(self, listener: str, truststore: Path, *, broker: int | None = None) -> None:
        """Let in clients of other authorities than before, from now on."""
        self._alter(listener, "ssl.truststore.location", truststore, broker)

    def mend(self) -> None:
        """Start the odd broker again, now with the same users as the others."""
        if (odd := self._odd_broker) is not None:
            self._odd_broker = None
            self.stop(odd)
            self._configure(only=odd)
            self.restart(odd)

    def _alter(self, listener: str, name: str, path: Path, broker: int | None) -> None:
        chosen = self._secure_listener(listener)
        for number in range(len(self.brokers)) if broker is None else [broker]:
            admin.alter_broker(self.bootstrap_servers, number, f"{chosen.prefix}{name}", str(path))

    def _secure_listener(self, name: str) -> SecureListener:
        return next(one for one in self.secure_listeners if one.name == name)

    def _ports_with(self, mechanism: str) -> list[int]:
        """Return one port of each broker that lets in users of a mechanism without TLS."""
        listener = next(
            (one for one in self.secure_listeners if one.protocol == "SASL_PLAINTEXT" and mechanism in one.mechanisms),
            None,
        )
        numbers = [number for number in range(len(self.brokers)) if number != self._odd_broker]
        return [] if listener is None else [self.port(listener.name, broker=number) for number in numbers]

    # independent eyes

    def produce_with_java(self, topic: str, lines: Sequence[str], login: Login) -> None:
        """Write lines with kafka-console-producer. It ends well even where it is refused, so read them back."""
        jvm = self._jvm()
        with _file_of(login) as config:
            where = ["--bootstrap-server", login.servers, "--topic", topic]
            text = "".join(f"{line}\n" for line in lines)
            self._run_tool(jvm, jvm.console_producer, *where, *jvm.producer_config(config), text=text)

    def consume_with_java(self, topic: str, count: int, login: Login) -> list[str]:
        """Return the values that kafka-console-consumer reads."""
        with _file_of(login) as config:
            return self.console_consumer(topic, count, servers=login.servers, config=config)

    # what the brokers are told

    @property
    def _listener_count(self) -> int:
        return super()._listener_count + len(self.secure_listeners)

    def _prepare(self, folder: Path) -> None:
        self.authority = self._given_authority or Authority(folder / "certificates")
        self._bare = BareAuthority(folder / "bare-authority")
        self._certificates = {
            "server": self.authority.server(),
            "expired": self.authority.expired_server(),
            "future": self.authority.future_server(),
            "wrong-name": self.authority.server("wrong-name", "broker.example.com", "192.0.2.1"),
            "unknown-ca": Authority(folder / "unknown-authority").server(),
            "bare": self._bare.server(),
        }

    def _listeners_of(self, broker: int, ports: Iterator[int]) -> tuple[Listener, ...]:
        secure: list[Listener] = []
        for one in self.secure_listeners:
            port = next(ports)
            secure.append(Listener(name=one.name, port=port, advertised=f"localhost:{port}", protocol=one.protocol))
        return (*super()._listeners_of(broker, ports), *secure)

    def _properties_of(self, broker: int) -> Mapping[str, str]:
        lines: dict[str, str] = {}
        for listener in self.secure_listeners:
            lines |= listener_properties(
                listener,
                key_pair=self._certificates[listener.certificate],
                truststore=self.authority.cafile,
                session_ms=self._session_ms,
                is_odd=broker == self._odd_broker,
            )
        return {**lines, **super()._properties_of(broker)}


@contextlib.contextmanager
def _file_of(login: Login) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="dekaf-kafka-login-") as folder:
        path = Path(folder, "client.properties")
        path.write_text(render(login.java_properties()))
        yield path


def _wait_until_let_in(port: int, mechanism: str, user: str, password: str) -> None:
    deadline = time.monotonic() + NEWS_SECONDS
    while True:
        with SaslProbe(port) as probe:
            if probe.log_in_with_scram(mechanism, user, password):
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{mechanism} refuses {user!r} at port {port} after {NEWS_SECONDS} s")
