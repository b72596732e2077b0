"""The demo notices when what is in Kafka is not what was ordered."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest

from example_project.demo.consumer import Record
from example_project.demo.failure import DemoError
from example_project.demo.servers import Server
from example_project.demo.shopping import PlacedOrder
from example_project.shop.events import Item, Order

ANYWHERE = cast("Server", None)  # not asked
ORDER = Order(order_id="order-1", customer="ada", item=Item.DECAF, quantity=2)
VALUE = b'{"order_id":"order-1","customer":"ada","item":"decaf","quantity":2,"total_cents":600}'
RECORD = Record(topic="orders", partition=1, offset=7, key=b"ada", value=VALUE)


def placed(**answer: Any) -> PlacedOrder:
    return PlacedOrder(
        server=ANYWHERE, view="", order=ORDER, status=201, answer={"order_id": "order-1", **answer}, elapsed_ms=1
    )


def test_what_is_as_it_was_answered_passes() -> None:
    placed(topic="orders", partition=1, offset=7).check(RECORD, "orders")
    placed().check(RECORD, "orders")  # a view that did not wait cannot tell the place


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("topic", {"topic": "others"}),
        ("key", {"key": b"grace"}),
        ("value", {"value": VALUE.replace(b"600", b"601")}),
        ("partition", {"partition": 2}),
        ("offset", {"offset": 8}),
    ],
)
def test_any_difference_is_a_failure_that_names_it(name: str, change: dict[str, Any]) -> None:
    order = placed(topic="orders", partition=1, offset=7)

    with pytest.raises(DemoError, match=f"the {name} of order-1 is .* but should be"):
        order.check(dataclasses.replace(RECORD, **change), "orders")


def test_an_order_is_found_by_its_id_among_anything() -> None:
    noise = [dataclasses.replace(RECORD, value=value) for value in (b"", b"no json", b"[]", b'{"order_id":"order-2"}')]

    assert placed().find_in([*noise, RECORD]) is RECORD
    assert placed().find_in(noise) is None


def test_an_order_that_is_there_twice_is_a_failure() -> None:
    with pytest.raises(DemoError, match="2 times"):
        placed().find_in([RECORD, dataclasses.replace(RECORD, offset=8)])
