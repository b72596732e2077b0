"""Fake clusters that demand what a service demands, in whose place they stand when a page is run."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping, MutableMapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dekaf import ProduceError, Producer, ProducerConfig
from dekaf.contrib.django import get_producer
from dekaf.contrib.django.producers import discard_producers
from dekaf.contrib.fastapi import ProducerDep
from dekaf.testing import FakeCluster, SaslAccounts
from tests.certificates import Authority, BareAuthority, KeyPair

__all__ = ("Service", "refusal", "service")

PATIENCE = 10.0  # seconds

# What there is in every service; dekaf may not create topics where services do not.
TOPICS = {"orders": 1, "shop-1234.orders": 1}


class Service:
    """One of these clusters, and the authority behind its certificate.

    Args:
        cluster: It runs.
        authority: Issues its certificate, and those of clients.
        folder: Where a test may put files.
    """

    def __init__(self, cluster: FakeCluster, authority: Authority, folder: Path) -> None:
        self.cluster = cluster
        self.authority = authority
        self.folder = folder

    def client(self, name: str = "shop") -> KeyPair:
        """Return a certificate for a client, which the service accepts."""
        return self.authority.client(name)

    def file(self, name: str, content: str) -> Path:
        """Write a file, and return where."""
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def lets_in(self, *ways: Producer[Any, Any] | ProducerConfig | Mapping[str, Any] | FastAPI) -> None:
        """Check that each way in writes a message: a producer, a configuration, Django's DEKAF, an application."""
        for way in ways:
            before = len(self.cluster.log("orders"))
            _write(way)
            assert len(self.cluster.log("orders")) == before + 1, way


@contextlib.contextmanager
def service(
    stands_in: MutableMapping[str, str],
    address: str,
    *,
    sasl: SaslAccounts | None = None,
    demands_certificate: bool = False,
    is_public: bool = True,
    issuer: BareAuthority | None = None,
    environment: pytest.MonkeyPatch,
) -> Iterator[Service]:
    """Run a cluster that stands in for an address of a page.

    Args:
        stands_in: The page's.
        address: `host:port`, or several, as the page writes it.
        sasl: Who may log in.
        demands_certificate: Whether clients must show one.
        is_public: Whether its authority is one that every system trusts.
        issuer: Who issued its certificate, instead of an authority as it should be.
        environment: Changes variables for as long as the page runs.
    """
    with tempfile.TemporaryDirectory(prefix="dekaf-docs-") as name:
        folder = Path(name)
        authority = Authority(folder / "authority")
        pair = (issuer or authority).server()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certfile, pair.keyfile)
        if demands_certificate:
            context.load_verify_locations(authority.cafile)
            context.verify_mode = ssl.CERT_REQUIRED
        if is_public:
            environment.setenv("SSL_CERT_FILE", str(authority.cafile))
        with FakeCluster(topics=TOPICS, tls=context, sasl=sasl, host="localhost") as cluster:
            stands_in[address] = cluster.bootstrap_servers
            yield Service(cluster, authority, folder)


def refusal(producer: Producer[Any, Any] | None = None, **options: Any) -> BaseException:
    """Return why a producer, or one with these options, cannot write: the error of `produce`, or that of making it."""
    try:
        made = producer or Producer(**{"produce_timeout_ms": 3_000, "close_timeout_ms": 0, **options})
    except ValueError as error:
        return error
    with made:
        if "sasl_oauth_token_provider" not in options:  # of which the times are what is shown
            _wait_for_the_first_failure(made)
        with pytest.raises(ProduceError) as caught:
            made.produce("orders", "42", {"status": "placed"})
    return caught.value


def _wait_for_the_first_failure(made: Producer[Any, Any]) -> None:
    """Connect, so that the time of the call that is shown is not that of a slow machine's first handshake."""
    made.fire("orders", "42", {"status": "placed"})
    deadline = time.monotonic() + PATIENCE
    while made.status().last_error is None and time.monotonic() < deadline:
        time.sleep(0.005)


def _write(way: Producer[Any, Any] | ProducerConfig | Mapping[str, Any] | FastAPI) -> None:
    if isinstance(way, FastAPI):
        way.post("/written")(_written)
        with TestClient(way) as client:
            assert client.post("/written").status_code == HTTPStatus.OK
    elif isinstance(way, Mapping):
        with override_settings(DEKAF=dict(way)):
            get_producer().produce("orders", "42", {"status": "placed"})
            discard_producers()
    else:
        producer = Producer.from_config(way) if isinstance(way, ProducerConfig) else way
        with producer:
            producer.produce("orders", "42", {"status": "placed"})


async def _written(producer: ProducerDep) -> None:
    await producer.produce("orders", "42", {"status": "placed"})
