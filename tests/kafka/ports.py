"""Pick loopback ports for brokers that are stopped and started again on the same port."""

from __future__ import annotations

import os
import random
import socket

__all__ = ("free_ports",)

# Below the ranges from which kernels take source ports (Linux 32768+, macOS and Windows 49152+). A port from those
# ranges could be given to any outgoing connection while its broker is down; worst, a client that keeps trying the
# dead port may be given that very port as its source and connect to itself.
FIRST_PORT, LAST_PORT = 15_000, 32_000


def free_ports(count: int) -> list[int]:
    """Return `count` different ports on which nobody listens on 127.0.0.1 at this moment."""
    candidates = iter(random.SystemRandom().sample(_own_ports(), k=200 + count))
    ports: list[int] = []
    while len(ports) < count:
        port = next(candidates)
        if _is_free(port):
            ports.append(port)
    return ports


def _own_ports() -> range:
    """Return the share of this worker of pytest-xdist: to the others, the port of a broker that is down looks free."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return range(FIRST_PORT, LAST_PORT)[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
