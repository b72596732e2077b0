"""Open the shops, say where they are, and keep them open until Ctrl-C."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interruption
from example_project.demo.printing import Printer
from example_project.demo.security import security_variables
from example_project.demo.servers import UVICORN, Server, ServerSpec, running_servers
from example_project.stand.board import Board
from example_project.stand.desk import Switch, open_desk
from example_project.stand.kafka import ShopKafka, running_kafka

FIRST_PORT: Final = 8000
LOOK_SECONDS: Final = 0.5  # between looks at whether the servers are still there

# What suits a page on which somebody stops Kafka and looks at what happens, and nothing else.
SHOP_OPTIONS: Final = {
    "DEKAF_UNAVAILABLE_AFTER_MS": "1000",  # the fast "no" comes a second after Kafka has gone
    "DEKAF_DELIVERY_TIMEOUT_MS": "3600000",  # an outage may be as long as a cup of coffee: nothing expires meanwhile
    "DEKAF_BUFFER_MEMORY": "262144",  # a buffer that can be seen filling, and filled
    "DEKAF_CLOSE_TIMEOUT_MS": "2000",
}
SERVING: Final = (*UVICORN[:-1],)  # up to the port
QUIETLY: Final = ("--no-access-log", "--timeout-graceful-shutdown", "3")


def shops_at(port: int) -> tuple[ServerSpec, ServerSpec]:
    """Return how to run both shops with their page: at a port and the next one; at free ones, if it is 0."""
    next_port = port + 1 if port else 0
    return (
        ServerSpec(
            name="fastapi",
            title="FastAPI",
            command=(*SERVING, str(port), *QUIETLY, "--factory", "example_project.page.fastapi_page:create_app"),
        ),
        ServerSpec(
            name="django",
            title="Django",
            command=(*SERVING, str(next_port), *QUIETLY, "example_project.page.django_page:application"),
        ),
    )


def keep_open(printer: Printer, interruption: Interruption, *, port: int, verbose: bool) -> None:
    """Start everything and keep it until a signal comes, which is raised here.

    Raises:
        DemoError: a port is taken, Kafka does not start, or a shop ended by itself.
        Interrupted: the signal; by then everything has ended.
    """
    check_ports(port)
    board = Board()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dekaf-shop-")))
        printer.title("Two coffee shops, FastAPI and Django, and one Kafka")
        printer.note("starting Kafka and both servers; a few seconds")
        kafka = stack.enter_context(running_kafka(board, interruption))
        specs = shops_at(port)
        environment = environment_of_shops(kafka, folder / "desk")
        log = printer.log_line if verbose else lambda *_: None
        servers = stack.enter_context(running_servers(specs, environment, interruption, log))
        stack.callback(end, servers)
        # Last, so that it ends first: the pages' streams come to an end, and the servers can, too.
        switch = Switch(board, kafka.switch)
        stack.enter_context(open_desk(folder / "desk", board, switch))
        board.tell(
            run=folder.name,
            description=kafka.description,
            reader=kafka.reader,
            topic=kafka.orders_topic,
            can_stop=kafka.switch is not None,
            shops=[{"name": one.spec.name, "title": one.spec.title, "url": one.url} for one in servers],
        )
        show(printer, kafka, servers)
        watch_over(servers, switch)


def end(servers: Sequence[Server]) -> None:
    """Let the servers end in good order: they deliver what was fired a moment ago."""
    for server in servers:
        server.ask_to_end()
    for server in servers:
        with suppress(DemoError):  # it goes on; it will be ended all the same
            server.wait_for_its_end()


def check_ports(port: int) -> None:
    """Make sure that nobody listens where the shops shall.

    Raises:
        DemoError: somebody does; it says what to do.
    """
    for wanted in (port, port + 1) if port else ():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does: one that was closed is free
            try:
                probe.bind(("127.0.0.1", wanted))
            except (OSError, OverflowError) as error:
                raise DemoError(
                    f"port {wanted} is taken: something listens there already. The shops want two ports in a row; "
                    f"`make shop PORT={port + 100}` takes others."
                ) from error


def environment_of_shops(kafka: ShopKafka, desk: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DEKAF_", "DJANGO_"))}
    security = security_variables() if kafka.switch is None else {}  # a Kafka of the stand's own wants none of it
    own: Mapping[str, str] = {
        "DEKAF_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "DJANGO_SETTINGS_MODULE": "example_project.page.django_settings",
        "SHOP_ORDERS_TOPIC": kafka.orders_topic,
        "SHOP_VIEWS_TOPIC": kafka.views_topic,
        "SHOP_DESK": str(desk),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",  # the logs are read by a program
    }
    return {**inherited, **security, **SHOP_OPTIONS, **kafka.environment, **own}


def show(printer: Printer, kafka: ShopKafka, servers: Sequence[Server]) -> None:
    printer.title("Open in a browser")
    for server in servers:
        printer.row(server.spec.title, (f"{server.url}/", 0))
    printer.row("Kafka", (kafka.bootstrap_servers, 0))
    printer.note(f"{kafka.description}.")
    if kafka.switch is None:
        printer.note("It is yours: the page does not stop it, and removes its topics in the end.")
    printer.note("Ctrl-C ends everything.")


def watch_over(servers: Sequence[Server], switch: Switch) -> None:
    """Stay until a shop ends by itself, and notice a Kafka that does; a signal is raised from here.

    Raises:
        DemoError: one has ended.
    """
    while True:
        for server in servers:
            if server.has_ended:
                raise DemoError(f"{server.spec.title} ended by itself. The end of its log:", server.last_lines())
        switch.look()
        time.sleep(LOOK_SECONDS)
