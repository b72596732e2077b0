"""What the demo shows, in the order it shows it. Each step says what it saw, or fails with a sentence."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Final

from example_project.demo.broker import Kafka, open_kafka
from example_project.demo.consumer import Reader, Record
from example_project.demo.failure import DemoError
from example_project.demo.interruption import Interruption
from example_project.demo.printing import Printer
from example_project.demo.security import options_for_confluent, security_variables
from example_project.demo.servers import ALL_SERVERS, Server, running_servers
from example_project.demo.shopping import Customers, PlacedOrder

READ_SECONDS: Final = 10

# What nobody waits for may linger this long for company. Far longer than anybody would choose: so whatever was fired is
# still in the application's memory when SIGTERM comes, and only a drain can deliver it.
LINGER_MS: Final = 15_000


def tell(printer: Printer, interruption: Interruption, *, verbose: bool) -> None:
    """Run the whole demo.

    Raises:
        DemoError: something is missing or not as it should be.
    """
    started = time.monotonic()
    printer.title("A coffee shop in FastAPI and in Django, and one Kafka")
    printer.section("Start Kafka and the servers")
    with open_kafka() as kafka, tempfile.TemporaryDirectory(prefix="dekaf-demo-") as folder:
        printer.row("Kafka", (first_of(kafka.bootstrap_servers), 22), (kafka.description, 0))
        environment = environment_of_servers(kafka, folder)
        log = printer.log_line if verbose else lambda *_: None
        with (
            running_servers(ALL_SERVERS, environment, interruption, log) as servers,
            Reader(kafka.bootstrap_servers, kafka.topics, options_for_confluent() if kafka.is_yours else {}) as reader,
        ):
            Demo(printer, kafka, servers, reader).run()
    printer.success(f"All there: every order once, as it was placed. {time.monotonic() - started:.1f} s")


def environment_of_servers(kafka: Kafka, folder: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DEKAF_", "DJANGO_"))}
    security = security_variables() if kafka.is_yours else {}  # the demo's own Kafka wants none of it
    return (
        inherited
        | security
        | {
            "DEKAF_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "DEKAF_LINGER_MS": str(LINGER_MS),
            "SHOP_ORDERS_TOPIC": kafka.orders_topic,
            "SHOP_VIEWS_TOPIC": kafka.views_topic,
            "XDG_RUNTIME_DIR": folder,  # gunicorn's control socket goes there
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",  # the logs are read by a program
        }
    )


class Demo:
    """The steps, and what they hand on to each other."""

    def __init__(self, printer: Printer, kafka: Kafka, servers: list[Server], reader: Reader) -> None:
        self._printer = printer
        self._kafka = kafka
        self._servers = servers
        self._reader = reader
        self._customers = Customers()

    def run(self) -> None:
        for server in self._servers:
            place = f"process {server.pid}, after {server.seconds_to_start:.1f} s"
            self._printer.row(server.spec.title, (server.url, 22), (place, 0))
        awaited = self._place_orders()
        fired = self._order_in_the_last_moment()
        self._end_servers()
        self._read_what_was_drained(fired)
        self._count_everything(len(awaited) + len(fired))

    def _place_orders(self) -> list[PlacedOrder]:
        self._printer.section("Order over HTTP; read back with another client")
        placed = [order for server in self._servers for order in self._customers.visit(server)]
        self._wait_for(placed, "was answered with 201, but")
        self._printer.note(f"topic {self._kafka.orders_topic}")
        for order in placed:
            record = self._check(order)
            self._printer.row(
                order.server.spec.title,
                (f"{order.order.order_id}, {order.view}", 23),
                (f"answered {order.status} in {order.elapsed_ms:3.0f} ms:", 22),
                (place_of(order.answer["partition"], order.answer["offset"]), 0),
            )
            self._show(record, "read back:")
        return placed

    def _order_in_the_last_moment(self) -> list[PlacedOrder]:
        self._printer.section("Order with fire, and end the servers at once (SIGTERM)")
        self._printer.note(
            f"Nobody waits for these, so they may linger: {LINGER_MS // 1000} s, to show what a shutdown does."
        )
        before = self._reader.count_in_log(self._kafka.orders_topic)
        fired = [self._customers.order_in_the_last_moment(server) for server in self._servers]
        after = self._reader.count_in_log(self._kafka.orders_topic)
        where = "not in Kafka yet" if after == before else f"{after - before} of {len(fired)} in Kafka already"
        for order in fired:
            self._printer.row(
                order.server.spec.title,
                (f"{order.order.order_id}, {order.view}", 23),
                (f"answered {order.status} in {order.elapsed_ms:3.0f} ms;", 22),
                (where, 0),
            )
        return fired

    def _end_servers(self) -> None:
        for server in self._servers:
            server.ask_to_end()
        for server in self._servers:
            server.wait_for_its_end()
        self._printer.note("what each of their processes logged about it:")
        for server in self._servers:
            for report in server.drain_reports():
                self._printer.row(server.spec.title, (report.line, 0))

    def _read_what_was_drained(self, fired: list[PlacedOrder]) -> None:
        self._printer.section("Read back what the servers delivered on their way out")
        self._wait_for(fired, "was accepted and its server ended properly, but")
        for order in fired:
            self._show(self._check(order), f"{order.order.order_id}:", order.server.spec.title)

    def _count_everything(self, orders: int) -> None:
        expected = {self._kafka.orders_topic: orders, self._kafka.views_topic: self._customers.views}
        for topic, wanted in expected.items():
            there = self._reader.count_in_log(topic)
            if there != wanted:
                raise DemoError(f"{topic} should hold {wanted} records, but Kafka counts {there}")
        self._printer.checked("Altogether", (f"{orders} orders, {self._customers.views} views of items in Kafka", 0))

    def _wait_for(self, orders: list[PlacedOrder], what: str) -> None:
        def are_there(records: list[Record]) -> bool:
            return all(order.find_in(records) for order in orders)

        if not self._reader.read_until(are_there, timeout=READ_SECONDS):
            missing = next(order for order in orders if not order.find_in(self._reader.records))
            raise DemoError(
                f"{missing.order.order_id} of {missing.server.spec.title} {what} was not read back from "
                f"{self._kafka.orders_topic} within {READ_SECONDS} s. The end of the server's log:",
                missing.server.last_lines(),
            )

    def _check(self, order: PlacedOrder) -> Record:
        record = order.find_in(self._reader.records)
        if record is None:
            raise DemoError(f"{order.order.order_id} vanished")
        order.check(record, self._kafka.orders_topic)
        return record

    def _show(self, record: Record, what: str, label: str = "") -> None:
        self._printer.checked(
            label,
            (what, 23 if label else 47),
            (place_of(record.partition, record.offset), 22),
            (f"key {record.key.decode()}", 0),
        )
        self._printer.note(record.value.decode())


def place_of(partition: int, offset: int) -> str:
    return f"partition {partition}, offset {offset}"


def first_of(servers: str) -> str:
    return servers.partition(",")[0]
