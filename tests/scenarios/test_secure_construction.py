"""Files and options that cannot work are refused where a producer for Kafka is made: the option, and what to do.

Settings of production must import in tests and in `collectstatic`: neither `ProducerConfig` nor the other backends look
at a file.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from dekaf import AsyncProducer, ConfigurationError, Producer, ProducerConfig
from tests.certificates import Authority, KeyPair

MARK = "mArK-pAsSwOrD"
SERVERS = "127.0.0.1:1"


@pytest.fixture(scope="module")
def pair(authority: Authority) -> KeyPair:
    return authority.client("constructed")


def written(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.write_bytes(data)
    return str(path)


def pkcs12(pair: KeyPair, folder: Path) -> str:
    return str(pair.keystore)


Options = Callable[[KeyPair, Path], dict[str, Any]]

FILES: dict[str, tuple[Options, tuple[str, ...]]] = {
    "a key store of Java": (
        lambda pair, folder: {"ssl_cafile": written(folder, "trust.jks", b"\xfe\xed\xfe\xed\0\0\0\2")},
        ("ssl_cafile", "keytool"),
    ),
    "PKCS#12 as authorities": (lambda pair, folder: {"ssl_cafile": pkcs12(pair, folder)}, ("ssl_cafile", "openssl")),
    "PKCS#12 as a certificate": (
        lambda pair, folder: {"ssl_certfile": pkcs12(pair, folder)},
        ("ssl_certfile", "openssl pkcs12"),
    ),
    "a wrong password of the key": (
        lambda pair, folder: {
            "ssl_certfile": str(pair.certfile),
            "ssl_keyfile": str(pair.encrypted_keyfile("right")),
            "ssl_key_password": MARK,
        },
        ("ssl_key_password",),
    ),
    "an encrypted key without its password": (
        lambda pair, folder: {
            "ssl_certfile": str(pair.certfile),
            "ssl_keyfile": str(pair.encrypted_keyfile("right", "traditional")),
        },
        ("ssl_key_password",),
    ),
    "another key's certificate": (
        lambda pair, folder: {
            "ssl_certfile": str(pair.certfile),
            "ssl_keyfile": str(Authority(folder).client("other").keyfile),
        },
        ("ssl_keyfile", "ssl_certfile"),
    ),
    "a certificate without its key": (
        lambda pair, folder: {"ssl_certfile": written(folder, "alone.pem", pair.certfile.read_bytes())},
        ("ssl_certfile", "ssl_keyfile"),
    ),
    "no such file": (lambda pair, folder: {"ssl_cafile": str(folder / "absent.pem")}, ("ssl_cafile", "absent.pem")),
    "no such certificate": (
        lambda pair, folder: {"ssl_certfile": str(folder / "absent.pem"), "ssl_keyfile": str(pair.keyfile)},
        ("ssl_certfile", "absent.pem"),
    ),
    "no such key": (
        lambda pair, folder: {"ssl_certfile": str(pair.certfile), "ssl_keyfile": str(folder / "absent.key")},
        ("ssl_keyfile", "absent.key"),
    ),
    "a folder without a certificate": (lambda pair, folder: {"ssl_cafile": str(folder)}, ("ssl_cafile", "*.pem")),
    "a text file": (lambda pair, folder: {"ssl_cafile": written(folder, "ca.pem", b"see wiki")}, ("ssl_cafile",)),
}


def options_of(case: str, pair: KeyPair, folder: Path) -> dict[str, Any]:
    folder = folder / "material"
    folder.mkdir(exist_ok=True)
    return {"bootstrap_servers": SERVERS, "security_protocol": "SSL", **FILES[case][0](pair, folder)}


@pytest.mark.parametrize("make", [Producer, AsyncProducer])
@pytest.mark.parametrize("case", FILES)
def test_file_that_cannot_work_is_refused_when_a_producer_is_made(
    case: str, make: Callable[..., Any], pair: KeyPair, tmp_path: Path
) -> None:
    options = options_of(case, pair, tmp_path)

    with pytest.raises(ConfigurationError) as caught:
        make(**options)

    text = str(caught.value)
    for says in FILES[case][1]:
        assert says in text
    assert MARK not in text
    assert "PRIVATE KEY" not in text


@pytest.mark.parametrize("backend", ["memory", "disabled"])
@pytest.mark.parametrize("case", FILES)
def test_no_file_is_looked_at_where_no_broker_is(
    case: str, backend: Literal["memory", "disabled"], pair: KeyPair, tmp_path: Path
) -> None:
    config = ProducerConfig(**options_of(case, pair, tmp_path))

    with Producer(config=config.with_options(backend=backend)) as producer:
        producer.produce("t", None, b"v")


@pytest.mark.mistake("hashicorp/vault #17064")
@pytest.mark.parametrize("style", ["pkcs8", "traditional"])
def test_key_that_is_encrypted_never_asks_a_terminal(
    style: Literal["pkcs8", "traditional"], pair: KeyPair, tmp_path: Path
) -> None:
    """OpenSSL prompts on the terminal by itself, for which a web worker would wait for ever."""
    script = """if True:
        import sys
        from dekaf import ConfigurationError, Producer
        try:
            files = {"ssl_certfile": sys.argv[1], "ssl_keyfile": sys.argv[2]}
            Producer(bootstrap_servers="b:1", security_protocol="SSL", **files)
        except ConfigurationError as error:
            print(error)
    """
    key = pair.encrypted_keyfile("right", style)
    ours, theirs = pty.openpty()  # the only terminal that it has
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, str(pair.certfile), str(key)],
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    finally:
        os.close(ours)
        os.close(theirs)

    assert "ssl_key_password" in done.stdout
    assert "pass phrase" not in done.stdout + done.stderr
