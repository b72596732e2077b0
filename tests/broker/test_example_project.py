"""The shop on a real Kafka: its demo, its shutdown under load, and its life while Kafka is away."""

from __future__ import annotations

import json
import signal
import time

import pytest

from example_project.tests.demo_run import SERVERS, is_gone, process_groups_in, run_demo
from tests.broker.web_servers import Kind, Load, Server, StartServer
from tests.conftest import ReadBack
from tests.kafka import ConsumedRecord, KafkaCluster
from tests.kafka.ports import free_ports

ANSWERS_BEFORE_THE_END = 300
LINGER_MS = 15_000  # what nobody waits for is left to the drain

# The paths: where an order is confirmed when Kafka has it, and where it is merely accepted.
SHOPS = {
    "FastAPI": Kind(
        ("uvicorn", "--factory", "example_project.fastapi_shop.app:create_app"),
        ("/orders", "/orders/express"),
        -signal.SIGTERM,
    ),
    "Django under uvicorn": Kind(
        ("uvicorn", "example_project.django_shop.asgi:application"), ("/orders", "/orders/express"), -signal.SIGTERM
    ),
    "Django under gunicorn": Kind(
        (
            *("gunicorn", "--preload", "-k", "gthread", "--threads", "4", "-w", "2"),
            "example_project.django_shop.wsgi:application",
        ),
        ("/orders/sync", "/orders/express"),
        0,
    ),
}


def test_every_order_of_the_demo_is_read_back_from_a_real_kafka(kafka_cluster: KafkaCluster) -> None:
    demo = run_demo(bootstrap_servers=kafka_cluster.bootstrap_servers)

    assert demo.exit_code == 0, demo.output + demo.errors
    assert demo.errors == ""
    assert demo.orders_read_back == 9
    assert demo.drain_reports >= SERVERS
    servers = process_groups_in(demo.output)
    assert len(servers) == SERVERS
    assert all(is_gone(server) for server in servers)


@pytest.mark.parametrize("name", SHOPS)
def test_whatever_the_shop_answered_for_before_it_was_told_to_stop_is_in_kafka(
    kafka_cluster: KafkaCluster, topic: str, read_back: ReadBack, start_server: StartServer, name: str
) -> None:
    """Orders confirmed, orders accepted and items looked at, in turn."""
    shop = start_server(
        SHOPS[name],
        DEKAF_BOOTSTRAP_SERVERS=kafka_cluster.bootstrap_servers,
        DEKAF_LINGER_MS=str(LINGER_MS),
        SHOP_ORDERS_TOPIC=topic,
        SHOP_VIEWS_TOPIC=topic,
    )

    with Load(lambda number: visit(shop, number), enough=ANSWERS_BEFORE_THE_END) as load:
        assert load.enough.wait(60), shop.log()
        shop.tell_to_stop()
    code = shop.wait()

    assert code == SHOPS[name].exit_code, shop.log()
    delivered = [number_of(record) for record in read_back(topic, len(load.answered))]
    assert set(load.answered) <= set(delivered), shop.log()
    assert len(delivered) == len(set(delivered))


@pytest.mark.parametrize("name", SHOPS)
def test_without_kafka_the_shop_opens_and_answers_and_closes(start_server: StartServer, name: str) -> None:
    (nobody,) = free_ports(1)
    # What was accepted has its time; closing gives it less.
    limits = {"DEKAF_PRODUCE_TIMEOUT_MS": "500", "DEKAF_CLOSE_TIMEOUT_MS": "1000"}
    shop = start_server(SHOPS[name], DEKAF_BOOTSTRAP_SERVERS=f"127.0.0.1:{nobody}", **limits)
    confirmed, accepted = SHOPS[name].paths

    assert shop.get("/items/decaf?customer=1") == 200, shop.log()
    assert shop.post(accepted, order(2)) == 202, shop.log()
    assert shop.post(confirmed, order(3)) == 503, shop.log()
    told = time.monotonic()
    shop.tell_to_stop()
    code = shop.wait()
    took = time.monotonic() - told

    assert code == SHOPS[name].exit_code, shop.log()
    assert took < 2 + 3.5, shop.log()  # the two that were accepted; the rest is the server's, on a busy machine


def visit(shop: Server, number: int) -> int:
    """Ask for something in the shop; every message that comes of it bears the number."""
    if number % 3 == 2:
        return shop.get(f"/items/espresso?customer={number}")
    return shop.post(shop.kind.paths[number % 3], order(number))


def order(number: int) -> dict[str, object]:
    return {"order_id": str(number), "customer": "ada", "item": "flat-white", "quantity": 1}


def number_of(record: ConsumedRecord) -> int:
    event = json.loads(record.value or b"")
    return int(event.get("order_id", event["customer"]))
