"""Whose certificates token endpoints may show."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import warnings
from pathlib import Path

import pytest

from dekaf import CredentialsUnavailableError
from dekaf._oidc.endpoint_trust import EndpointTrust
from dekaf._security.pem_source import PemSource
from dekaf._security.secret import Secret
from tests.certificates import Authority


@pytest.fixture
def system_file(tmp_path: Path, other_authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a system with one authority, whose file this is."""
    path = tmp_path / "system.pem"
    shutil.copy(other_authority.cafile, path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    return path


def source(path: Path) -> PemSource:
    return PemSource("ssl_cafile", path=str(path))


def trusted(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


@pytest.mark.usefixtures("system_file")
def test_authorities_are_those_of_the_option_and_those_of_the_system(cafile: PemSource) -> None:
    assert trusted(EndpointTrust(cafile).context()) == 2
    assert trusted(EndpointTrust(None).context()) == 1


@pytest.mark.usefixtures("system_file")
def test_authority_may_be_given_as_text(authority: Authority) -> None:
    text = PemSource("ssl_cafile", text=Secret(authority.cafile.read_bytes()))

    assert trusted(EndpointTrust(text).context()) == 2


@pytest.mark.usefixtures("system_file")
def test_certificates_are_verified_as_those_of_brokers(cafile: PemSource) -> None:
    context = EndpointTrust(cafile).context()

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


@pytest.mark.usefixtures("system_file")
def test_context_is_built_once(cafile: PemSource) -> None:
    trust = EndpointTrust(cafile)

    assert trust.context() is trust.context()


@pytest.mark.usefixtures("system_file")
def test_context_is_built_anew_when_the_file_is_replaced(
    tmp_path: Path, authority: Authority, other_authority: Authority
) -> None:
    path = tmp_path / "ca.pem"
    shutil.copy(authority.cafile, path)
    trust = EndpointTrust(source(path))
    before = trust.context()
    (tmp_path / "new.pem").write_bytes(authority.cafile.read_bytes() + other_authority.cafile.read_bytes())
    os.replace(tmp_path / "new.pem", path)

    after = trust.context()

    assert after is not before
    assert after is trust.context()


def test_context_is_built_anew_when_the_systems_file_is_replaced(
    system_file: Path, authority: Authority, other_authority: Authority
) -> None:
    trust = EndpointTrust(None)
    before = trusted(trust.context())
    new = system_file.with_suffix(".new")
    new.write_bytes(authority.cafile.read_bytes() + other_authority.cafile.read_bytes())
    os.replace(new, system_file)

    assert (before, trusted(trust.context())) == (1, 2)


@pytest.mark.usefixtures("system_file")
def test_broken_file_leaves_the_context_before_in_place(tmp_path: Path, authority: Authority) -> None:
    path = tmp_path / "ca.pem"
    shutil.copy(authority.cafile, path)
    trust = EndpointTrust(source(path))
    before = trust.context()
    path.write_text("-----BEGIN CERTIFICATE-----\nnot written yet")

    assert trust.context() is before
    shutil.copy(authority.cafile, path)
    assert trust.context() is not before  # mended, and looked at again


@pytest.mark.usefixtures("system_file")
def test_broken_file_at_the_beginning_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing")

    with pytest.raises(CredentialsUnavailableError, match=r"^The token endpoint cannot be asked: ssl_cafile=.*no PEM"):
        EndpointTrust(source(path)).context()


def test_system_without_authorities_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))

    with pytest.raises(CredentialsUnavailableError, match="ca-certificates"):
        EndpointTrust(None).context()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.usefixtures("system_file")
def test_forked_child_builds_its_own(cafile: PemSource) -> None:
    trust = EndpointTrust(cafile)
    inherited = trust.context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 warns of forks where there are threads
        process_id = os.fork()
    if process_id == 0:
        signal.alarm(10)  # ends the child, should it hang
        own = trust.context()
        os._exit(0 if own is not inherited and own is trust.context() else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1]) == 0
    assert trust.context() is inherited
