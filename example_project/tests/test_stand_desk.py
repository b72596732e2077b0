"""What a shop's process may ask the stand, over its socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from example_project.demo.failure import DemoError
from example_project.page.stand import VARIABLE, asked, switch_kafka
from example_project.stand.board import Board, Event, KafkaState
from example_project.stand.desk import Switch, open_desk
from example_project.stand.kafka import Stoppable


class FakeKafka:
    """One that stops when it is told to, and not before the test lets it."""

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.done: list[str] = []
        self.trouble = ""
        self.is_there = True

    def stop(self) -> None:
        assert self.may_go_on.wait(20)
        self.done.append("stopped")

    def start(self) -> None:
        if self.trouble:
            raise DemoError(self.trouble)
        self.done.append("started")


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


@pytest.fixture
def switch(board: Board, kafka: FakeKafka) -> Switch:
    return Switch(board, Stoppable(stop=kafka.stop, start=kafka.start, is_there=lambda: kafka.is_there))


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: Board, switch: Switch, kafka: FakeKafka
) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "desk"))
    with open_desk(tmp_path / "desk", board, switch):
        yield
        kafka.may_go_on.set()


def wait_for(events: Iterator[Event], state: KafkaState) -> Event:
    return next(event for event in events if event["event"] == "state" and event["kafka"] == state)


def ask(what: str) -> tuple[int, dict[str, str]]:
    return asyncio.run(switch_kafka(what))


@pytest.mark.usefixtures("desk")
def test_kafka_is_stopped_while_who_asked_goes_on_and_the_board_says_when(board: Board, kafka: FakeKafka) -> None:
    with board.watching() as events:
        assert ask("stop") == (202, {"kafka": "stopping"})
        assert ask("stop") == (409, {"detail": "Kafka is stopping at the moment."})
        assert ask("start") == (409, {"detail": "Kafka is stopping at the moment."})
        kafka.may_go_on.set()
        wait_for(events, KafkaState.STOPPED)
        assert ask("start") == (202, {"kafka": "starting"})
        wait_for(events, KafkaState.RUNNING)

    assert kafka.done == ["stopped", "started"]


@pytest.mark.usefixtures("desk")
def test_a_kafka_that_does_not_start_again_is_stopped_and_the_page_says_why(board: Board, kafka: FakeKafka) -> None:
    kafka.may_go_on.set()
    kafka.trouble = "no memory left"
    with board.watching() as events:
        ask("stop")
        wait_for(events, KafkaState.STOPPED)
        ask("start")
        wait_for(events, KafkaState.STARTING)

        assert wait_for(events, KafkaState.STOPPED)["trouble"] == "no memory left"

    kafka.trouble = ""
    assert ask("start")[0] == 202


def test_your_kafka_is_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: Board) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "desk"))
    with open_desk(tmp_path / "desk", board, Switch(board, None)):
        status, body = ask("stop")

    assert status == 409
    assert "yours" in body["detail"]
    assert board.kafka_state is KafkaState.RUNNING


def test_without_a_stand_the_shop_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nobody"))

    status, body = ask("stop")

    assert status == 503
    assert "make shop" in body["detail"]


@pytest.mark.usefixtures("desk")
def test_who_watches_hears_until_the_stand_closes(board: Board) -> None:
    async def watch() -> list[str]:
        heard = []
        async with asked("watch") as lines:
            async for line in lines:
                heard.append(json.loads(line)["event"])
                if heard == ["state", "history"]:
                    board.tell(trouble="a word")
                if len(heard) == 3:
                    board.close()
        return heard

    assert asyncio.run(watch()) == ["state", "history", "state"]


def test_a_kafka_that_was_killed_from_outside_is_shown_as_stopped_and_can_be_started(
    board: Board, switch: Switch, kafka: FakeKafka
) -> None:
    switch.look()
    assert board.kafka_state is KafkaState.RUNNING
    kafka.is_there = False
    switch.look()

    with board.watching() as events:
        assert "Start it again." in wait_for(events, KafkaState.STOPPED)["trouble"]
        assert switch.ask("start") == {"kafka": "starting"}
        switch.look()  # while it starts there is nothing to notice
        assert wait_for(events, KafkaState.RUNNING)["trouble"] == ""


def test_a_process_that_the_system_refuses_is_told_and_does_not_leave_the_page_waiting(board: Board) -> None:
    def refuse() -> None:
        raise OSError("no process can be started")

    board.tell(kafka=KafkaState.STOPPED)
    with board.watching() as events:
        Switch(board, Stoppable(stop=refuse, start=refuse, is_there=lambda: True)).ask("start")
        wait_for(events, KafkaState.STARTING)
        assert wait_for(events, KafkaState.STOPPED)["trouble"] == "no process can be started"
