"""What proves who we are, and whom we trust, is replaced under load: password, token, certificate, authority."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dekaf.errors import BrokerConnectionError
from dekaf.security import OAuthToken
from tests.broker.secure_ways import Way, token, way_options
from tests.broker.traffic import Traffic
from tests.certificates import Authority, KeyPair
from tests.kafka.secure_cluster import SecureCluster

KICKED = BrokerConnectionError("The test closed the connection.")
BETWEEN_LOOKS = 1.1  # seconds: certificate files are looked at once a second at most
PAUSE = 0.5  # seconds of load after each change


@pytest.fixture
def topic(secure_cluster: SecureCluster) -> str:
    name = f"rotation-{uuid.uuid4().hex[:12]}"
    secure_cluster.create_topic(name, partitions=4)
    return name


class Load:
    """Traffic over one way in, all of whose connections can be made anew."""

    def __init__(self, cluster: SecureCluster, way: Way, topic: str, **changes: Any) -> None:
        options = way_options(cluster, way, **changes)
        servers = options.pop("bootstrap_servers")
        self._cluster = cluster
        self._traffic = Traffic(servers, topic, options=options)  # type: ignore[arg-type]  # options all the same

    def run(self, trouble: Callable[[], object]) -> None:
        """Have trouble under load, and check that every message arrived once and in order."""
        self._traffic.run(trouble)
        self._traffic.check(self._cluster.bootstrap_servers)

    def connect_anew(self) -> None:
        """Close every connection, as a broker or a load balancer does, and let the load go on for a while."""
        producer = self._traffic.producer
        assert producer is not None
        engine: Any = producer._core.life.engine

        def kick() -> None:
            for node in engine._client._nodes():
                if node.connection is not None:
                    node.connection.close(KICKED)

        engine._io.call(kick)
        time.sleep(PAUSE)  # not for something: the load goes on meanwhile


@pytest.mark.mistake("confluent-kafka-python #2054")
def test_password_is_replaced_under_load(secure_cluster: SecureCluster, topic: str) -> None:
    secure_cluster.set_scram_password("dora", "the first")
    password = ["the first"]
    load = Load(
        secure_cluster,
        Way("SHORT_PLAINTEXT", "SCRAM-SHA-512"),
        topic,
        sasl_username="dora",
        sasl_password=lambda: password[0],
    )

    def rotate() -> None:
        for number in range(2):
            # The broker has the new one first: for a moment, who comes with the old one is refused, and tries again.
            secure_cluster.set_scram_password("dora", f"the new {number}", ["SCRAM-SHA-512"])
            password[0] = f"the new {number}"
            load.connect_anew()

    load.run(rotate)


@pytest.mark.mistake("kafka-python #2205")
def test_token_is_replaced_under_load(secure_cluster: SecureCluster, topic: str) -> None:
    asked: list[OAuthToken] = []

    def provider() -> OAuthToken:
        asked.append(token(seconds=3 + len(asked) / 1000))
        return asked[-1]

    load = Load(secure_cluster, Way("SASL_SSL", "OAUTHBEARER"), topic, sasl_oauth_token_provider=provider)

    load.run(lambda: time.sleep(7))  # not for something: tokens of three seconds come and go meanwhile

    assert len({one.value for one in asked}) >= 3


@contextmanager
def trusting(cluster: SecureCluster, listener: str, *authorities: Authority) -> Iterator[Callable[..., None]]:
    """Have a listener let in the clients of some authorities, and at the end the usual ones again."""
    folder = cluster.authority.cafile.parent

    def trust(*some: Authority) -> None:
        path = folder / f"trust-{uuid.uuid4().hex[:8]}.pem"
        path.write_bytes(b"".join(one.cafile.read_bytes() for one in some))
        cluster.trust(listener, path)

    trust(*authorities)
    try:
        yield trust
    finally:
        cluster.trust(listener, cluster.authority.cafile)


class TwoFiles:
    """A certificate and a key in two files, which are replaced one after the other."""

    def __init__(self, folder: Path, pair: KeyPair) -> None:
        folder.mkdir()
        self.certfile, self.keyfile = folder / "tls.crt", folder / "tls.key"
        self.put(self.certfile, pair.certfile.read_bytes())
        self.put(self.keyfile, pair.keyfile.read_bytes())

    def put(self, path: Path, data: bytes) -> None:
        """Replace a file, as careful programs do: another one is renamed to it."""
        beside = path.with_suffix(".new")
        beside.write_bytes(data)
        beside.replace(path)

    def replace(self, pair: KeyPair, between: Callable[[], None]) -> None:
        """Replace both, with something in between."""
        self.put(self.certfile, pair.certfile.read_bytes())
        between()
        self.put(self.keyfile, pair.keyfile.read_bytes())

    def spoil(self) -> None:
        """Leave half of a file."""
        data = self.certfile.read_bytes()
        self.put(self.certfile, data[: len(data) // 2])


class KubernetesSecret:
    """The same as a mounted secret: links to a folder behind a link, which is replaced at one go."""

    def __init__(self, folder: Path, pair: KeyPair) -> None:
        folder.mkdir()
        self._folder = folder
        self.certfile, self.keyfile = folder / "tls.crt", folder / "tls.key"
        self._point_to(pair.certfile.read_bytes(), pair.keyfile.read_bytes())
        for path in (self.certfile, self.keyfile):
            path.symlink_to(Path("..data") / path.name)

    def replace(self, pair: KeyPair, between: Callable[[], None]) -> None:
        """Replace both at once."""
        self._point_to(pair.certfile.read_bytes(), pair.keyfile.read_bytes())
        between()

    def spoil(self) -> None:
        """Swap in a version whose key is another certificate's."""
        self._point_to(self.certfile.read_bytes(), b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")

    def _point_to(self, certificate: bytes, key: bytes) -> None:
        version = self._folder / f"..{uuid.uuid4().hex[:8]}"
        version.mkdir()
        (version / "tls.crt").write_bytes(certificate)
        (version / "tls.key").write_bytes(key)
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(self._folder / "..data")


@pytest.mark.mistake("librdkafka #2868", "kafka-python #1959", "kafkajs #1455")
@pytest.mark.parametrize("kind", [TwoFiles, KubernetesSecret])
def test_client_certificate_is_replaced_under_load(
    secure_cluster: SecureCluster,
    topic: str,
    tmp_path: Path,
    kind: type[TwoFiles | KubernetesSecret],
    caplog: pytest.LogCaptureFixture,
) -> None:
    usual, other = secure_cluster.authority, Authority(tmp_path / "other")
    files = kind(tmp_path / "mounted", usual.client("alice"))
    load = Load(secure_cluster, Way("MTLS"), topic, ssl_certfile=str(files.certfile), ssl_keyfile=str(files.keyfile))

    with trusting(secure_cluster, "MTLS", usual, other) as trust:

        def rotate() -> None:
            files.spoil()
            time.sleep(BETWEEN_LOOKS)  # until the files are looked at again
            load.connect_anew()
            files.replace(other.client("alice"), load.connect_anew)
            time.sleep(BETWEEN_LOOKS)
            load.connect_anew()
            trust(other)  # from here on only the new one is let in
            load.connect_anew()

        load.run(rotate)

    broken = [one.getMessage() for one in caplog.records if "stay" in one.getMessage() or "earlier" in one.getMessage()]
    assert broken, "the broken files were not told of"


def test_authority_is_replaced_under_load(secure_cluster: SecureCluster, topic: str, tmp_path: Path) -> None:
    usual, other = secure_cluster.authority, Authority(tmp_path / "other")
    cafile = tmp_path / "ca.pem"
    shutil.copy(usual.cafile, cafile)
    load = Load(secure_cluster, Way("SSL"), topic, ssl_cafile=str(cafile))

    def put(*authorities: Authority) -> None:
        beside = tmp_path / "ca.new"
        beside.write_bytes(b"".join(one.cafile.read_bytes() for one in authorities))
        os.replace(beside, cafile)
        time.sleep(BETWEEN_LOOKS)  # until the file is looked at again

    def rotate() -> None:
        put(usual, other)
        load.connect_anew()
        secure_cluster.rotate_certificate("SSL", other.server())
        load.connect_anew()
        put(other)
        load.connect_anew()

    try:
        load.run(rotate)
    finally:
        secure_cluster.rotate_certificate("SSL", secure_cluster.certificate("server"))
