"""`python -m example_project` with the Kafka it brings, and without any."""

from __future__ import annotations

import signal
import socket
import subprocess

import pytest

from example_project.tests.demo_run import (
    COMMAND,
    DEMO_SECONDS,
    ROOT,
    SERVERS,
    demo_environment,
    is_gone,
    process_groups_in,
    run_demo,
)

pytestmark = pytest.mark.timeout(2 * DEMO_SECONDS)


def test_every_order_is_read_back_from_the_mock_cluster_and_no_process_is_left() -> None:
    demo = run_demo()

    assert demo.exit_code == 0, demo.output + demo.errors
    assert demo.errors == ""
    assert demo.orders_read_back == 9
    assert demo.drain_reports >= SERVERS
    assert "All there" in demo.output
    servers = process_groups_in(demo.output)
    assert len(servers) == SERVERS
    assert all(is_gone(server) for server in servers)


def test_output_in_a_pipe_has_no_colours_and_verbose_adds_the_servers_logs() -> None:
    demo = run_demo("--verbose")

    assert demo.exit_code == 0, demo.output + demo.errors
    assert "\x1b[" not in demo.output
    assert "fastapi | " in demo.output
    assert "django-wsgi | " in demo.output


def test_a_kafka_that_does_not_answer_is_named_in_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        servers = f"127.0.0.1:{taken.getsockname()[1]}"

        demo = run_demo(bootstrap_servers=servers)

    assert demo.exit_code == 1
    assert f"no Kafka answered at {servers}" in demo.errors
    assert "Traceback" not in demo.errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(number: signal.Signals) -> None:
    with subprocess.Popen(
        COMMAND, cwd=ROOT, env=demo_environment(None), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        output = ""
        while len(process_groups_in(output)) < SERVERS and (line := demo.stdout.readline()):
            output += line
        demo.send_signal(number)
        rest, errors = demo.communicate(timeout=DEMO_SECONDS)

    assert demo.returncode == 128 + number, rest + errors
    assert "interrupted" in errors
    assert len(process_groups_in(output)) == SERVERS
    assert all(is_gone(server) for server in process_groups_in(output))
