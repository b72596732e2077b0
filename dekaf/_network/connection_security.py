"""Say how a connection is protected, for people: what TLS and SASL agreed on, and until when it holds."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from dekaf._security.credentials import Credentials
from dekaf.reports import ConnectionSecurity

__all__ = ("security_of",)


def security_of(
    transport: Any, address: str, *, credentials: Credentials | None, reauthenticates_at: float | None
) -> ConnectionSecurity:
    """Return what a connection's health check shows.

    Args:
        transport: Of asyncio or uvloop.
        address: The broker's `host:port`, as it was configured or advertised.
        credentials: What was authenticated with; None without SASL.
        reauthenticates_at: When the session is renewed, in monotonic seconds; None: it has no end.
    """
    tls = transport.get_extra_info("ssl_object")
    cipher = None if tls is None else tls.cipher()
    return ConnectionSecurity(
        broker=address,
        tls_version=None if tls is None else tls.version(),
        cipher=None if cipher is None else cipher[0],
        certificate_expires=None if tls is None else _expiry(tls.getpeercert()),
        mechanism=None if credentials is None else credentials.mechanism.value,
        principal=None if credentials is None else credentials.principal or None,
        reauthenticates_at=None if reauthenticates_at is None else _moment(reauthenticates_at - monotonic()),
    )


def _moment(seconds_from_now: float) -> datetime | None:
    try:
        return datetime.now(UTC) + timedelta(seconds=seconds_from_now)
    except OverflowError:  # a broker may say anything: after the year 9999 is as good as never
        return None


def _expiry(certificate: Any) -> datetime | None:
    """Return when the broker's certificate expires; None of one not verified Python tells nothing."""
    if not certificate or "notAfter" not in certificate:
        return None
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    except (ValueError, OverflowError):  # a date that Python cannot tell: no reason to fail
        return None
