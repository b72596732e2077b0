"""Somebody visits both shops: orders, takes Kafka away, orders on, and brings it back."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from example_project.stand.kafka import ORDERS_TOPIC
from example_project.tests.demo_run import is_gone
from example_project.tests.shop_run import OpenShop
from tests.browser.chromium import headless_chromium, why_no_browser
from tests.browser.conftest import need
from tests.browser.screenshots import Screenshots
from tests.kafka import read_back

PATIENCE_MS = 60_000  # for what takes a moment, or a few seconds where Kafka starts; this machine may be busy
LONGEST_NO_MS = 10_000  # fast is a few milliseconds; without the fast no it would be the two minutes of a produce
BURST = 50
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
        return row.inner_text()

    def ledger(self, **numbers: int) -> None:
        """Wait for the numbers on top of the page."""
        for name, number in numbers.items():
            self.sees(name, f"{number:,}")


def test_no_order_is_lost_or_doubled_while_somebody_takes_kafka_away(shop: OpenShop, tmp_path: Path) -> None:
    need(why_no_browser())
    expect.set_options(timeout=PATIENCE_MS)
    with headless_chromium() as browser:
        visit = open_tab(browser, shop.fastapi)
        shots = Screenshots(tmp_path)
        order_and_see_it_arrive(visit, accepted=0)
        shots.take(visit.page, "shop-order")
        lose_kafka(visit, accepted=3)
        shots.take(visit.page, "shop-outage")
        get_kafka_back(visit, accepted=3 + 2 * BURST + 1)
        shots.take(visit.page, "shop-recovery")
        processes = [process_of(visit)]

        visit.page.get_by_role("link", name="Django").click()
        visit.sees("stream", "live")
        assert visit.page.url == f"{shop.django}/"
        expect(visit.page.locator("#arrivals tr").first).to_contain_text("FastAPI")  # the same topic
        order_and_see_it_arrive(visit, accepted=0)
        lose_kafka(visit, accepted=3)
        get_kafka_back(visit, accepted=3 + 2 * BURST + 1)
        processes.append(process_of(visit))

        visit.page.get_by_role("link", name="FastAPI").click()
        visit.ledger(accepted=3 + 2 * BURST + 1, arrived=3 + 2 * BURST + 1, refused=1)  # it remembers what it was told
        fits_on_a_phone(browser, shop.django)
        leaves_your_kafka_alone(browser, shop.bootstrap_servers, tmp_path)

    kafka_has_each_once(shop, 2 * (3 + 2 * BURST + 1))
    assert visit.errors == []
    assert [url for url in visit.requests if not url.startswith((shop.fastapi, shop.django, "data:"))] == []
    assert shop.close() == 0, shop.output
    assert all(is_gone(process) for process in processes)


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


def order_and_see_it_arrive(visit: Visit, accepted: int) -> None:
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
    visit.ledger(accepted=accepted + 3, arrived=accepted + 3, waiting=0, lost=0, doubles=0, refused=0)
    visit.sees("verdict", "Every accepted order arrived, once.")
    visit.sees("buffer-records", "0")
    expect(visit.page.locator("#arrivals tr").first).to_contain_text("decaf")


def lose_kafka(visit: Visit, accepted: int) -> None:
    """Whoever waits is told no at once; what nobody waits for goes into the buffer."""
    visit.press("Stop Kafka")
    visit.sees("kafka-state", "stopped")
    visit.sees("reason", re.compile(r"No broker has been reachable for ([2-9]|\d\d+) s\."))
    visit.sees("health", "ready, no Kafka")

    visit.orders("Order produce", "Espresso")
    shown = visit.last_order("refused")
    answer = re.search(r"503 in ([\d,]+) ms\s+The order was not confirmed. Nothing was written: order again.", shown)
    assert answer, shown
    assert int(answer[1].replace(",", "")) < LONGEST_NO_MS, shown

    visit.orders("Order fire", "Flat white")
    assert "waits in the buffer" in visit.last_order("accepted")
    for _ in range(2):
        visit.orders("50 orders fire", "Decaf")
        expect(visit.page.locator("#orders li").first).to_contain_text(f"{BURST} wait in the buffer")
    waiting = 2 * BURST + 1
    visit.ledger(accepted=accepted + waiting, arrived=accepted, waiting=waiting, lost=0, doubles=0, refused=1)
    visit.sees("buffer-records", str(waiting))
    visit.sees("buffer-text", re.compile(r"^[1-9]\d* of 256 KiB$"))
    visit.sees("verdict", "Waiting for Kafka: nothing is lost.")


def get_kafka_back(visit: Visit, accepted: int) -> None:
    """What waited arrives, once."""
    visit.press("Start Kafka")
    visit.sees("kafka-state", "running")
    visit.ledger(accepted=accepted, arrived=accepted, waiting=0, lost=0, doubles=0, refused=1)
    visit.sees("verdict", "Every accepted order arrived, once.")
    visit.sees("buffer-text", "0 of 256 KiB")
    visit.sees("buffer-records", "0")
    visit.sees("delivered", str(accepted))
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


def kafka_has_each_once(shop: OpenShop, count: int) -> None:
    """Ask Kafka itself, beside the page and what it is told."""
    records = read_back(shop.bootstrap_servers, ORDERS_TOPIC, count)
    found = Counter(json.loads(record.value or b"{}")["order_id"] for record in records)
    assert len(found) == count
    assert set(found.values()) == {1}
