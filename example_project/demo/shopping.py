"""Place orders over HTTP, as customers do, and remember what the shop answered."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any, Final, cast

import httpx

from example_project.demo.consumer import Record
from example_project.demo.failure import DemoError
from example_project.demo.servers import DJANGO_ASGI, DJANGO_WSGI, FASTAPI, Server
from example_project.shop.events import PRICES_CENTS, Item, Order

HTTP_SECONDS: Final = 15

# Per server: the kind of view, its path, who orders what.
VISITS: Final = {
    FASTAPI.name: (
        ("async endpoint", "/orders", "ada", Item.ESPRESSO, 2),
        ("async endpoint", "/orders", "grace", Item.DECAF, 1),
    ),
    DJANGO_ASGI.name: (
        ("async view", "/orders", "ada", Item.FLAT_WHITE, 1),
        ("sync view", "/orders/sync", "linus", Item.ESPRESSO, 3),
    ),
    DJANGO_WSGI.name: (
        ("sync view", "/orders/sync", "grace", Item.FLAT_WHITE, 2),
        ("async view", "/orders", "linus", Item.DECAF, 4),
    ),
}
LAST_CUSTOMER: Final = "edsger"


@dataclass(frozen=True, kw_only=True)
class PlacedOrder:
    """An order, and what the shop answered: its place in Kafka, if the view waited for it."""

    server: Server
    view: str
    order: Order
    status: int
    answer: dict[str, Any]
    elapsed_ms: float

    def find_in(self, records: list[Record]) -> Record | None:
        """Find this order among what was read back.

        Raises:
            DemoError: it is there twice.
        """
        found = [record for record in records if order_id_in(record) == self.order.order_id]
        if len(found) > 1:
            raise DemoError(f"order {self.order.order_id} is in Kafka {len(found)} times")
        return found[0] if found else None

    def check(self, record: Record, topic: str) -> None:
        """Compare a record with what was ordered and, if the shop said so, where it should be.

        Raises:
            DemoError: something differs.
        """
        total_cents = PRICES_CENTS[self.order.item] * self.order.quantity
        expected = {
            "topic": topic,
            "key": self.order.customer,
            "value": {**self.order.model_dump(mode="json"), "total_cents": total_cents},
            **{name: told for name, told in self.answer.items() if name != "order_id"},
        }
        for name, value in expected.items():
            seen = seen_in(record, name)
            if seen != value:
                raise DemoError(f"the {name} of {self.order.order_id} is {seen!r} in Kafka, but should be {value!r}")


class Customers:
    """Everybody who visits the shops, one after the other."""

    def __init__(self) -> None:
        self.views = 0
        self._orders = 0

    def visit(self, server: Server) -> list[PlacedOrder]:
        """Look at items and order them, with each kind of view; the answers wait for Kafka."""
        with httpx.Client(base_url=server.url, timeout=HTTP_SECONDS) as client:
            placed = []
            for view, path, customer, item, quantity in VISITS[server.spec.name]:
                expect(server, call(server, client, "GET", f"/items/{item}?customer={customer}"), 200)
                self.views += 1
                placed.append(self._order(server, client, view, path, self._new_order(customer, item, quantity)))
        return placed

    def order_in_the_last_moment(self, server: Server) -> PlacedOrder:
        """Order from a view that does not wait for Kafka."""
        order = self._new_order(LAST_CUSTOMER, Item.DECAF, 1)
        with httpx.Client(base_url=server.url, timeout=HTTP_SECONDS) as client:
            return self._order(server, client, "fire", "/orders/express", order, expected=202)

    def _new_order(self, customer: str, item: Item, quantity: int) -> Order:
        self._orders += 1
        return Order(order_id=f"order-{self._orders}", customer=customer, item=item, quantity=quantity)

    def _order(  # an order, and how to place it
        self, server: Server, client: httpx.Client, view: str, path: str, order: Order, *, expected: int = 201
    ) -> PlacedOrder:
        started = time.perf_counter()
        response = call(server, client, "POST", path, order)
        elapsed_ms = (time.perf_counter() - started) * 1000
        expect(server, response, expected)
        return PlacedOrder(
            server=server,
            view=view,
            order=order,
            status=response.status_code,
            answer=response.json(),
            elapsed_ms=elapsed_ms,
        )


def call(server: Server, client: httpx.Client, method: str, path: str, order: Order | None = None) -> httpx.Response:
    try:
        return client.request(method, path, json=None if order is None else order.model_dump(mode="json"))
    except httpx.HTTPError as error:
        raise DemoError(
            f"{server.spec.title} did not answer {method} {path}: {error!r}. The end of its log:", server.last_lines()
        ) from error


def expect(server: Server, response: httpx.Response, status: int) -> None:
    if response.status_code != status:
        request = response.request
        raise DemoError(
            f"{server.spec.title} answered {request.method} {request.url.path} with {response.status_code} instead of "
            f"{status}: {response.text[:200]}. The end of its log:",
            server.last_lines(),
        )


def seen_in(record: Record, name: str) -> object:
    match name:
        case "key":
            return record.key.decode(errors="replace")
        case "value":
            return cast("object", json.loads(record.value))
        case _:
            return cast("object", getattr(record, name))


def order_id_in(record: Record) -> str | None:
    try:
        value = json.loads(record.value)
    except ValueError:
        return None
    return value.get("order_id") if isinstance(value, dict) else None
