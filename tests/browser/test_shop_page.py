"""Somebody visits both shops: orders, takes Kafka away, orders on, and brings it back."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from example_project.stand.kafka import ORDERS_TOPIC, VIEWS_TOPIC
from example_project.tests.demo_run import is_gone
from example_project.tests.shop_run import OpenShop
from tests.browser.conditions import IS_CI, PATIENCE_MS, find_chromium, need, why_no_browser
from tests.kafka import read_back

if not IS_CI:  # which has to run these tests: there, what is missing is an error
    pytest.importorskip("playwright", reason="Playwright is not installed: `nox -s browser` has an environment with it")

from confluent_kafka.admin import AdminClient
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.screenshots import Screenshots

LONGEST_NO_MS = 10_000  # fast is a few milliseconds; without the fast no it would be the two minutes of a produce
BURST = 50
ORDERED = 3  # before Kafka is stopped
FIRED = 2 * BURST + 1  # while it is
ACCEPTED = ORDERED + FIRED
SIZE = (1280, 800)
PHONE = (390, 844)


@dataclass
class Visit:
    """One tab, and what it saw."""

    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, url: str) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)

    def sees(self, name: str, text: str | re.Pattern[str]) -> None:
        expect(self.page.locator(f"#{name}")).to_have_text(text)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()

    def orders(self, button: str, coffee: str) -> None:
        self.page.get_by_label(coffee).check(force=True)
        self.press(button)

    def last_order(self, state: str) -> str:
        """Wait until the newest order is in a state, and return what is shown of it."""
        row = self.page.locator("#orders li").first
        expect(row).to_have_class(state)
        return str(row.inner_text())

    def ledger(self, **numbers: int) -> None:
        """Wait for the numbers on top of the page."""
        for name, number in numbers.items():
            self.sees(name, f"{number:,}")


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start the machine's browser, which shows itself nowhere; no test downloads one."""
    need(why_no_browser())
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), headless=True, timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


def test_no_order_is_lost_or_doubled_while_somebody_takes_kafka_away(
    browser: Browser, shop: OpenShop, tmp_path: Path
) -> None:
    visit = open_tab(browser, shop.fastapi)
    shots = Screenshots(tmp_path)
    order_and_see_it_arrive(visit)
    shots.take(visit.page, "shop-order")
    lose_kafka(visit)
    shots.take(visit.page, "shop-outage")
    get_kafka_back(visit)
    shots.take(visit.page, "shop-recovery")
    processes = [process_of(visit)]

    visit.page.get_by_role("link", name="Django").click()
    visit.sees("stream", "live")
    assert visit.page.url == f"{shop.django}/"
    expect(visit.page.locator("#arrivals tr").first).to_contain_text("FastAPI")  # the same topic
    order_and_see_it_arrive(visit)
    lose_kafka(visit)
    get_kafka_back(visit)
    processes.append(process_of(visit))

    visit.page.get_by_role("link", name="FastAPI").click()
    visit.ledger(accepted=ACCEPTED, arrived=ACCEPTED, refused=1)  # it remembers what it was told
    fits_on_a_phone(browser, shop.django)
    leaves_your_kafka_alone(browser, shop.bootstrap_servers, tmp_path)
    kafka_has_each_once(shop, 2 * ACCEPTED)
    assert visit.errors == []
    assert [url for url in visit.requests if not url.startswith((shop.fastapi, shop.django, "data:"))] == []
    assert shop.close() == 0, shop.output
    assert all(is_gone(process) for process in processes)
    assert not does_anybody_listen(shop.bootstrap_servers)


def open_tab(browser: Browser, url: str) -> Visit:
    width, height = SIZE
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light", locale="en-GB")
    page.set_default_timeout(PATIENCE_MS)
    visit = Visit(page)
    visit.open(f"{url}/")
    visit.sees("stream", "live")
    visit.sees("kafka-state", "running")
    visit.sees("health", "ready")
    return visit


