"""The name for which a broker's certificate must be, and which the broker is told that we look for (SNI)."""

from __future__ import annotations

__all__ = ("peer_name",)


def peer_name(host: str) -> str:
    """Return what to pass as ``server_hostname`` for a host of ``bootstrap_servers``, or one that a broker advertises.

    It is always what was configured or advertised, never the address that a name was resolved to. An address is checked
    against the addresses of the certificate, and not told to the broker (RFC 6066); Python sees to that.

    Args:
        host: a name, also one that ends in a dot, which DNS understands and certificates do not have; or an address,
            IPv6 also in brackets and with a zone, which is of this machine and in no certificate.
    """
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if ":" in host:
        return host.partition("%")[0]
    return host.removesuffix(".")
