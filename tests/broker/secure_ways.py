"""The ways into a secured Kafka, as options of ours."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from dekaf.security import OAuthToken
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.users import MECHANISMS, USERS
from tests.oauth.tokens import unsecured_token

__all__ = ("WAYS", "Way", "local_ports", "token", "way_options")

USER: Final = "alice"
_ESTABLISHED: Final = "01"


class Way(NamedTuple):
    """One way in.

    Args:
        listener: of the cluster.
        mechanism: of SASL; empty without it.
    """

    listener: str
    mechanism: str = ""

    @property
    def protocol(self) -> str:
        """What `security_protocol` is to be."""
        if not self.mechanism:
            return "SSL"
        return "SASL_SSL" if self.listener.endswith("SSL") else "SASL_PLAINTEXT"

    @property
    def name(self) -> str:
        """What tests, topics and messages are called after it."""
        return "-".join(filter(None, (self.listener, self.mechanism))).lower().replace("_", "-")


WAYS: Final = (
    Way("SSL"),
    Way("MTLS"),
    *(Way(listener, mechanism) for listener in ("SASL_PLAINTEXT", "SASL_SSL") for mechanism in MECHANISMS),
)


def token(principal: str = USER, seconds: float = 3600) -> OAuthToken:
    """Return what a provider returns."""
    return OAuthToken(unsecured_token(principal, lifetime=seconds), time.time() + seconds, principal=principal)


def way_options(cluster: SecureCluster, way: Way, **changes: Any) -> dict[str, Any]:
    """Return the options for one way in, with some of them changed."""
    given: dict[str, Any] = {"bootstrap_servers": cluster.servers(way.listener), "security_protocol": way.protocol}
    if way.protocol.endswith("SSL"):
        given["ssl_cafile"] = str(cluster.authority.cafile)
    if way.listener == "MTLS":
        client = cluster.authority.client(USER)
        given |= {"ssl_certfile": str(client.certfile), "ssl_keyfile": str(client.keyfile)}
    if way.mechanism == "OAUTHBEARER":
        given |= {"sasl_mechanism": way.mechanism, "sasl_oauth_token_provider": token}
    elif way.mechanism:
        given |= {"sasl_mechanism": way.mechanism, "sasl_username": USER, "sasl_password": USERS[USER]}
    return {**given, **changes}


def local_ports(remote_port: int) -> set[int]:
    """Return the ports on this side of all connections that are open to a port of this machine."""
    return {
        ours
        for family in (socket.AF_INET, socket.AF_INET6)
        for ours, theirs in _connections(family)
        if theirs == remote_port
    }


def _connections(family: socket.AddressFamily) -> list[tuple[int, int]]:
    """Return this side's port and the other's of every connection, from Linux's own table."""
    path = Path("/proc/net/tcp" if family is socket.AF_INET else "/proc/net/tcp6")
    if not path.exists():
        return []
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()[1:]]
    return [(_port(row[1]), _port(row[2])) for row in rows if row[3] == _ESTABLISHED]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)
