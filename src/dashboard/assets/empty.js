// What stands where there is nothing to show: why that may be, as the doctor finds it, and what to do next.

import * as api from "./api.js";
import { el, fill, printable, prose } from "./dom.js";

const LEVELS = {
  wrong: { sign: "✕", word: "wrong" },
  note: { sign: "→", word: "to do" },
  ok: { sign: "✓", word: "fine" },
};
const ORDER = Object.keys(LEVELS);
const code = (text) => el("code", {}, text);

/** The filters let nothing through. */
export function filteredOut(clear) {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "No exchange passes these filters"),
    el("button", { type: "button", onclick: clear }, "Show all"),
  );
}

/** Nothing was recorded: one element that is kept, so that what it says does not flicker. */
export class Nothing {
  /** How much the clients of the proxy had shown when the findings were asked for. */
  #signs = null;

  constructor() {
    this.proxy = code("…");
    this.findings = el("div", { class: "findings-of-doctor", role: "status" }, el("p", {}, "Looking …"));
    this.element = el(
      "div",
      { class: "empty" },
      el("h2", {}, "Nothing recorded yet"),
      el(
        "p",
        {},
        "Load the page that fails, in a browser that uses the proxy at ",
        this.proxy,
        ". What it asks of servers appears here.",
      ),
      this.findings,
      el("p", {}, el("button", { type: "button", onclick: () => this.#look() }, "Look again")),
    );
  }

  /** What stands there now. What is found may differ once the clients of the proxy have shown more. */
  of(status) {
    this.proxy.textContent = status.proxy ?? "…";
    if (status.signs !== undefined && status.signs !== this.#signs) {
      this.#signs = status.signs;
      this.#look();
    }
    return this.element;
  }

  async #look() {
    try {
      fill(this.findings, found(await api.findings()));
    } catch (error) {
      fill(this.findings, el("p", { class: "problem" }, printable(error.message)));
    }
  }
}

/** What is in the way first; what is as it ought to be can be looked up. */
function found(findings) {
  const sorted = [...findings].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  const fine = sorted.filter(({ level }) => level === "ok");
  const other = sorted.filter(({ level }) => level !== "ok");
  return [
    other.length ? el("ul", { class: "legs" }, other.map(leg)) : null,
    fine.length
      ? el("details", {}, el("summary", {}, `${fine.length} checked and fine`), el("ul", { class: "legs" }, fine.map(leg)))
      : null,
    el("p", {}, code("corstap doctor"), " tests the browsers of this machine too."),
  ];
}

function leg({ leg: name, level, said, remedy }) {
  const { sign, word } = LEVELS[level] ?? { sign: "", word: level };
  return el(
    "li",
    { class: level },
    el("span", { class: "sign", "aria-hidden": "true" }, sign),
    el("strong", {}, `${name}, ${word}: `),
    prose(said),
    remedy ? el("p", {}, prose(remedy)) : null,
  );
}
