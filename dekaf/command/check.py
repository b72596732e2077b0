"""`dekaf check`: whether one can produce from here, and at which step not."""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar, final

from dekaf.command.logs import logs_silenced
from dekaf.command.manual import add_command
from dekaf.command.options import add_options, config_of
from dekaf.command.steps import Place, Step, Tell, place_of, telling
from dekaf.errors import (
    ConfigurationError,
    DekafError,
    ProduceError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
)
from dekaf.producer import Producer, ProducerConfig
from dekaf.producer._inquiries.description import TopicRights
from dekaf.types import ClusterDescription

__all__ = ("PATIENCE", "add_parser", "check", "seconds")

T = TypeVar("T")

_DESCRIPTION: Final = (
    "Look up the brokers' names, connect to them, speak TLS, log in, ask for the cluster and for each TOPIC; say at "
    "which step that fails. Nothing is written."
)
_EXAMPLES: Final = """
dekaf check -b localhost:9092
dekaf check -c kafka.toml orders payments
"""
PATIENCE: Final = 5.0  # seconds for each step
# Times as long: a connection that is silent is given up first, which names what it did not say.
_TO_HEAR_WHY: Final = 1.5
_LONGEST: Final = 86_400.0  # seconds, for one step


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser = add_command(
        commands, "check", "say whether Kafka can be reached", description=_DESCRIPTION, examples=_EXAMPLES
    )
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="may be several; default: none")
    add_options(parser)
    parser.add_argument(
        "--timeout", type=seconds, default=PATIENCE, metavar="SECONDS", help="for each step; default: 5"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; return 0 if every step went well, else 1.

    Raises:
        ConfigurationError: An option is wrong.
    """
    config = config_of(arguments, allow_auto_create_topics=False)
    if config.backend != "kafka":
        raise ConfigurationError(f"backend={config.backend!r} is no Kafka to connect to; -X backend=kafka is.")
    with logs_silenced(), telling(sys.stdout) as tell:
        return check(config, tuple(arguments.topics), timeout=arguments.timeout, tell=tell)


def seconds(text: str) -> float:
    """Return the seconds that an argument says.

    Raises:
        ValueError: It is no number above 0.
    """
    given = float(text)
    if not 0 < given < _LONGEST:
        raise ValueError(text)
    return given


def check(config: ProducerConfig, topics: tuple[str, ...], *, timeout: float, tell: Tell) -> int:
    """Go through the steps, and tell of each.

    Args:
        config: How to connect.
        topics: Those to ask for.
        timeout: Seconds for each step.
        tell: Gets each.

    Returns:
        0 if every step went well, else 1.
    """
    steps = _Steps(tell)
    reached = [host_port for host_port in config.bootstrap_endpoints if steps.reach(host_port, timeout)]
    if not reached:
        return 1
    producer: Producer[Any, Any] = Producer.from_config(_limited(config, timeout))
    try:
        ask = partial(producer.check, timeout * _TO_HEAR_WHY)
        cluster = steps.take("cluster", ask, _of_cluster, _passed(config))
        if cluster is not None:
            known = set(config.bootstrap_endpoints)
            for broker in cluster.brokers:
                if (broker.host, broker.port) not in known:
                    steps.reach((broker.host, broker.port), timeout, what="advertised")
            for topic in topics:
                rights = TopicRights(topic)
                find = partial(_partitions_to_write, producer, rights, timeout)
                steps.take(f"topic {topic}", find, partial(_of_topic, rights=rights), (Place.TOPIC, Place.RIGHTS))
    finally:
        producer.close(0)  # it has nothing to deliver
    return 1 if steps.have_failed else 0


def _partitions_to_write(producer: Producer[Any, Any], rights: TopicRights, timeout: float) -> tuple[Any, ...]:
    """Return the partitions of a topic that may be written to.

    Raises:
        TopicAuthorizationError: It may only be seen, or not even that.
        DekafError: The cluster does not tell.
    """
    partitions = producer.partitions_for(rights.topic)
    producer._core.check(timeout, rights)  # noqa: SLF001 # it is the same package's
    if rights.may_write() is False:
        reason = "This client may see the topic, and not write to it: it needs the right WRITE (kafka-acls --producer)."
        raise TopicAuthorizationError(reason, topic=rights.topic)
    return partitions


def _limited(config: ProducerConfig, timeout: float) -> ProducerConfig:
    """Return the configuration with which each step has its time, and says itself that it has run out."""
    milliseconds = max(1, int(timeout * 1000))
    return config.with_options(
        start="lazy",
        max_block_ms=milliseconds,
        unavailable_after_ms=None,
        socket_connection_setup_timeout_ms=milliseconds,
        request_timeout_ms=min(config.request_timeout_ms, milliseconds),
        allow_auto_create_topics=False,  # nothing is written
    )


def _passed(config: ProducerConfig) -> tuple[Place, ...]:
    protocol = config.security_protocol
    tls = (Place.TLS,) if protocol.endswith("SSL") else ()
    sasl = (Place.SASL,) if protocol.startswith("SASL") else ()
    return (*tls, *sasl, Place.VERSIONS, Place.METADATA)


@final
class _Steps:
    """What was tried, told as it happens."""

    def __init__(self, tell: Tell) -> None:
        self.have_failed = False
        self._tell: Final = tell

    def reach(self, endpoint: tuple[str, int], timeout: float, *, what: str = "bootstrap") -> bool:
        """Look up a broker's name and connect to it."""
        host, port = endpoint
        where = f"{what} {host}:{port}"
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            return self._failed(where, Place.NAME, f"{host} is not known here: {reason}")
        began = time.perf_counter()
        failure: OSError | None = None
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.settimeout(timeout)
                try:
                    probe.connect(address)
                except OSError as error:
                    failure = error
                    continue
            text = f"{address[0]} takes connections, {_milliseconds_since(began)}"
            self._tell(Step(where, text, passed=(Place.NAME, Place.TCP)))
            return True
        return self._failed(where, Place.TCP, f"{found[0][4][0]} takes no connection: {failure}")

    def take(self, what: str, ask: Callable[[], T], shown: Callable[[T], str], passed: tuple[Place, ...]) -> T | None:
        """Ask Kafka something; None if that failed."""
        began = time.perf_counter()
        try:
            answer = ask()
        except DekafError as error:
            self._failed(what, place_of(error), _reason(error))
            return None
        self._tell(Step(what, f"{shown(answer)}, {_milliseconds_since(began)}", passed=passed))
        return answer

    def _failed(self, what: str, place: Place, reason: str) -> bool:
        self.have_failed = True
        self._tell(Step(what, reason, failed_at=place))
        return False


def _milliseconds_since(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.1f} ms"


def _reason(error: DekafError) -> str:
    """Return what to say of an error: nothing about messages, for there are none."""
    cause = error.__cause__
    if isinstance(error, UnknownTopicOrPartitionError) and cause is None:
        return (
            "There is no such topic, or this client may not see it. Create it (kafka-topics --create --topic "
            f"{error.topic}), or get the right DESCRIBE."
        )
    text = error.message if isinstance(error, ProduceError) else f"{error}"
    return text if cause is None or str(cause) in text else f"{text} {cause}"


def _of_cluster(cluster: ClusterDescription) -> str:
    secured = next((one for one in cluster.connections if one.tls_version or one.mechanism), None)
    how = (
        "" if secured is None else ", ".join(filter(None, [secured.tls_version, secured.mechanism, secured.principal]))
    )
    brokers = f"{len(cluster.brokers)} broker(s)"
    return f"{cluster.cluster_id or 'no id'}, {brokers}" + (f", {how}" if how else ", without TLS and SASL")


def _of_topic(partitions: tuple[Any, ...], rights: TopicRights) -> str:
    leaderless = sum(1 for one in partitions if one.leader is None)
    unsure = "" if rights.may_write() else ", which the cluster does not say whether it may be written to"
    return f"{len(partitions)} partition(s){f', {leaderless} without a leader' if leaderless else ''}{unsure}"
