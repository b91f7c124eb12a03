// The page: what its address says is shown, and what is chosen is written into its address.

import * as api from "./api.js";
import { atMostEvery, el, fill, printable } from "./dom.js";
import { Nothing } from "./empty.js";
import { ExchangesView } from "./exchanges.js";
import { follow } from "./live.js";
import { Exchanges, Filter, MOST } from "./model.js";
import { overview } from "./overview.js";
import { Bench } from "./policy.js";

const VIEWS = ["exchanges", "overview", "policy"];
const part = (id) => document.getElementById(id);
const main = part("main");

const page = {
  exchanges: new Exchanges(),
  filter: new Filter(),
  view: "exchanges",
  /** The capture that is looked at; null is the one that is being written. */
  capture: null,
  /** The exchange that is chosen. */
  selected: null,
  /** What the server says of itself. */
  status: {},
  /** What stands where there is nothing to show. */
  nothing: new Nothing(),
  connected: false,
  /** How often in a row nobody has answered. */
  tries: 0,
  /** Whether another run answers at this address now. */
  replaced: false,
  paused: false,
  /** What came while it was paused. */
  waiting: [],
};

const exchanges = new ExchangesView(page, ({ push }) => {
  writeAddress({ push });
  draw();
});
let bench = null;
let feed = null;
let loading = null;

// The address.

/** Takes over what the address says, and returns the capture that it names. */
function readAddress() {
  const parameters = new URLSearchParams(location.search);
  page.filter = new Filter(parameters);
  page.view = VIEWS.find((name) => name === parameters.get("view")) ?? "exchanges";
  page.selected = Number(parameters.get("id")) || null;
  return parameters.get("capture");
}

function writeAddress({ push = false } = {}) {
  const parameters = new URLSearchParams();
  if (page.view !== "exchanges") parameters.set("view", page.view);
  page.filter.write(parameters);
  if (page.selected) parameters.set("id", page.selected);
  if (page.capture) parameters.set("capture", page.capture);
  const address = parameters.size ? `?${parameters}` : location.pathname;
  history[push ? "pushState" : "replaceState"](null, "", address);
}

function goTo(view) {
  page.view = view;
  writeAddress({ push: true });
  draw();
}

/** Shows the exchanges behind something that was chosen elsewhere. */
function show(filter) {
  page.filter = new Filter(new URLSearchParams(filter));
  goTo("exchanges");
}

// What is seen.

function draw() {
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.dataset.view === page.view) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  if (page.view === "exchanges") exchanges.draw(main);
  else if (page.view === "overview") drawOverview();
  else drawBench();
  drawState();
}

function drawOverview() {
  const rows = [...page.exchanges.passing(new Filter())];
  const explain = (id) => api.exchange(page.capture, id);
  const told = overview(rows, { go: show, explain }) ?? page.nothing.of(page.status);
  if (main.firstElementChild !== told) fill(main, told);
}

function drawBench() {
  bench ??= new Bench(() => page.capture);
  if (!main.contains(bench.element)) fill(main, bench.element);
}

const DRAWN_EVERY = { exchanges: 100, overview: 1000 };
const redraws = Object.fromEntries(
  Object.entries(DRAWN_EVERY).map(([view, pause]) => [view, atMostEvery(pause, () => page.view === view && draw())]),
);
/** Draws soon what has changed by itself; what is being edited is left alone. */
const redraw = () => redraws[page.view]?.();

function drawState() {
  const { capture, connected, paused, replaced } = page;
  const live = paused ? "Paused" : "Live";
  const away = replaced ? "Another run" : "Reconnecting…";
  const state = part("state");
  state.textContent = capture ? "An older capture" : connected ? live : away;
  state.className = connected && !capture ? "on" : "off";
  banner("rewriting", rewriting(page.status));
  banner("over", over(page));
}

/** Shows a banner while there is something to say. */
function banner(id, said) {
  const place = part(id);
  place.hidden = !said;
  // Said again, it would be read out again.
  if (said && place.textContent !== said) place.textContent = said;
}

function rewriting({ rewriting: standing }) {
  if (!standing) return null;
  const until = new Date(standing.until).toLocaleString();
  return `REWRITING IS ON, by ${printable(standing.policy)}, until ${until}. What passes here may fail in production.`;
}

/** After so many seconds without an answer a run is taken to be over. */
const GONE = 3;

/** What to do once the run of this page is over: the token of the next one is told in its terminal alone. */
function over({ tries, replaced }) {
  const next = "open the address that its terminal names (“dashboard: http://…#…”): this page's token is that of the run before.";
  if (replaced) return `Another run of corstap answers here now. To see it, ${next}`;
  if (tries < GONE) return null;
  return `The run of this page is over. What is listed stays while the page is open, and corstap log has it in a terminal. To go on, start corstap run, and ${next}`;
}

