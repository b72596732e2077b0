"""`python -m example_project shop` without Java, from its start to Ctrl-C."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from example_project.stand.opening import shops_at
from example_project.tests.demo_run import ROOT, demo_environment, is_gone
from example_project.tests.shop_run import OpenShop

NO_JAVA = {"PATH": "/nowhere", "JAVA_HOME": ""}

pytestmark = pytest.mark.timeout(240)


class Tab:
    """A browser's tab without the browser: it reads events, and orders."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60)
        self._numbers = itertools.count(1)
        self._streams = ExitStack()

    def order(self, path: str) -> tuple[int, str]:
        number = f"web-{self._client.base_url.port}-{next(self._numbers)}"
        order = {"order_id": number, "customer": "ada", "item": "decaf", "quantity": 1}
        return self._client.post(path, json=order).status_code, number

    def switch(self, what: str) -> int:
        return self._client.post(f"/kafka/{what}").status_code

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        answer = self._streams.enter_context(self._client.stream("GET", "/events"))
        return events_in(answer.iter_lines())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._streams.close()
        self._client.close()


def events_in(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_orders_of_both_shops_arrive_once_although_the_mock_cluster_is_stopped(tmp_path: Path) -> None:
    with OpenShop(tmp_path / "log", variables=NO_JAVA) as shop, ExitStack() as stack:
        assert "mock cluster, in memory (there is no `java`" in shop.output
        tabs = [stack.enter_context(Tab(url)) for url in (shop.fastapi, shop.django)]
        promised = {number for tab in tabs for status, number in [tab.order("/orders")] if status == 201}
        watcher = tabs[0].events()
        processes = {vitals_of(tab.events())["pid"] for tab in tabs}

        assert tabs[1].switch("stop") == 202
        wait_for(watcher, lambda name, data: name == "state" and data["kafka"] == "stopped")
        assert tabs[0].switch("stop") == 409
        for tab in tabs:
            status, number = tab.order("/orders/express")
            assert status == 202
            promised.add(number)
            wait_for(tab.events(), lambda name, data: name == "vitals" and (data["unavailable_for"] or 0) > 1.5)
            status, number = tab.order("/orders")
            assert status == 503
        assert tabs[0].switch("start") == 202
        arrived = arrivals_until(tabs[1].events(), len(promised))

        assert len(promised) == 4
        assert sorted(arrived) == sorted(promised)
        assert shop.close() == 0, shop.output
        assert "Closed. Nothing is left running." in shop.output
        assert all(is_gone(process) for process in processes)


def wait_for(events: Iterator[tuple[str, dict[str, Any]]], is_it: Any) -> dict[str, Any]:
    return next(data for name, data in events if is_it(name, data))


def vitals_of(events: Iterator[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    return wait_for(events, lambda name, _: name == "vitals")


def arrivals_until(events: Iterator[tuple[str, dict[str, Any]]], count: int) -> list[str]:
    arrived: list[str] = []
    for name, data in events:
        if name in {"arrivals", "history"}:
            arrived.extend(one["order_id"] for one in data["arrivals"])
        if len(arrived) >= count:
            break
    return arrived


def test_sigterm_ends_everything_too_even_while_kafka_is_stopped(tmp_path: Path) -> None:
    with OpenShop(tmp_path / "log", variables=NO_JAVA) as shop, Tab(shop.django) as tab:
        process = vitals_of(tab.events())["pid"]
        tab.switch("stop")

        assert shop.close(signal.SIGTERM) == 0, shop.output
        assert is_gone(process)
        port = int(re.findall(r"Kafka +127\.0\.0\.1:(\d+)", shop.output)[0])
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def first_of_two_free_ports() -> int:
    """Return a port that is free, as is the next: below those that systems give to whoever asks for any."""
    for port in range(15_000 + os.getpid() % 1_000 * 10, 30_000, 2):
        with contextlib.suppress(OSError), ExitStack() as both:
            for number in (port, port + 1):
                both.enter_context(socket.create_server(("127.0.0.1", number)))
            return port
    raise AssertionError("no two ports in a row are free")


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_that_is_taken_is_named_with_what_to_do(which: int) -> None:
    port = first_of_two_free_ports()
    with socket.create_server(("127.0.0.1", port + which)):
        done = subprocess.run(
            (sys.executable, "-m", "example_project", "shop", "--port", str(port)),
            cwd=ROOT,
            env={**demo_environment(None), **NO_JAVA},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert f"The shop failed: port {port + which} is taken" in done.stderr
    assert f"make shop PORT={port + 100}" in done.stderr
    assert "Traceback" not in done.stderr


def test_shops_have_two_ports_in_a_row_on_this_machine_alone() -> None:
    fastapi, django = (" ".join(spec.command) for spec in shops_at(8000))

    assert "--host 127.0.0.1 --port 8000 " in fastapi
    assert "--host 127.0.0.1 --port 8001 " in django
    assert all("--port 0 " in " ".join(spec.command) for spec in shops_at(0))


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_lists_the_shop() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)

    assert re.search(r"^make shop +open two shops", listed.stdout, re.MULTILINE)
