// The list of exchanges: only the rows in sight exist as elements, however many there are.

import { el, printable } from "./dom.js";
import { OUTCOMES, duration, pathOf, timeOfDay } from "./words.js";

const SPARE = 10;
const COLUMNS = ["", "#", "Time", "Method", "Target", "Path", "Origin", "Status", "Cause", "Took"];

export class List {
  #items = [];
  #selected = null;
  #pool = new Map();

  constructor({ select, open }) {
    this.select = select;
    this.open = open;
    this.body = el("div", { class: "rows", role: "rowgroup" });
    this.scroller = el(
      "div",
      {
        class: "grid",
        role: "grid",
        tabindex: "0",
        "aria-label": "Exchanges, newest first",
        "aria-colcount": COLUMNS.length,
        onscroll: () => this.#draw(),
        onkeydown: (event) => this.#key(event),
      },
      el(
        "div",
        { role: "rowgroup", class: "head" },
        el(
          "div",
          { role: "row", class: "row", "aria-rowindex": "1" },
          COLUMNS.map((name) =>
            el("div", { role: "columnheader" }, name || el("span", { class: "unseen" }, "Outcome")),
          ),
        ),
      ),
      this.body,
    );
    new ResizeObserver(() => this.#draw()).observe(this.scroller);
  }

  /** The height of a row, which follows the size of the text. */
  get #height() {
    return (
      Number.parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row")) *
      Number.parseFloat(getComputedStyle(document.documentElement).fontSize)
    );
  }

  show(items) {
    const wasAtTop = this.scroller.scrollTop === 0;
    const anchor = wasAtTop ? null : this.#items[Math.floor(this.scroller.scrollTop / this.#height)]?.row.id;
    this.#items = items;
    this.scroller.setAttribute("aria-rowcount", items.length + 1);
    this.body.style.height = `${items.length * this.#height}px`;
    // What a reader looks at stays where it is while new rows come in above it.
    const place = anchor === null || anchor === undefined ? -1 : items.findIndex(({ row }) => row.id === anchor);
    if (place >= 0) this.scroller.scrollTop = place * this.#height + (this.scroller.scrollTop % this.#height);
    this.#draw();
  }

  mark(id) {
    this.#selected = id;
    this.#draw();
  }

  /** Goes a number of rows on, or back; to the first or the last with infinity. */
  move(by) {
    if (!this.#items.length) return;
    const here = this.#items.findIndex(({ row }) => row.id === this.#selected);
    const start = here < 0 && by > 0 ? -1 : here;
    const next = Math.min(this.#items.length - 1, Math.max(0, start + by));
    this.#reveal(next);
    this.select(this.#items[next].row.id);
  }

  #reveal(place) {
    const top = place * this.#height;
    const room = this.scroller.clientHeight - 2 * this.#height;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top > this.scroller.scrollTop + room) this.scroller.scrollTop = top - room;
  }

  #key(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.#height) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.move(steps[event.key]);
    else if (event.key === "Enter" && this.#selected !== null) this.open(this.#selected);
    else return;
    event.preventDefault();
  }

  #draw() {
    const height = this.#height;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / height) - SPARE);
    const last = Math.min(
      this.#items.length,
      Math.ceil((this.scroller.scrollTop + this.scroller.clientHeight) / height) + SPARE,
    );
    const wanted = new Map();
    for (let place = first; place < last; place += 1) wanted.set(this.#items[place].row.id, place);
    for (const [id, { element }] of this.#pool) {
      if (!wanted.has(id)) {
        element.remove();
        this.#pool.delete(id);
      }
    }
    for (const [id, place] of wanted) this.#put(id, place, height);
    const active = this.#pool.has(this.#selected) ? `row-${this.#selected}` : null;
    if (active) this.scroller.setAttribute("aria-activedescendant", active);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  #put(id, place, height) {
    const item = this.#items[place];
    let drawn = this.#pool.get(id);
    const key = `${item.row.rev} ${item.place} ${item.of}`;
    if (!drawn || drawn.key !== key) {
      drawn?.element.remove();
      drawn = { key, element: this.#row(item) };
      this.#pool.set(id, drawn);
      this.body.append(drawn.element);
    }
    drawn.element.style.transform = `translateY(${place * height}px)`;
    drawn.element.setAttribute("aria-rowindex", place + 2);
    drawn.element.setAttribute("aria-selected", id === this.#selected);
  }

  #row({ row, place, of }) {
    const { sign, word } = OUTCOMES[row.outcome] ?? { sign: "", word: row.outcome };
    const cells = [
      el("span", { class: `sign ${row.outcome}`, title: word }, sign, el("span", { class: "unseen" }, ` ${word}`)),
      String(row.id),
      timeOfDay(row.at),
      [
        of > 1
          ? el("span", { class: "branch", "aria-hidden": "true" }, place === 0 ? "┌" : place === of - 1 ? "└" : "├")
          : null,
        printable(row.method),
      ],
      printable(row.target),
      printable(pathOf(row.url)),
      printable(row.origin ?? ""),
      String(row.status ?? (row.ending === "in-progress" ? "" : row.ending)),
      [
        row.rewritten
          ? el("span", { class: "rewritten", title: `passes here because of rule ${row.rewritten}` }, "repaired ")
          : null,
        row.cause ?? row.by ?? "",
      ],
      duration(row.ms),
    ];
    return el(
      "div",
      { class: `row ${row.outcome}`, role: "row", id: `row-${row.id}`, onclick: () => this.open(row.id) },
      cells.map((cell) => el("div", { role: "gridcell" }, cell)),
    );
  }
}
