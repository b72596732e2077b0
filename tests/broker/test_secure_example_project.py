"""The shop on a secured Kafka, configured by variables and files of secrets alone, as its reader would do it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from example_project.tests.demo_run import SERVERS, run_demo
from tests.broker.test_example_project import SHOPS, number_of, order
from tests.broker.web_servers import StartServer
from tests.kafka.read_back import read_back
from tests.kafka.secure_cluster import SecureCluster
from tests.kafka.users import USERS

ORDERS = 4
SECRETS = {"FastAPI": "SHOP_SECRETS_DIR", "Django under uvicorn": "SHOP_SASL_PASSWORD_FILE"}


@pytest.fixture
def topic(secure_cluster: SecureCluster) -> str:
    """Create a topic, and return its name."""
    name = f"shop-{uuid.uuid4().hex[:12]}"
    secure_cluster.create_topic(name)
    return name


@pytest.fixture
def login(secure_cluster: SecureCluster) -> dict[str, str]:
    """Return the variables that a newcomer sets, the password aside."""
    return {
        "DEKAF_BOOTSTRAP_SERVERS": secure_cluster.servers("SASL_SSL"),
        "DEKAF_SECURITY_PROTOCOL": "SASL_SSL",
        "DEKAF_SSL_CAFILE": str(secure_cluster.authority.cafile),
        "DEKAF_SASL_MECHANISM": "SCRAM-SHA-512",
        "DEKAF_SASL_USERNAME": "alice",
    }


def test_the_demo_reads_every_order_back_from_a_secured_kafka(login: dict[str, str]) -> None:
    demo = run_demo(variables={**login, "DEKAF_SASL_PASSWORD": USERS["alice"]})

    assert demo.exit_code == 0, demo.output + demo.errors
    assert demo.errors == ""
    assert demo.orders_read_back == 9
    assert demo.drain_reports >= SERVERS
    assert USERS["alice"] not in demo.output


def test_the_demo_with_a_certificate_as_text(secure_cluster: SecureCluster) -> None:
    client = secure_cluster.authority.client("alice")
    variables = {
        "DEKAF_BOOTSTRAP_SERVERS": secure_cluster.servers("MTLS"),
        "DEKAF_SECURITY_PROTOCOL": "SSL",
        "DEKAF_SSL_CAFILE": secure_cluster.authority.cafile.read_text(),
        "DEKAF_SSL_CERTFILE": client.certfile.read_text(),
        "DEKAF_SSL_KEYFILE": client.keyfile.read_text(),
    }

    demo = run_demo(variables=variables)

    assert demo.exit_code == 0, demo.output + demo.errors
    assert demo.orders_read_back == 9


def test_the_demo_says_in_dekafs_words_what_is_wrong(login: dict[str, str]) -> None:
    demo = run_demo(variables={**login, "DEKAF_SASL_PASSWORD": "not-this-one"})

    assert demo.exit_code == 1
    assert "refused the password of user 'alice' (SCRAM-SHA-512): check sasl_username" in demo.errors
    assert "Traceback" not in demo.errors
    assert "not-this-one" not in demo.errors


@pytest.mark.parametrize("name", SHOPS)
def test_servers_are_let_in_by_variables_alone(
    secure_cluster: SecureCluster, topic: str, start_server: StartServer, login: dict[str, str], name: str
) -> None:
    variables = {**login, "DEKAF_SASL_PASSWORD": USERS["alice"]}
    assert_orders_arrive(secure_cluster, topic, start_server, name, variables)


@pytest.mark.parametrize("name", SECRETS)
def test_the_password_may_be_in_a_file(
    secure_cluster: SecureCluster,
    topic: str,
    start_server: StartServer,
    login: dict[str, str],
    name: str,
    tmp_path: Path,
) -> None:
    file = tmp_path / "DEKAF_SASL_PASSWORD"
    file.write_text(f"{USERS['alice']}\n", encoding="utf-8")
    where = tmp_path if SECRETS[name] == "SHOP_SECRETS_DIR" else file
    assert_orders_arrive(secure_cluster, topic, start_server, name, {**login, SECRETS[name]: str(where)})


def assert_orders_arrive(
    cluster: SecureCluster, topic: str, start_server: StartServer, name: str, variables: dict[str, str]
) -> None:
    """Order confirmed and accepted, end the server, and read everything back."""
    shop = start_server(SHOPS[name], **variables, SHOP_ORDERS_TOPIC=topic, SHOP_VIEWS_TOPIC=topic)
    for number in range(ORDERS):
        assert shop.post(SHOPS[name].paths[number % 2], order(number)) in {201, 202}, shop.log()
    shop.tell_to_stop()

    assert shop.wait() == SHOPS[name].exit_code, shop.log()
    records = read_back(cluster.bootstrap_servers, topic, ORDERS)
    assert sorted(number_of(record) for record in records) == list(range(ORDERS))
    assert USERS["alice"] not in shop.log()