function failed(error) {
  fill(
    main,
    el(
      "div",
      { class: "empty", role: "alert" },
      el("h2", {}, "corstap does not answer"),
      el("p", {}, printable(error.message)),
      el("p", {}, "Open the address that ", el("code", {}, "corstap run"), " prints: it holds what lets this page in."),
    ),
  );
}

// What comes in.

/** Reads a capture from its newest page to its oldest; what is live follows by itself. */
async function load(capture) {
  feed?.abort();
  Object.assign(page, { exchanges: new Exchanges(), capture, waiting: [] });
  part("captures").value = capture ?? "";
  const mine = (loading = {});
  let answer = await api.page(capture);
  if (loading !== mine) return;
  feed = new AbortController();
  if (!capture) listen(answer.change, feed.signal);
  for (;;) {
    for (const row of answer.rows) page.exchanges.note(row);
    redraw();
    if (!answer.next || page.exchanges.rows.size >= MOST) return;
    answer = await api.page(capture, answer.next);
    if (loading !== mine) return;
  }
}

/** What is told of each event that comes. */
const EVENTS = {
  row(row) {
    if (page.paused) page.waiting.push(row);
    else page.exchanges.note(row);
    redraw();
  },
};

function listen(change, signal) {
  const tell = (event, content) => EVENTS[event]?.(content);
  const state = (said) => {
    Object.assign(page, said);
    drawState();
  };
  follow(change, { tell, state, signal });
}

async function listCaptures(chosen) {
  const known = await api.captures();
  const choice = ({ name, current }) =>
    el("option", { value: current ? "" : name }, printable(current ? `now: ${name}` : name));
  fill(part("captures"), known.map(choice));
  part("captures").value = chosen ?? "";
}

// Keys.

const KEYS = [
  ["j", "next exchange (also ↓)", () => exchanges.list.move(1)],
  ["k", "previous exchange (also ↑)", () => exchanges.list.move(-1)],
  ["Enter", "its story", () => page.selected && exchanges.open(page.selected)],
  ["/", "search", () => exchanges.search.focus()],
  ["f", "only failures, or all", () => exchanges.toggleFailures()],
  ["p", "pause, or go on", () => exchanges.togglePause()],
  ["c", "clear the view", () => exchanges.clear()],
  ["1", "exchanges", () => goTo("exchanges")],
  ["2", "overview", () => goTo("overview")],
  ["3", "policy", () => goTo("policy")],
  ["?", "these keys", () => help()],
];
/** Keys that mean something in one view only. */
const ELSEWHERE = ["1", "2", "3", "?"];

function help() {
  const keys = [...KEYS, ["Esc", "close the story, or leave a field"]];
  fill(
    part("help"),
    el("h2", { id: "help-title" }, "Keys"),
    el(
      "dl",
      {},
      keys.flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)]),
    ),
    el("form", { method: "dialog" }, el("button", {}, "Close")),
  );
  part("help").showModal();
}

function escape(target) {
  if (target.matches("input, textarea, select")) target.blur();
  else if (page.selected) exchanges.close();
}

document.addEventListener("keydown", (event) => {
  if (part("help").open || event.defaultPrevented) return;
  if (event.key === "Escape") return escape(event.target);
  if (event.target.matches("input, textarea, select, button, a") && event.key === "Enter") return;
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const [, , act] = KEYS.find(([key]) => key === event.key) ?? [];
  if (!act || (page.view !== "exchanges" && !ELSEWHERE.includes(event.key))) return;
  event.preventDefault();
  act();
});

// The start.

part("help-button").addEventListener("click", help);
for (const anchor of document.querySelectorAll("nav a")) {
  anchor.addEventListener("click", (event) => {
    event.preventDefault();
    goTo(anchor.dataset.view);
  });
}
part("captures").addEventListener("change", async ({ target }) => {
  page.selected = null;
  exchanges.hide();
  await load(target.value || null).catch(failed);
  writeAddress({ push: true });
});
window.addEventListener("popstate", () => {
  const capture = readAddress();
  if (capture !== page.capture) load(capture).catch(failed);
  if (page.selected) exchanges.open(page.selected, { push: false });
  else exchanges.hide();
  draw();
});

/** How the run stands may change while the page is open: rewriting ends by itself. */
const STATUS_EVERY = 5000;

async function askStatus() {
  page.status = await api.status();
  if (page.nothing.element.isConnected) page.nothing.of(page.status);
  drawState();
}

async function start() {
  const capture = readAddress();
  await askStatus();
  setInterval(() => askStatus().catch(() => {}), STATUS_EVERY);
  draw();
  await listCaptures(capture);
  load(capture).catch(failed);
  if (page.selected) exchanges.open(page.selected, { push: false });
}

start().catch(failed);
