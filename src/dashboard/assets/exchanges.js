// The view of the exchanges: filters, the list, and the story of the one that is open.

import * as api from "./api.js";
import { atMostEvery, el, fill, printable, whenQuiet } from "./dom.js";
import { filteredOut } from "./empty.js";
import { List } from "./list.js";
import { counted } from "./model.js";
import { story } from "./story.js";
import { isFailure, plural, targetOf } from "./words.js";

const CHOICES = { origin: (row) => row.origin, target: (row) => row.target, cause: (row) => row.cause };
const MOST_CHOICES = 200;
/** Where the story stands below the list, as in app.css. */
const STACKED = matchMedia("(max-width: 60rem)");

export class ExchangesView {
  /** Which story is open, and in which revision. */
  #told = null;

  /** `page` is what is shown; `changed` is called when that changes, with whether it is a step one can go back from. */
  constructor(page, changed) {
    this.page = page;
    this.changed = changed;
    this.list = new List({ select: (id) => this.select(id), open: (id) => this.open(id) });
    this.detail = el("aside", { class: "detail", "aria-label": "The story of one exchange", hidden: true });
    this.counts = el("p", { class: "counts", role: "status" });
    this.nothing = el("div", { class: "nothing" });
    this.filteredOut = filteredOut(() => this.want({ outcome: "", origin: "", target: "", cause: "", q: "" }));
    const wantText = whenQuiet(80, (q) => this.want({ q }));
    this.search = el("input", {
      type: "search",
      placeholder: "Search ( / )",
      "aria-label": "Search the exchanges",
      // What was typed counts, whatever is drawn into the field before it is quiet.
      oninput: () => wantText(this.search.value),
    });
    this.failures = el("button", { type: "button", onclick: () => this.toggleFailures() }, "Failures only");
    this.pause = el("button", { type: "button", onclick: () => this.togglePause() });
    const clear = el("button", { type: "button", onclick: () => this.clear() }, "Clear");
    this.choices = Object.keys(CHOICES).map((name) =>
      el("select", {
        name,
        "aria-label": `Only this ${name}`,
        onchange: (event) => this.want({ [name]: event.target.value }),
      }),
    );
    this.bar = el(
      "div",
      { class: "filters", role: "search" },
      this.search,
      this.failures,
      this.choices,
      this.pause,
      clear,
      this.counts,
    );
    this.body = el(
      "div",
      { class: "listing" },
      el("div", { class: "left" }, this.list.scroller, this.nothing),
      this.detail,
    );
    this.chooseLater = atMostEvery(1000, () => this.#choices());
  }

  /** Takes other filters. */
  want(wanted) {
    Object.assign(this.page.filter, wanted);
    this.changed({ push: false });
    this.#choices();
  }

  toggleFailures() {
    this.want({ outcome: this.page.filter.outcome === "failures" ? "" : "failures" });
  }

  togglePause() {
    const { page } = this;
    page.paused = !page.paused;
    if (!page.paused) for (const row of page.waiting.splice(0)) page.exchanges.note(row);
    this.changed({ push: false });
  }

  /** Takes what is there out of sight. */
  clear() {
    let last = 0;
    for (const id of this.page.exchanges.rows.keys()) last = Math.max(last, id);
    this.page.exchanges.clearedTo = last;
    this.close();
  }

  select(id) {
    this.page.selected = id;
    this.list.mark(id);
    if (!this.detail.hidden) this.open(id, { push: false });
  }

  /** Opens the story of an exchange. */
  async open(id, { push = true } = {}) {
    const { page } = this;
    page.selected = id;
    this.#told = `${id} ${page.exchanges.rows.get(id)?.rev}`;
    this.changed({ push });
    const { capture } = page;
    try {
      const told = await api.exchange(capture, id);
      if (page.selected !== id || page.capture !== capture) return;
      const rows = page.exchanges.storyOf(id);
      const actions = {
        open: (other) => this.open(other),
        close: () => this.close(),
        report: (ids, format) => api.report(capture, ids, format),
      };
      fill(this.detail, story(told, rows.length ? rows : [asRow(told)], actions));
    } catch (error) {
      if (page.selected === id)
        fill(this.detail, el("p", { class: "problem", role: "alert" }, printable(error.message)));
    }
    this.detail.hidden = page.selected === null;
    if (push && STACKED.matches) this.detail.scrollIntoView({ block: "start" });
  }

  /** Closes the story. */
  close() {
    this.page.selected = null;
    this.hide();
    this.changed({ push: true });
    this.list.scroller.focus();
  }

  hide() {
    this.#told = null;
    this.detail.hidden = true;
    fill(this.detail);
  }

  draw(main) {
    if (!main.contains(this.bar)) {
      fill(main, this.bar, this.body);
      this.#choices();
    }
    const { page } = this;
    const visible = page.exchanges.visible(page.filter);
    this.list.scroller.hidden = visible.length === 0;
    this.list.show(visible);
    this.list.mark(page.selected);
    this.#sayNothing(visible.length > 0);
    this.#bar(visible);
    this.chooseLater();
    const selected = page.exchanges.rows.get(page.selected);
    // What is open is told anew when a later fact has changed it.
    if (selected && !this.detail.hidden && this.#told !== `${selected.id} ${selected.rev}`)
      this.open(selected.id, { push: false });
  }

  #sayNothing(isAnything) {
    const { filter, nothing, status } = this.page;
    const told = isAnything ? null : filter.isEmpty ? nothing.of(status) : this.filteredOut;
    // What is there already keeps its focus.
    if (this.nothing.firstElementChild !== told) fill(this.nothing, told);
  }

  #bar(visible) {
    const { filter, paused, waiting, exchanges } = this.page;
    const failed = visible.filter(({ row }) => isFailure(row.outcome)).length;
    const held = paused ? `; paused, ${waiting.length} waiting` : "";
    const forgotten = exchanges.forgotten ? `; ${plural(exchanges.forgotten, "older one")} not kept in this page` : "";
    this.counts.textContent = `${plural(visible.length, "exchange")}, ${plural(failed, "failure")}${held}${forgotten}`;
    if (document.activeElement !== this.search) this.search.value = filter.q;
    this.failures.setAttribute("aria-pressed", filter.outcome === "failures");
    this.pause.setAttribute("aria-pressed", paused);
    this.pause.textContent = paused ? "Go on" : "Pause";
  }

  #choices() {
    for (const choice of this.choices) {
      const { name } = choice;
      if (document.activeElement === choice) continue;
      const values = counted(this.page.exchanges.rows.values(), CHOICES[name]).slice(0, MOST_CHOICES);
      const chosen = this.page.filter[name];
      if (chosen && !values.some(([value]) => value === chosen)) values.unshift([chosen, 0]);
      fill(
        choice,
        el("option", { value: "" }, `any ${name}`),
        values.map(([value, count]) => el("option", { value }, `${printable(value)} (${count})`)),
      );
      choice.value = chosen;
    }
  }
}

/** An exchange that is not among the rows that are kept, as a row. */
function asRow({ id, rev, started, elapsed_ms: ms, request, kind, origin, sent, ending, verdict }) {
  const { method, url } = request;
  return {
    id,
    rev,
    at: Date.parse(started),
    ms,
    method,
    url,
    target: targetOf(url),
    kind,
    origin,
    status: sent?.status,
    ending,
    outcome: verdict.outcome,
    cause: verdict.cause,
  };
}
