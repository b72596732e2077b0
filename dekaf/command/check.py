"""`dekaf check`: whether one can produce from here, and at which step not."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar, final

from dekaf.command.options import add_options, config_of
from dekaf.errors import (
    AuthenticationError,
    DekafError,
    TopicAuthorizationError,
    UnknownTopicOrPartitionError,
)
from dekaf.producer import Producer, ProducerConfig
from dekaf.types import ClusterDescription

__all__ = ("PATIENCE", "add_parser", "check")

T = TypeVar("T")

_DESCRIPTION: Final = (
    "Look up the brokers' names, connect to them, speak TLS, log in, ask for the cluster and for each TOPIC; say at "
    "which step that fails. Nothing is written."
)
PATIENCE: Final = 5.0  # seconds for each step


def add_parser(commands: Any) -> None:
    """Add the sub-command to the sub-parsers of argparse."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check", help="say whether Kafka can be reached", description=_DESCRIPTION
    )
    parser.add_argument("topics", nargs="*", metavar="TOPIC")
    add_options(parser)
    parser.add_argument("--timeout", type=float, default=PATIENCE, metavar="SECONDS", help="for each step; default: 5")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; return 0 if every step went well, else 1.

    Raises:
        ConfigurationError: An option is wrong.
    """
    config = config_of(arguments, allow_auto_create_topics=False)
    return check(config, tuple(arguments.topics), timeout=arguments.timeout, say=print)


def check(config: ProducerConfig, topics: tuple[str, ...], *, timeout: float, say: Callable[[str], None]) -> int:
    """Go through the steps, and tell of each.

    Args:
        config: How to connect.
        topics: Those to ask for.
        timeout: Seconds for each step.
        say: Gets a line for each.

    Returns:
        0 if every step went well, else 1.
    """
    steps = _Steps(say)
    reached = [host_port for host_port in config.bootstrap_endpoints if steps.reach(host_port, timeout)]
    if not reached:
        return 1
    limited = config.with_options(start="lazy", max_block_ms=max(1, int(timeout * 1000)), unavailable_after_ms=None)
    producer: Producer[Any, Any] = Producer.from_config(limited)
    try:
        cluster = steps.take("cluster", lambda: producer.check(timeout), _of_cluster)
        if cluster is not None:
            known = set(config.bootstrap_endpoints)
            for broker in cluster.brokers:
                if (broker.host, broker.port) not in known:
                    steps.reach((broker.host, broker.port), timeout, what="advertised")
            for topic in topics:
                steps.take(f"topic {topic}", lambda name=topic: producer.partitions_for(name), _of_topic)  # type: ignore[misc]
    finally:
        producer.close(0)  # it has nothing to deliver
    return 1 if steps.have_failed else 0


@final
class _Steps:
    """What was tried, told as it happens."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.have_failed = False
        self._say: Final = say

    def reach(self, endpoint: tuple[str, int], timeout: float, *, what: str = "bootstrap") -> bool:
        """Look up a broker's name and connect to it."""
        host, port = endpoint
        where = f"{what} {host}:{port}"
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            return self._failed(f"{where}: name", f"{host} is not known here: {error.strerror or error}")
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
            milliseconds = (time.perf_counter() - began) * 1000
            self._say(f"ok     {where}: {address[0]} takes connections, {milliseconds:.1f} ms")
            return True
        return self._failed(f"{where}: TCP", f"{found[0][4][0]} takes no connection: {failure}")

    def take(self, step: str, ask: Callable[[], T], shown: Callable[[T], str]) -> T | None:
        """Ask Kafka something; None if that failed."""
        began = time.perf_counter()
        try:
            answer = ask()
        except DekafError as error:
            self._failed(f"{step}: {_place_of(error)}", _first_sentence(error))
            return None
        self._say(f"ok     {step}: {shown(answer)}, {(time.perf_counter() - began) * 1000:.1f} ms")
        return answer

    def _failed(self, step: str, reason: str) -> bool:
        self.have_failed = True
        self._say(f"FAILED {step}: {reason}")
        return False


def _place_of(error: BaseException) -> str:
    """Return the step at which a connection failed, by the error and what it came of."""
    seen: BaseException | None = error
    while seen is not None:
        text = str(seen)
        if isinstance(seen, TopicAuthorizationError):
            return "rights"
        if isinstance(seen, UnknownTopicOrPartitionError):
            return "topic"
        if isinstance(seen, AuthenticationError):
            return "TLS" if "certificate" in text.lower() else "SASL"
        if "TLS" in text:
            return "TLS"
        if "offer" in text and "client needs" in text:
            return "versions"
        seen = seen.__cause__
    return "metadata"


def _first_sentence(error: DekafError) -> str:
    cause = error.__cause__
    return f"{error}" if cause is None or str(cause) in str(error) else f"{error} {cause}"


def _of_cluster(cluster: ClusterDescription) -> str:
    secured = next((one for one in cluster.connections if one.tls_version or one.mechanism), None)
    how = (
        "" if secured is None else ", ".join(filter(None, [secured.tls_version, secured.mechanism, secured.principal]))
    )
    brokers = f"{len(cluster.brokers)} broker(s)"
    return f"{cluster.cluster_id or 'no id'}, {brokers}" + (f", {how}" if how else ", without TLS and SASL")


def _of_topic(partitions: tuple[Any, ...]) -> str:
    leaderless = sum(1 for one in partitions if one.leader is None)
    return f"{len(partitions)} partition(s)" + (f", {leaderless} without a leader" if leaderless else "")
