// The policy bench: a policy is edited, judged while it is typed, and played over the capture. It turns nothing on.

import { check, replay, suggest } from "./api.js";
import { el, fill, printable, prose, save, scrolling, whenQuiet } from "./dom.js";
import { plural } from "./words.js";

const EXAMPLE = `version = 1

[[rule]]
name = "web app to API"
origins = ["https://app.example.test"]
targets = ["https://api.example.test"]
methods = ["PUT", "DELETE"]
request-headers = ["content-type"]
credentials = true
max-age = 600
`;
const KEPT = "corstap policy";

export class Bench {
  constructor(capture) {
    this.capture = capture;
    this.lines = el("pre", { class: "lines", "aria-hidden": "true" });
    this.editor = el("textarea", {
      id: "policy",
      spellcheck: "false",
      autocapitalize: "off",
      "aria-describedby": "findings-count",
      onscroll: () => (this.lines.scrollTop = this.editor.scrollTop),
      oninput: () => this.#changed(),
    });
    this.editor.value = sessionStorage.getItem(KEPT) ?? EXAMPLE;
    this.findings = el("ol", { class: "findings" });
    this.count = el("p", { id: "findings-count", role: "status" });
    this.changes = el("div", { class: "changes", "aria-live": "polite" });
    this.#judge = whenQuiet(250, () => this.judge());
    this.element = this.#page();
    this.#number([]);
    this.judge();
  }

  #judge;
  #asked = 0;

  #page() {
    const button = (name, act) => el("button", { type: "button", onclick: act }, name);
    return el(
      "div",
      { class: "bench" },
      el(
        "p",
        {},
        "Edit a policy and see what it would do. Nothing here changes what passes through the proxy: that takes ",
        el("code", {}, "corstap run --policy FILE --rewrite"),
        ".",
      ),
      el(
        "p",
        { class: "buttons" },
        button("Start from the capture", () => this.#suggest()),
        button("Play it over the capture", () => this.replay()),
        button("Download", () => save("policy.toml", "application/toml", this.editor.value)),
      ),
      el(
        "div",
        { class: "edit" },
        el(
          "div",
          { class: "editor" },
          this.lines,
          el("label", { for: "policy", class: "unseen" }, "The policy, in TOML"),
          this.editor,
        ),
        el("section", { "aria-label": "Findings" }, this.count, this.findings),
      ),
      this.changes,
    );
  }

  #changed() {
    sessionStorage.setItem(KEPT, this.editor.value);
    fill(this.changes);
    this.#judge();
  }

  async judge() {
    const asked = ++this.#asked;
    try {
      const { findings } = await check(this.editor.value);
      // An answer that was overtaken by a later question is of no use.
      if (asked === this.#asked) this.#show(findings);
    } catch (error) {
      if (asked === this.#asked) this.count.textContent = error.message;
    }
  }

  #show(findings) {
    this.#number(findings);
    this.count.textContent = findings.length
      ? plural(findings.length, "finding")
      : "No findings: this policy is sound.";
    fill(
      this.findings,
      findings.map((finding) => this.#finding(finding)),
    );
  }

  #finding(finding) {
    const go = () => this.#goTo(finding.line, finding.column);
    return el(
      "li",
      { class: finding.severity },
      el("button", { type: "button", class: "place", onclick: go }, `line ${finding.line}`),
      ` ${finding.severity}: `,
      el("strong", {}, finding.code),
      " ",
      prose(finding.why),
      el("p", {}, prose(finding.do)),
    );
  }

  #goTo(line, column) {
    const before = this.editor.value
      .split("\n")
      .slice(0, line - 1)
      .join("\n").length;
    const at = before + (line > 1 ? 1 : 0) + Math.max(0, (column ?? 1) - 1);
    this.editor.focus();
    this.editor.setSelectionRange(at, at + 1);
  }

  /** The numbers beside the lines; those with a finding have its mark. */
  #number(findings) {
    const marks = new Map();
    const rank = ["advice", "broken", "unsafe"];
    for (const { line, severity } of findings) {
      if (!marks.has(line) || rank.indexOf(severity) > rank.indexOf(marks.get(line))) marks.set(line, severity);
    }
    const signs = { advice: "·", broken: "!", unsafe: "✕" };
    const numbers = this.editor.value.split("\n").map((_, place) => {
      const severity = marks.get(place + 1);
      return el(
        "span",
        { class: severity ?? null },
        `${severity ? signs[severity] : " "}${String(place + 1).padStart(4)}\n`,
      );
    });
    fill(this.lines, numbers);
  }

  async replay() {
    fill(this.changes, el("p", {}, "Playing…"));
    try {
      this.#tell(await replay(this.editor.value, this.capture()));
    } catch (error) {
      fill(this.changes, el("p", { class: "problem" }, error.message));
    }
  }

  /** What changes: what is newly allowed first, and in red, because it is what can do harm. */
  #tell({ groups }) {
    const head = [
      "Origin",
      "Target",
      "Method",
      "Newly allowed",
      "Newly blocked",
      "Allowed",
      "Undecided",
      "Blocked",
      "Not told",
    ];
    const row = (group) =>
      el(
        "tr",
        {},
        [group.origin, group.target, group.method].map((text) => el("td", {}, printable(text))),
        el(
          "td",
          { class: group.newly_allowed ? "newly-allowed" : null },
          group.newly_allowed ? `▲ ${group.newly_allowed}` : "0",
        ),
        el(
          "td",
          { class: group.newly_blocked ? "newly-blocked" : null },
          group.newly_blocked ? `▼ ${group.newly_blocked}` : "0",
        ),
        [group.allowed, group.undecided, group.blocked, group.not_told].map((count) => el("td", {}, String(count))),
      );
    const sorted = [...groups].sort((a, b) => b.newly_allowed - a.newly_allowed || b.newly_blocked - a.newly_blocked);
    const exchanges = groups.reduce((sum, group) => sum + group.exchanges, 0);
    fill(
      this.changes,
      el("h2", {}, "What this policy would change"),
      el(
        "p",
        {},
        `${plural(exchanges, "cross-origin exchange")} of the capture, compared with what the servers answered.`,
      ),
      scrolling(
        "What the policy changes",
        el(
          "table",
          {},
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              head.map((name) => el("th", { scope: "col" }, name)),
            ),
          ),
          el("tbody", {}, sorted.map(row)),
        ),
      ),
    );
  }

  async #suggest() {
    try {
      const { policy } = await suggest(this.capture());
      this.editor.value = policy;
      this.#changed();
    } catch (error) {
      this.count.textContent = error.message;
    }
  }
}
