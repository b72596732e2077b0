"""Fetch Kafka, or run brokers in the foreground: `python -m tests.kafka fetch | run`."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys

from tests.kafka.cluster import KafkaCluster
from tests.kafka.distribution import DEFAULT_VERSION, is_fetched, kafka_jars
from tests.kafka.errors import KafkaUnavailableError
from tests.kafka.java import why_kafka_cannot_start
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.users import PLAIN_USERS, SCRAM_USERS


def main() -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.kafka", description=__doc__)
    parser.add_argument("command", choices=("fetch", "run"))
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--version", default=DEFAULT_VERSION)
    parser.add_argument("--secure", action="store_true", help="with TLS and SASL beside the plain listener")
    arguments = parser.parse_args()
    if reason := why_kafka_cannot_start(arguments.version):
        sys.stderr.write(f"Kafka cannot start here: {reason}\n")
        return 1
    try:
        if arguments.command == "fetch":
            _fetch(arguments.version)
        else:
            kind = SecureCluster if arguments.secure else KafkaCluster
            _run(kind(arguments.brokers, version=arguments.version))
    except KafkaUnavailableError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _fetch(version: str) -> None:
    if not is_fetched(version):
        sys.stdout.write(f"fetching Kafka {version} with Maven (about 54 MB)\n")
        sys.stdout.flush()
    sys.stdout.write(f"Kafka {version} is in {kafka_jars(version)}\n")


def _run(cluster: KafkaCluster) -> None:
    with contextlib.suppress(KeyboardInterrupt), cluster:
        sys.stdout.write(f"Kafka {cluster.version} listens at {cluster.bootstrap_servers} until Ctrl-C\n")
        if isinstance(cluster, SecureCluster):
            sys.stdout.write(_ways_in(cluster))
        sys.stdout.flush()
        signal.pause()


def _ways_in(cluster: SecureCluster) -> str:
    client = cluster.authority.client("alice")
    lines = ["", f"{'listener':16} {'security_protocol':18} {'bootstrap_servers':48} mechanisms"]
    for one in cluster.secure_listeners:
        mechanisms = ", ".join(one.mechanisms)
        lines.append(f"{one.name:16} {one.protocol:18} {cluster.servers(one.name):48} {mechanisms}".rstrip())
    lines += ["", "users of PLAIN:"]
    lines += [f"    {user}  {password}" for user, password in PLAIN_USERS.items()]
    lines += ["users of SCRAM:"]
    lines += [f"    {user}  {password}" for user, password in SCRAM_USERS.items()]
    lines += [
        "tokens of OAUTHBEARER: unsecured ones, of any subject",
        f"ssl_cafile    {cluster.authority.cafile}",
        f"ssl_cafile    {cluster.bare_cafile} (of the listener BARE)",
        f"ssl_certfile  {client.certfile}",
        f"ssl_keyfile   {client.keyfile}",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