def order_and_see_it_arrive(visit: Visit) -> None:
    """Each kind of order is answered, and read back from where the shop said it is."""
    with visit.page.expect_response("**/orders") as answer:
        visit.orders("Order produce", "Espresso")
    written = answer.value.json()
    shown = visit.last_order("arrived")
    assert re.search(r"espresso · produce\s+201 in \d+ ms", shown), shown
    assert re.search(
        rf"arrived after [\d,.]+ m?s · partition {written['partition']}, offset {written['offset']}$", shown
    ), shown

    visit.orders("Order fire", "Flat white")
    shown = visit.last_order("arrived")
    assert re.search(r"flat white · fire\s+202 in \d+ ms\s+arrived after [\d,.]+ m?s · partition \d", shown), shown
    visit.orders("Order fire", "Decaf")
    visit.last_order("arrived")
    visit.ledger(accepted=ORDERED, arrived=ORDERED, waiting=0, lost=0, doubles=0, refused=0)
    visit.sees("verdict", "Every accepted order arrived, once.")
    visit.sees("buffer-records", "0")
    visit.sees("delivered", str(ORDERED))
    expect(visit.page.locator("#arrivals tr").first).to_contain_text("decaf")


def lose_kafka(visit: Visit) -> None:
    """Whoever waits is told no at once; what nobody waits for goes into the buffer."""
    visit.press("Stop Kafka")
    visit.sees("kafka-state", "stopped")
    visit.orders("Order fire", "Flat white")  # a producer without work need not notice; this one tells it
    assert "waits in the buffer" in visit.last_order("accepted")
    visit.sees("reason", re.compile(r"No broker has been reachable for ([2-9]|\d\d+) s\."))
    visit.sees("health", "ready, no Kafka")

    visit.orders("Order produce", "Espresso")
    shown = visit.last_order("refused")
    answer = re.search(r"503 in ([\d,]+) ms\s+The order was not confirmed. Nothing was written: order again.", shown)
    assert answer, shown
    assert int(answer[1].replace(",", "")) < LONGEST_NO_MS, shown

    for _ in range(2):
        visit.orders("50 orders fire", "Decaf")
        expect(visit.page.locator("#orders li").first).to_contain_text(f"{BURST} wait in the buffer")
    visit.ledger(accepted=ACCEPTED, arrived=ORDERED, waiting=FIRED, lost=0, doubles=0, refused=1)
    visit.sees("buffer-records", str(FIRED))
    visit.sees("buffer-text", re.compile(r"^[1-9]\d* of 256 KiB$"))
    visit.sees("verdict", "Waiting for Kafka: nothing is lost.")


def get_kafka_back(visit: Visit) -> None:
    """What waited arrives, once."""
    visit.press("Start Kafka")
    visit.sees("kafka-state", "running")
    visit.ledger(accepted=ACCEPTED, arrived=ACCEPTED, waiting=0, lost=0, doubles=0, refused=1)
    visit.sees("verdict", "Every accepted order arrived, once.")
    visit.sees("buffer-text", "0 of 256 KiB")
    visit.sees("buffer-records", "0")
    visit.sees("delivered", str(ACCEPTED))
    visit.sees("health", "ready")
    assert f"{BURST} arrived, the last after" in visit.last_order("arrived")


def process_of(visit: Visit) -> int:
    shown = visit.page.locator("#reason").inner_text()
    found = re.match(r"Process (\d+), 1 broker", shown)
    assert found, shown
    return int(found[1])


def fits_on_a_phone(browser: Browser, url: str) -> None:
    width, height = PHONE
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark")
    page.goto(f"{url}/")
    expect(page.locator("#stream")).to_have_text("live")
    expect(page.locator("#arrivals tr").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def leaves_your_kafka_alone(browser: Browser, servers: str, folder: Path) -> None:
    """With a Kafka that somebody named, there is nothing to stop, and nothing is written to anybody's topics."""
    with OpenShop(folder / "yours.log", bootstrap_servers=servers) as yours:
        visit = open_tab(browser, yours.fastapi)
        visit.orders("Order produce", "Espresso")
        visit.last_order("arrived")
        visit.sees("records", "1 record")
        expect(visit.page.locator("#switch")).to_be_hidden()
        refused = visit.page.request.post(f"{yours.fastapi}/kafka/stop")
        assert (refused.status, refused.json()["detail"]) == (409, "This Kafka is yours: the page does not stop it.")
        visit.page.close()
        assert yours.close() == 0, yours.output
    topics = AdminClient({"bootstrap.servers": servers}).list_topics(timeout=60).topics
    assert {name for name in topics if not name.startswith("__")} == {ORDERS_TOPIC, VIEWS_TOPIC}  # its own are gone


def kafka_has_each_once(shop: OpenShop, count: int) -> None:
    """Ask Kafka itself, beside the page and what it is told."""
    records = read_back(shop.bootstrap_servers, ORDERS_TOPIC, count)
    found = Counter(json.loads(record.value or b"{}")["order_id"] for record in records)
    assert len(found) == count
    assert set(found.values()) == {1}


def does_anybody_listen(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
