"""Files that are replaced while a producer lives."""

from __future__ import annotations

import dataclasses
import logging
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from dekaf._security.tls_contexts import TlsContexts, TlsRefresh
from dekaf._security.tls_options import TlsOptions
from dekaf.errors import ConfigurationError
from tests.unit.security.certificates import Pair, client_pair, encrypted, handshake, server_context, source_of

HOST = "broker.example"


@pytest.fixture
def folder(tmp_path: Path, authority_pem: str, pair: Pair) -> Path:
    """What a deployment mounts: authorities, certificate, key."""
    folder = tmp_path / "mounted"
    folder.mkdir()
    (folder / "ca.pem").write_text(authority_pem)
    pair.write(folder)
    return folder


@pytest.fixture
def server(server_pair: Pair, authority_pem: str, tmp_path: Path) -> ssl.SSLContext:
    return server_context(server_pair, tmp_path, clients_of=authority_pem)


def options_for(folder: Path) -> TlsOptions:
    return TlsOptions(
        cafile=source_of("ssl_cafile", folder / "ca.pem"),
        certfile=source_of("ssl_certfile", folder / "client.pem"),
        keyfile=source_of("ssl_keyfile", folder / "client.key"),
    )


def replace(file: Path, text: str) -> None:
    """Replace a file at once, as tools do that care."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.replace(file)


def test_nothing_is_made_anew_while_nothing_changes(folder: Path) -> None:
    contexts = TlsContexts(options_for(folder))
    before = contexts.current

    assert contexts.refresh() is TlsRefresh.UNCHANGED
    assert contexts.current is before
    assert contexts.rotates


@pytest.mark.mistake("librdkafka #2868", "kafka-python #1959", "kafkajs #1455")
def test_next_connection_shows_the_new_certificate(folder: Path, other_pair: Pair, server: ssl.SSLContext) -> None:
    contexts = TlsContexts(options_for(folder))
    before = contexts.current
    assert handshake(before, server, HOST) == "client"

    other_pair.write(folder)

    assert contexts.refresh() is TlsRefresh.RENEWED
    assert handshake(contexts.current, server, HOST) == "other"
    assert handshake(before, server, HOST) == "client"  # what is in use was not altered
    assert contexts.refresh() is TlsRefresh.UNCHANGED


def test_pair_that_is_replaced_one_by_one_is_used_when_both_are_there(
    folder: Path, other_pair: Pair, server: ssl.SSLContext
) -> None:
    contexts = TlsContexts(options_for(folder))

    replace(folder / "client.pem", other_pair.certificate)
    assert contexts.refresh() is TlsRefresh.KEPT
    assert handshake(contexts.current, server, HOST) == "client"
    assert "is not the key of the certificate" in contexts.problem

    replace(folder / "client.key", other_pair.key)
    assert contexts.refresh() is TlsRefresh.RENEWED
    assert handshake(contexts.current, server, HOST) == "other"
    assert contexts.problem == ""


@pytest.mark.parametrize("broken", ["", "-----BEGIN CERTIFICATE-----\nAAAA\n", "no PEM"])
def test_broken_file_leaves_the_old_pair_in_use(folder: Path, broken: str, pair: Pair, server: ssl.SSLContext) -> None:
    contexts = TlsContexts(options_for(folder))

    replace(folder / "client.pem", broken)

    assert contexts.refresh() is TlsRefresh.KEPT
    assert handshake(contexts.current, server, HOST) == "client"
    replace(folder / "client.pem", pair.certificate)
    assert contexts.refresh() is TlsRefresh.RENEWED


def test_file_that_is_gone_leaves_the_old_pair_in_use(folder: Path, server: ssl.SSLContext) -> None:
    contexts = TlsContexts(options_for(folder))

    (folder / "client.key").unlink()

    assert contexts.refresh() is TlsRefresh.KEPT
    assert handshake(contexts.current, server, HOST) == "client"


def test_problem_is_over_when_the_old_file_comes_back(folder: Path) -> None:
    contexts = TlsContexts(options_for(folder))
    (folder / "ca.pem").rename(folder / "away")
    assert contexts.refresh() is TlsRefresh.KEPT

    (folder / "away").rename(folder / "ca.pem")

    assert contexts.refresh() in {TlsRefresh.UNCHANGED, TlsRefresh.RENEWED}  # renaming is a change to some systems
    assert contexts.problem == ""


def test_problem_is_logged_once(
    folder: Path, caplog: pytest.LogCaptureFixture, other_pair: Pair, authority: trustme.CA
) -> None:
    contexts = TlsContexts(options_for(folder))
    replace(folder / "client.pem", other_pair.certificate)

    with caplog.at_level(logging.DEBUG, "dekaf.security.tls"):
        for _ in range(3):
            contexts.refresh()
        replace(folder / "client.key", client_pair(authority).key)
        contexts.refresh()

    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "the earlier ones stay in use. ssl_keyfile=" in caplog.text


def test_new_authority_is_trusted_and_the_old_one_no_more(
    folder: Path, other_authority: trustme.CA, authority_pem: str, server: ssl.SSLContext, tmp_path: Path
) -> None:
    contexts = TlsContexts(options_for(folder))
    new_folder = tmp_path / "new"
    new_folder.mkdir()
    new_server = server_context(Pair.of(other_authority.issue_cert(HOST)), new_folder, clients_of=authority_pem)

    replace(folder / "ca.pem", other_authority.cert_pem.bytes().decode())

    assert contexts.refresh() is TlsRefresh.RENEWED
    assert handshake(contexts.current, new_server, HOST) == "client"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(contexts.current, server, HOST)


def test_secret_of_kubernetes_is_followed_through_its_links(
    tmp_path: Path, authority_pem: str, pair: Pair, other_pair: Pair, server: ssl.SSLContext
) -> None:
    mounted = tmp_path / "mounted"
    for version, one in (("..2026_1", pair), ("..2026_2", other_pair)):
        (mounted / version).mkdir(parents=True)
        (mounted / version / "ca.pem").write_text(authority_pem)
        one.write(mounted / version)
    (mounted / "..data").symlink_to("..2026_1")
    for name in ("ca.pem", "client.pem", "client.key"):
        (mounted / name).symlink_to(f"..data/{name}")
    contexts = TlsContexts(options_for(mounted))

    (mounted / "..data_tmp").symlink_to("..2026_2")
    (mounted / "..data_tmp").replace(mounted / "..data")

    assert contexts.refresh() is TlsRefresh.RENEWED
    assert handshake(contexts.current, server, HOST) == "other"


def options_that_ask(folder: Path, ask: Callable[[], object]) -> TlsOptions:
    """Return options for a key whose password a callable tells."""
    return dataclasses.replace(options_for(folder), key_password=ask)


def test_callable_password_is_not_asked_before_a_connection_needs_it(folder: Path, server: ssl.SSLContext) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("hush")
        return "hush"

    (folder / "client.key").write_text(encrypted((folder / "client.key").read_text(), "hush"))
    contexts = TlsContexts(options_that_ask(folder, ask))

    assert not contexts.is_complete
    assert asked == []
    with pytest.raises(RuntimeError, match="not been completed"):  # and no None, which would mean plain text
        _ = contexts.current
    contexts.complete()
    contexts.complete()

    assert asked == ["hush"]
    assert handshake(contexts.current, server, HOST) == "client"


def test_callable_password_is_never_asked_for_a_key_in_the_clear(folder: Path, server: ssl.SSLContext) -> None:
    contexts = TlsContexts(options_that_ask(folder, lambda: pytest.fail("it is not needed")))

    assert contexts.is_complete
    assert handshake(contexts.current, server, HOST) == "client"


def test_what_is_wrong_beside_the_password_is_told_at_once(folder: Path) -> None:
    (folder / "ca.pem").write_text("see wiki")
    (folder / "client.key").write_text(encrypted((folder / "client.key").read_text(), "hush"))

    with pytest.raises(ConfigurationError, match="ssl_cafile"):
        TlsContexts(options_that_ask(folder, lambda: pytest.fail("it is not the time")))


def test_wrong_password_of_a_callable_leaves_the_context_to_be_completed(folder: Path) -> None:
    given = ["wrong", "hush"]
    (folder / "client.key").write_text(encrypted((folder / "client.key").read_text(), "hush"))
    contexts = TlsContexts(options_that_ask(folder, lambda: given.pop(0)))

    with pytest.raises(ConfigurationError, match="cannot be decrypted with ssl_key_password"):
        contexts.complete()
    assert not contexts.is_complete
    contexts.complete()

    assert contexts.is_complete


def test_callable_password_is_asked_for_each_key(folder: Path, other_pair: Pair) -> None:
    passwords = ["first", "second"]
    (folder / "client.key").write_text(encrypted((folder / "client.key").read_text(), "first"))
    options = options_for(folder)
    contexts = TlsContexts(
        TlsOptions(
            cafile=options.cafile,
            certfile=options.certfile,
            keyfile=options.keyfile,
            key_password=lambda: passwords.pop(0),
        )
    )
    contexts.complete()

    replace(folder / "client.pem", other_pair.certificate)
    replace(folder / "client.key", encrypted(other_pair.key, "second"))

    assert contexts.refresh() is TlsRefresh.RENEWED


def test_texts_do_not_rotate(authority_pem: str, pair: Pair) -> None:
    contexts = TlsContexts(
        TlsOptions(
            cafile=source_of("ssl_cafile", authority_pem),
            certfile=source_of("ssl_certfile", pair.certificate),
            keyfile=source_of("ssl_keyfile", pair.key),
        )
    )

    assert not contexts.rotates
    assert contexts.refresh() is TlsRefresh.UNCHANGED


def test_users_context_is_his_to_change() -> None:
    context = ssl.create_default_context()
    contexts = TlsContexts(TlsOptions(context=context))

    assert contexts.current is context
    assert not contexts.rotates
    assert contexts.refresh() is TlsRefresh.UNCHANGED


def test_first_files_must_be_right(folder: Path) -> None:
    (folder / "client.key").write_text("")

    with pytest.raises(ConfigurationError, match=r"ssl_keyfile='.*client\.key': holds no PEM"):
        TlsContexts(options_for(folder))
