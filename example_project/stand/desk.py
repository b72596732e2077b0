"""Where the shops' processes ask the stand: a socket in a folder of this user's, one question for each connection.

A question is a line, `watch`, `stop` or `start`. The answer to `watch` is a line of JSON for each event until the stand
ends; to the others it is one line, which says whether that is being done.
"""

from __future__ import annotations

import json
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from example_project.demo.failure import DemoError
from example_project.stand.board import Board, KafkaState
from example_project.stand.kafka import Stoppable

ENDED: Final = "Kafka's process has ended without this page: killed from outside, maybe. Start it again."


class Switch:
    """Stops Kafka and starts it again, each in a thread, so that who asked need not wait; the board tells the rest."""

    def __init__(self, board: Board, stoppable: Stoppable | None) -> None:
        self._board = board
        self._stoppable = stoppable
        self._working: threading.Thread | None = None

    def ask(self, what: str) -> dict[str, str]:
        """Begin to stop or to start Kafka, and say so; or say why not, under `refused`."""
        if self._stoppable is None:
            return {"refused": "This Kafka is yours: the page does not stop it."}
        if what == "stop":
            before, meanwhile, after = KafkaState.RUNNING, KafkaState.STOPPING, KafkaState.STOPPED
            action = self._stoppable.stop
        else:
            before, meanwhile, after = KafkaState.STOPPED, KafkaState.STARTING, KafkaState.RUNNING
            action = self._stoppable.start
        if not self._board.switch(before, meanwhile):
            return {"refused": f"Kafka is {self._board.kafka_state} at the moment."}

        def work() -> None:
            try:
                action()
            except (DemoError, OSError, subprocess.SubprocessError) as error:
                self._board.tell(kafka=KafkaState.STOPPED, trouble=str(error))
            else:
                self._board.tell(kafka=after)

        self._working = threading.Thread(target=work, name=f"{what}s Kafka", daemon=True)
        self._working.start()
        return {"kafka": meanwhile}

    def look(self) -> None:
        """Notice a Kafka that somebody else has ended: it is stopped then, and can be started again."""
        if self._stoppable is None or self._board.kafka_state is not KafkaState.RUNNING or self._stoppable.is_there():
            return
        if self._board.switch(KafkaState.RUNNING, KafkaState.STOPPED):
            self._board.tell(trouble=ENDED)

    def finish(self) -> None:
        """Wait for what was begun: a process that starts just now must not be left behind."""
        if self._working is not None:
            self._working.join()


class Desk(socketserver.ThreadingUnixStreamServer):
    """Answers each connection in a thread."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: Path, board: Board, switch: Switch) -> None:
        self.board = board
        self.switch = switch
        super().__init__(str(path), Answering)


class Answering(socketserver.StreamRequestHandler):
    """One question."""

    server: Desk

    def handle(self) -> None:
        question = self.rfile.readline().decode().strip()
        with suppress(OSError):  # who asked has gone: a page was closed
            if question == "watch":
                self._watch()
            elif question in ("stop", "start"):
                self._say(self.server.switch.ask(question))

    def _watch(self) -> None:
        with self.server.board.watching() as events:
            for event in events:
                self._say(event)

    def _say(self, what: object) -> None:
        self.wfile.write(json.dumps(what).encode() + b"\n")


@contextmanager
def open_desk(path: Path, board: Board, switch: Switch) -> Iterator[None]:
    """Answer until the end of the block; everybody who watches comes to an end with it."""
    with Desk(path, board, switch) as desk:
        serving = threading.Thread(target=desk.serve_forever, args=(0.1,), name="desk")
        serving.start()
        try:
            yield
        finally:
            board.close()
            desk.shutdown()
            serving.join()
            switch.finish()
