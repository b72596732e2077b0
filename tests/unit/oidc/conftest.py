"""Authorities, and token endpoints whose certificates they issue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dekaf._security.pem_source import PemSource
from tests.certificates import Authority, KeyPair
from tests.oauth import TokenServer
from tests.unit.oidc.clients import SECRET

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the proxies of the machine that the tests run on."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"))


@pytest.fixture(scope="package")
def cafile(authority: Authority) -> PemSource:
    return PemSource("ssl_cafile", path=str(authority.cafile))


@pytest.fixture(scope="package")
def key_pair(authority: Authority) -> KeyPair:
    """The certificate of endpoints on this machine."""
    return authority.server("tokens")


@pytest.fixture
def server(key_pair: KeyPair) -> Iterator[TokenServer]:
    with TokenServer(key_pair, clients={"shop": SECRET}, assertions=lambda text: text.startswith("signed")) as server:
        yield server
