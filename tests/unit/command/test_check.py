"""`dekaf check`: at which step a connection fails."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dekaf import ProducerConfig
from dekaf.command.check import check
from dekaf.command.main import main
from dekaf.testing import ALWAYS, ApiKey, ErrorCode, FakeCluster, TopicSettings
from tests.certificates import Authority
from tests.unit.command.terminals import needs_pty, on_terminal

LOGIN = {
    "security_protocol": "SASL_PLAINTEXT",
    "sasl_mechanism": "SCRAM-SHA-256",
    "sasl_username": "shop",
    "sasl_password": "right",
}


def told(config: ProducerConfig, *topics: str) -> tuple[int, list[str]]:
    lines: list[str] = []
    status = check(config, topics, timeout=1.0, tell=lambda step: lines.append(str(step)))
    return status, lines


def test_each_step_that_went_well_is_told() -> None:
    with FakeCluster(nodes=2, topics={"orders": 3}) as cluster:
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers), "orders")

    assert status == 0
    assert all(line.startswith("ok     ") for line in lines)
    assert "fake-cluster, 2 broker(s), without TLS and SASL" in lines[2]
    assert "topic orders: 3 partition(s)" in lines[3]


def test_a_name_that_is_unknown_is_told() -> None:
    status, lines = told(ProducerConfig(bootstrap_servers="no-such-host.invalid:9092"))

    assert status == 1
    assert lines[0].startswith(
        "FAILED bootstrap no-such-host.invalid:9092: name: no-such-host.invalid is not known here"
    )


def test_a_port_where_nobody_listens_is_told() -> None:
    status, lines = told(ProducerConfig(bootstrap_servers="127.0.0.1:1"))

    assert status == 1
    assert lines[0].startswith("FAILED bootstrap 127.0.0.1:1: TCP: 127.0.0.1 takes no connection: ")


def test_one_bootstrap_server_that_answers_is_enough_to_go_on() -> None:
    with FakeCluster() as cluster:
        status, lines = told(ProducerConfig(bootstrap_servers=f"127.0.0.1:1,{cluster.bootstrap_servers}"))

    assert status == 1  # though one can produce: the other address is wrong
    assert [line.split()[0] for line in lines] == ["FAILED", "ok", "ok"]


def test_a_topic_that_does_not_exist_is_told_and_not_created() -> None:
    with FakeCluster(auto_create_topics=True) as cluster:
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers), "no-such-topic")

        assert status == 1
        assert lines[-1].startswith(
            "FAILED topic no-such-topic: topic: There is no such topic, or this client may not "
        )
        assert "kafka-topics --create --topic no-such-topic" in lines[-1]
        assert "written" not in lines[-1]
        assert cluster.topics() == []


def test_a_wrong_password_is_a_matter_of_sasl() -> None:
    with FakeCluster(sasl={"shop": "right"}) as cluster:
        config = ProducerConfig(
            bootstrap_servers=cluster.bootstrap_servers,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-256",
            sasl_username="shop",
            sasl_password="wrong",
        )
        status, lines = told(config)

    assert status == 1
    assert lines[-1].startswith("FAILED cluster: SASL: ")
    assert "wrong" not in lines[-1].replace("wrong password", "")


def test_a_certificate_that_is_not_trusted_is_a_matter_of_tls(authority: Authority) -> None:
    server = authority.server()
    with FakeCluster(tls=(server.certfile, server.keyfile), host="localhost") as cluster:
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers, security_protocol="SSL"))

    assert status == 1
    assert lines[-1].startswith("FAILED cluster: TLS: ")


def test_a_server_that_is_no_broker_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        status, lines = told(ProducerConfig(bootstrap_servers=f"127.0.0.1:{listener.getsockname()[1]}"))

    assert status == 1
    assert lines[-1].startswith("FAILED cluster: ")


def test_the_command_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        status = main(["check", "-b", cluster.bootstrap_servers, "orders"])

    assert status == 0
    assert "topic orders: 1 partition(s)" in capsys.readouterr().out


@needs_pty
def test_a_terminal_with_rich_shows_a_table_with_ticks_and_the_step_that_failed() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        servers = f"{cluster.bootstrap_servers},127.0.0.1:1"
        shown = on_terminal("check", "-b", servers, "orders", "missing", "--timeout", "1", columns=120)

    assert shown.status == 1
    last = shown.text[shown.text.rfind("┏") :]  # it was drawn anew with each row
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in last.splitlines() if "│" in line]
    assert [row[:3] for row in rows if row[0]] == [
        ["✓", f"bootstrap {cluster.bootstrap_servers}", "name, TCP"],
        ["✗", "bootstrap 127.0.0.1:1", "TCP"],
        ["✓", "cluster", "versions, metadata"],
        ["✓", "topic orders", "topic, rights"],
        ["✗", "topic missing", "topic"],
    ]


@needs_pty
@pytest.mark.parametrize("options", [{"has_rich": False}, {"columns": 40}, {"environment": {"TERM": "dumb"}}])
def test_other_terminals_show_lines(options: dict[str, Any]) -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        shown = on_terminal("check", "-b", cluster.bootstrap_servers, "orders", **options)

    assert shown.status == 0
    assert [line.split()[0] for line in shown.text.splitlines()] == ["ok", "ok", "ok"]
    assert "\x1b" not in shown.raw


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "inf", "soon"])
def test_a_timeout_is_a_number_of_seconds(timeout: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--timeout", timeout])

    assert ended.value.code == 2
    assert "invalid seconds value" in capsys.readouterr().err


Arrange = Callable[[FakeCluster], object]


@pytest.mark.parametrize(
    ("arrange", "options", "place"),
    [
        (None, {"security_protocol": "SSL"}, "TLS"),
        (None, LOGIN, "SASL"),
        (lambda cluster: cluster.on(ApiKey.API_VERSIONS).never_answer(times=ALWAYS), {}, "versions"),
        (
            lambda cluster: cluster.on(ApiKey.API_VERSIONS).fail(ErrorCode.UNSUPPORTED_VERSION, times=ALWAYS),
            {},
            "versions",
        ),
        (lambda cluster: cluster.on(ApiKey.METADATA).never_answer(times=ALWAYS), {}, "metadata"),
    ],
    ids=["TLS to a plain port", "login where nobody wants one", "silence", "refused versions", "silent metadata"],
)
def test_the_step_that_fails_is_named(arrange: Arrange | None, options: dict[str, Any], place: str) -> None:
    with FakeCluster() as cluster:
        if arrange is not None:
            arrange(cluster)
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers, **options))

    assert status == 1
    assert lines[-1].startswith(f"FAILED cluster: {place}: "), lines


def test_no_login_where_one_is_wanted_is_a_matter_of_sasl() -> None:
    with FakeCluster(sasl={"shop": "right"}) as cluster:
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers))

    assert status == 1
    assert lines[-1].startswith("FAILED cluster: SASL: ")


def test_a_topic_that_is_not_for_this_client_is_a_matter_of_rights() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        cluster.on(ApiKey.METADATA, topic="orders").fail(ErrorCode.TOPIC_AUTHORIZATION_FAILED, times=ALWAYS)
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers), "orders")

    assert status == 1
    assert lines[-1].startswith("FAILED topic orders: rights: "), lines


def test_what_is_told_is_not_logged_as_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dekaf", "check", "-b", "127.0.0.1:1"], capture_output=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_backend_without_kafka_cannot_be_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEKAF_BACKEND", "memory")
    with pytest.raises(SystemExit) as ended:
        main(["check"])

    assert ended.value.code == 2
    assert "backend='memory' is no Kafka to connect to" in capsys.readouterr().err


def test_a_topic_that_may_be_seen_and_not_written_to_is_a_matter_of_rights() -> None:
    with FakeCluster(topics={"orders": 1}) as cluster:
        cluster.create_topic("audit", 1, TopicSettings(is_writable=False))
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers), "orders", "audit")

    assert status == 1
    assert lines[-2].startswith("ok     topic orders: 1 partition(s), ")
    assert lines[-1].startswith("FAILED topic audit: rights: This client may see the topic, and not write to it")


def test_rights_that_an_old_cluster_does_not_tell_are_not_promised() -> None:
    with FakeCluster(topics={"orders": 1}, kafka="2.1") as cluster:
        status, lines = told(ProducerConfig(bootstrap_servers=cluster.bootstrap_servers), "orders")

    assert status == 0
    assert "which the cluster does not say whether it may be written to" in lines[-1]
