// Order, and follow each order: from the click over the shop's answer to the record that another client read from Kafka.
"use strict";

const BURST = 50;
const AT_A_TIME = 6; // requests; browsers open no more connections to one server
const CUSTOMERS = ["ada", "grace", "alan", "linus", "radia", "ken"]; // the key: a customer's orders share a partition
const SHOWN_ORDERS = 30;
const SHOWN_ARRIVALS = 60;
const LOST_AFTER_MS = 30_000; // with Kafka running and nothing in the buffer
const CHART_MS = 60_000;

const byId = (id) => document.getElementById(id);
const put = (id, text) => { if (byId(id).textContent !== String(text)) byId(id).textContent = text; };
const shown = new Intl.NumberFormat("en");
const plain = (number) => shown.format(Math.round(number));

let shop = "shop"; // its name
let stand = {}; // what the stand says: Kafka's state, both addresses
let vitals = null; // how this shop's producer is
let tally = { records: 0, doubles: 0 }; // of the whole topic
let calmSince = null; // since when nothing can be on its way any more
let serial = 0;
const visit = Math.random().toString(36).slice(2, 7);
const orders = new Map(); // by id: { clicked, status, isSure, arrival, click }
const places = new Set(); // partition and offset of each record that was shown: a stream that broke begins anew

// --- order ------------------------------------------------------------------------------------------------------

byId("order").addEventListener("submit", (event) => {
  event.preventDefault();
  const way = event.submitter ? event.submitter.value : "produce";
  placeOrders(way, new FormData(event.target).get("item"));
});

async function placeOrders(way, item) {
  const count = way === "burst" ? BURST : 1;
  const click = newClick(item, way === "produce" ? "produce" : "fire", count);
  let next = 0;
  const worker = async () => { while (next < count) { next += 1; await placeOrder(click, item); } };
  await Promise.all(Array.from({ length: Math.min(count, AT_A_TIME) }, worker));
}

async function placeOrder(click, item) {
  serial += 1;
  const id = `${shop}-${visit}-${serial}`;
  const order = { order_id: id, customer: CUSTOMERS[serial % CUSTOMERS.length], item, quantity: 1 };
  const entry = { clicked: performance.now(), status: 0, isSure: false, arrival: null, click };
  orders.set(id, entry);
  click.ids.push(id);
  try {
    const response = await fetch(click.way === "produce" ? "/orders" : "/orders/express", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(order),
    });
    const body = await response.json();
    entry.answered = performance.now();
    entry.status = response.status;
    entry.isSure = response.ok || body.may_be_placed === false;
    entry.detail = typeof body.detail === "string" ? body.detail : "";
    entry.written = "offset" in body ? body : null;
  } catch {
    entry.answered = performance.now();
    entry.detail = "The shop did not answer.";
  }
  redraw(click);
}

function newClick(item, way, count) {
  const row = document.createElement("li");
  row.innerHTML = '<div class="what"><span></span><span class="answer"></span></div><div class="fate"></div>';
  const name = item.replace("-", " ");
  row.querySelector("span").textContent = `${count > 1 ? `${count} × ` : ""}${name} · ${way}`;
  const click = { row, way, count, ids: [], at: performance.now(), name };
  byId("orders").prepend(row);
  while (byId("orders").children.length > SHOWN_ORDERS) byId("orders").lastElementChild.remove();
  byId("no-orders").hidden = true;
  redraw(click);
  return click;
}

// --- what became of an order --------------------------------------------------------------------------------------

const isAccepted = (entry) => entry.status === 201 || entry.status === 202;
const isRefused = (entry) => entry.answered && !isAccepted(entry) && entry.isSure;
const took = (ms) => (ms < 10_000 ? `${plain(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

function redraw(click) {
  const entries = click.ids.map((id) => orders.get(id));
  const answered = entries.filter((entry) => entry.answered);
  const accepted = answered.filter(isAccepted);
  const arrived = entries.filter((entry) => entry.arrival);
  const answer = click.row.querySelector(".answer");
  const fate = click.row.querySelector(".fate");
  answer.replaceChildren(...answerOf(click, answered, accepted));
  if (click.count === 1) fate.textContent = answered.length ? fateOf(entries[0]) : "waits for an answer …";
  else fate.textContent = fateOfMany(click, answered, accepted, arrived);
  const isComplete = answered.length === click.count && accepted.length === arrived.length;
  click.row.className = accepted.length ? (isComplete ? "arrived" : "accepted") : answered.length ? "refused" : "";
  announce(click, fate.textContent, isComplete || (answered.length === click.count && !accepted.length));
  drawLedger();
}

function answerOf(click, answered, accepted) {
  if (!answered.length) return [];
  const code = document.createElement("b");
  const last = Math.max(...answered.map((entry) => entry.answered));
  if (click.count === 1) {
    code.textContent = answered[0].status || "no answer";
    return [code, ` in ${took(last - click.at)}`];
  }
  const refused = answered.length - accepted.length;
  code.textContent = `${accepted.length} accepted${refused ? `, ${refused} refused` : ""}`;
  return [code, ` in ${took(last - click.at)}`];
}

function fateOf(entry) {
  if (entry.arrival) {
    return `arrived after ${took(entry.arrivedAt - entry.clicked)} · partition ${entry.arrival.partition}, offset ${entry.arrival.offset}`;
  }
  if (isAccepted(entry)) return entry.written ? "confirmed, and about to be read back …" : "waits in the buffer …";
  if (entry.isSure) return `${entry.detail} Nothing was written: order again.`;
  return `${entry.detail} It may have been written: look before you order again.`;
}

function fateOfMany(click, answered, accepted, arrived) {
  const last = arrived.length ? `, the last after ${took(Math.max(...arrived.map((entry) => entry.arrivedAt)) - click.at)}` : "";
  const refusal = answered.find((entry) => !isAccepted(entry));
  const why = refusal ? ` · the buffer is full: ${refusal.detail || refusal.status}` : "";
  const waiting = accepted.length > arrived.length ? `${accepted.length - arrived.length} wait in the buffer · ` : "";
  return `${waiting}${arrived.length} arrived${last}${why}`;
}

function announce(click, fate, isOver) {
  if (isOver && !click.isAnnounced) {
    click.isAnnounced = true;
    put("news", `${click.name}: ${fate}`);
  }
}

let isLedgerDue = false;

function drawLedger() { // once for each frame, however many answers and arrivals it brings
  if (isLedgerDue) return;
  isLedgerDue = true;
  requestAnimationFrame(() => { isLedgerDue = false; drawLedgerNow(); });
}

function drawLedgerNow() {
  const all = [...orders.values()];
  const accepted = all.filter(isAccepted);
  const arrived = accepted.filter((entry) => entry.arrival).length;
  const refused = all.filter(isRefused);
  const wronglyWritten = refused.filter((entry) => entry.arrival).length;
  const unsure = all.filter((entry) => entry.answered && !isAccepted(entry) && !entry.isSure).length;
  const open = accepted.length - arrived;
  const isOver = calmSince !== null && performance.now() - calmSince > LOST_AFTER_MS;
  const lost = isOver ? open : 0;
  put("accepted", plain(accepted.length));
  put("arrived", plain(arrived));
  put("waiting", plain(open - lost));
  put("lost", plain(lost));
  put("doubles", plain(tally.doubles + wronglyWritten));
  put("refused", plain(refused.length));
  put("unsure", plain(unsure));
  byId("unsure-cell").hidden = unsure === 0;
  byId("sign").textContent = open ? "≠" : "=";
  byId("sign").classList.toggle("unequal", open > 0);
  byId("lost").parentElement.classList.toggle("wrong", lost > 0);
  byId("doubles").parentElement.classList.toggle("wrong", tally.doubles + wronglyWritten > 0);
  drawVerdict(accepted.length, open, lost + tally.doubles + wronglyWritten);
}

function drawVerdict(accepted, open, wrong) {
  const [text, kind] = wrong ? ["Something went wrong.", "bad"]
    : open ? [stand.kafka === "running" ? "On the way to Kafka …" : "Waiting for Kafka: nothing is lost.", "warn"]
    : accepted ? ["Every accepted order arrived, once.", "good"] : ["Order something.", ""];
  put("verdict", text);
  byId("verdict").className = kind;
}

// --- what is told: by the stand, and by this shop's producer ------------------------------------------------------

function listen() {
  const source = new EventSource("/events");
  const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
  source.addEventListener("open", () => drawStream("live", "good"));
  source.addEventListener("error", () => drawStream("connecting", "warn"));
  on("shop", (told) => { shop = told.name; });
  on("state", (told) => {
    if (stand.run && told.run && told.run !== stand.run) location.reload(); // another `make shop`, and another Kafka
    stand = told;
    recall();
    drawStand();
  });
  on("history", (told) => { take(told, false); });
  on("arrivals", (told) => { take(told, true); });
  on("vitals", (told) => { vitals = told; drawVitals(); });
}

function drawStream(text, kind) {
  put("stream", text);
  byId("stream").className = `pill ${kind}`;
}

function take(told, isNews) {
  tally = told;
  put("records", told.records === 1 ? "1 record" : `${plain(told.records)} records`);
  const clicks = new Set();
  const rows = [];
  const now = performance.now();
  for (const arrival of told.arrivals) {
    const place = `${arrival.partition}/${arrival.offset}`;
    if (places.has(place)) continue;
    places.add(place);
    const entry = orders.get(arrival.order_id);
    if (entry && !entry.arrival) {
      entry.arrival = arrival;
      entry.arrivedAt = now;
      if (entry.click) clicks.add(entry.click);
    }
    rows.unshift([arrival, entry && isNews && entry.clicked ? took(now - entry.clicked) : ""]);
  }
  byId("arrivals").prepend(...rows.slice(0, SHOWN_ARRIVALS).map(([arrival, after]) => rowOf(arrival, after, isNews)));
  while (byId("arrivals").children.length > SHOWN_ARRIVALS) byId("arrivals").lastElementChild.remove();
  clicks.forEach(redraw);
  drawLedger();
}

function rowOf(arrival, after, isNews) {
  const row = document.createElement("tr");
  if (isNews) row.className = "new";
  const from = arrival.order_id.split("-")[0];
  const title = (stand.shops || []).find((one) => one.name === from);
  const cells = [["", ""], ["", arrival.partition], ["", arrival.offset], ["number", after]];
  for (const [kind, text] of cells) {
    const cell = row.insertCell();
    cell.className = kind;
    cell.textContent = text;
  }
  const small = document.createElement("small");
  small.textContent = ` ${arrival.customer}, ${title ? title.title : "elsewhere"}`;
  row.cells[0].append(arrival.item.replace("-", " "), small);
  return row;
}

function drawStand() {
  const words = { running: ["running", "good"], stopping: ["stopping …", "warn"], stopped: ["stopped", "bad"], starting: ["starting …", "warn"] };
  const [text, kind] = words[stand.kafka];
  if (byId("kafka-state").textContent !== text) put("news", `Kafka: ${text}`);
  put("kafka-state", text);
  byId("kafka-state").className = `pill ${kind}`;
  put("description", stand.description || "");
  put("trouble", stand.trouble);
  put("reader", stand.reader || "another client");
  put("topic", stand.topic || "Kafka");
  byId("switch").hidden = !stand.can_stop;
  byId("stop").disabled = stand.kafka !== "running";
  byId("start").disabled = stand.kafka !== "stopped";
  drawShops();
  drawLedger();
}

function drawShops() {
  const links = (stand.shops || []).map((one) => {
    const link = document.createElement("a");
    link.textContent = one.title;
    link.href = one.name === shop ? "/" : `${one.url}/`;
    if (one.name === shop) link.setAttribute("aria-current", "page");
    return link;
  });
  if (byId("shops").children.length !== links.length) byId("shops").replaceChildren(...links);
  const here = (stand.shops || []).find((one) => one.name === shop);
  if (here) document.title = `Coffee shop in ${here.title}`;
}

function drawVitals() {
  const part = Math.min(1, vitals.buffer_bytes / vitals.buffer_limit);
  const percent = Math.ceil(part * 100);
  put("buffer-text", `${kib(vitals.buffer_bytes)} of ${kib(vitals.buffer_limit)} KiB`);
  byId("buffer").setAttribute("aria-valuenow", percent);
  byId("buffer").setAttribute("aria-valuetext", `${percent} %`);
  byId("buffer").classList.toggle("high", part > 0.9);
  byId("buffer").firstElementChild.style.width = `${percent}%`;
  put("buffer-records", plain(vitals.buffer_records));
  put("oldest", vitals.buffer_records ? `${vitals.oldest_age.toFixed(1)} s` : "–");
  put("delivered", plain(vitals.delivered));
  put("failed", plain(vitals.failed));
  put("p50", bound(vitals.latency_p50));
  put("p99", bound(vitals.latency_p99));
  const health = { up: ["ready", "good"], degraded: [vitals.is_ready ? "ready, no Kafka" : "degraded", "warn"], down: ["not ready", "bad"] };
  const isNearlyFull = vitals.health === "degraded" && vitals.unavailable_for === null;
  const [text, kind] = isNearlyFull ? ["ready, nearly full", "warn"] : health[vitals.health];
  put("health", text);
  byId("health").className = `pill ${kind}`;
  put("reason", vitals.reasons.join(" ") || `Process ${vitals.pid}, ${vitals.connected_brokers === 1 ? "1 broker" : `${vitals.connected_brokers} brokers`} connected.`);
  const isCalm = vitals.buffer_records === 0 && stand.kafka === "running";
  calmSince = isCalm ? calmSince || performance.now() : null;
  drawLedger();
  drawChart();
}

const kib = (bytes) => (bytes ? Math.max(1, Math.round(bytes / 1024)) : 0);
const bound = (seconds) => (seconds === null ? "–" : `≤ ${seconds < 1 ? `${+(seconds * 1000).toPrecision(3)} ms` : `${+seconds.toPrecision(3)} s`}`);

// --- the last minute ----------------------------------------------------------------------------------------------

const moments = []; // { at, records, isAway }

function drawChart() {
  const now = performance.now();
  moments.push({ at: now, records: vitals.buffer_records, isAway: Boolean(stand.kafka) && stand.kafka !== "running" });
  while (moments.length && moments[0].at < now - CHART_MS) moments.shift();
  const peak = Math.max(...moments.map((one) => one.records));
  const x = (at) => (240 * (1 - (now - at) / CHART_MS)).toFixed(1);
  const y = (records) => (54 - (50 * records) / Math.max(peak, 10)).toFixed(1);
  const points = moments.map((one) => `${x(one.at)},${y(one.records)}`).join("L");
  byId("line").setAttribute("d", `M${points}`);
  byId("area").setAttribute("d", `M${x(moments[0].at)},56L${points}L240,56Z`);
  put("peak", peak ? `peak ${plain(peak)}` : "");
  byId("away").replaceChildren(...outages(now).map(([from, to]) => {
    const band = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const [left, right] = [Number(x(from)), Number(x(to))];
    for (const [name, value] of Object.entries({ x: left, y: 0, width: Math.max(0.5, right - left), height: 56 })) band.setAttribute(name, value);
    return band;
  }));
  byId("away-label").hidden = !moments.some((one) => one.isAway);
}

function outages(now) {
  const found = [];
  let from = null;
  for (const one of moments) {
    if (one.isAway && from === null) from = one.at;
    if (!one.isAway && from !== null) { found.push([from, one.at]); from = null; }
  }
  return from === null ? found : [...found, [from, now]];
}

// --- Kafka away, and back -----------------------------------------------------------------------------------------

async function switchKafka(what) {
  byId("stop").disabled = true;
  byId("start").disabled = true;
  try {
    const response = await fetch(`/kafka/${what}`, { method: "POST" });
    if (!response.ok) put("trouble", (await response.json()).detail);
  } catch {
    put("trouble", "The shop did not answer.");
  }
}

byId("stop").addEventListener("click", () => switchKafka("stop"));
byId("start").addEventListener("click", () => switchKafka("start"));

// --- from one visit of this page to the next, as when the other shop was looked at -------------------------------

function recall() {
  if (orders.size || !stand.run) return;
  try {
    const kept = JSON.parse(sessionStorage.getItem("orders") || "{}");
    if (kept.run !== stand.run) return;
    for (const [id, status, isSure, arrival] of kept.orders) orders.set(id, { status, isSure, arrival, answered: true });
  } catch { /* kept by another version of this page */ }
}

window.addEventListener("pagehide", () => {
  const kept = [...orders].filter(([, entry]) => entry.answered).map(([id, entry]) => [id, entry.status, entry.isSure, entry.arrival && {}]);
  try {
    sessionStorage.setItem("orders", JSON.stringify({ run: stand.run, orders: kept }));
  } catch { /* too many, or not allowed: the next visit begins anew */ }
});

listen();
