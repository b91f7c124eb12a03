// The overview: who fails where, what fails most, what to mend first, and when it happened.

import { el, fill, printable, prose, scrolling, svg } from "./dom.js";
import { counted } from "./model.js";
import { OUTCOMES, isFailure, plural, timeOfDay, worst } from "./words.js";

const MOST_ROWS = 40;
const BARS = 60;

export function overview(rows, { go, explain }) {
  if (!rows.length) return null;
  return el("div", { class: "overview" }, first(rows, go, explain), matrix(rows, go), causes(rows, go), timeline(rows));
}

/** A link that shows the exchanges behind a number. */
const behind = (go, filter, text, more = {}) => {
  const address = new URLSearchParams({ view: "exchanges", ...filter });
  return el("a", { href: `?${address}`, onclick: (event) => (event.preventDefault(), go(filter)), ...more }, text);
};

/** What to mend first: what accounts for most failures, by the layer at fault where it is known. */
function first(rows, go, explain) {
  const failures = rows.filter((row) => isFailure(row.outcome) && (row.cause || row.root));
  const groups = new Map();
  for (const row of failures) {
    const key = `${row.root ?? row.cause} ${row.target}`;
    const group = groups.get(key) ?? { count: 0, row };
    groups.set(key, { count: group.count + 1, row: row.id > group.row.id ? row : group.row });
  }
  const ranked = [...groups.values()].sort((a, b) => b.count - a.count).slice(0, 5);
  const item = ({ count, row }) => {
    const advice = el("div", { class: "todo" });
    explain(row.id).then(
      ({ explanation }) => fill(advice, explanation ? todo(explanation) : null),
      () => advice.remove(),
    );
    const filter = { target: row.target, ...(row.cause ? { cause: row.cause } : {}) };
    return el(
      "li",
      {},
      el("strong", {}, row.root ?? row.cause),
      ` at ${printable(row.target)}: `,
      behind(go, filter, plural(count, "failure")),
      advice,
    );
  };
  const title = el("h2", {}, "What to fix first");
  if (!ranked.length) return el("section", {}, title, el("p", {}, "Nothing: no exchange was blocked or has failed."));
  return el("section", {}, title, el("ol", { class: "first" }, ranked.map(item)));
}

/** What to do: in the layer at fault where that is known, or else what to send. */
function todo({ root, remedy, send }) {
  const lines = send?.length ? el("pre", { class: "send" }, send.map(printable).join("\n")) : null;
  return root ? [el("p", {}, prose(root))] : [el("p", {}, prose(remedy)), lines];
}

function matrix(rows, go) {
  const crossing = rows.filter((row) => row.origin);
  const origins = counted(crossing, (row) => row.origin).slice(0, MOST_ROWS);
  const targets = counted(crossing, (row) => row.target).slice(0, MOST_ROWS);
  if (!origins.length) return null;
  const cells = new Map();
  for (const row of crossing) {
    const key = `${row.origin} ${row.target}`;
    const cell = cells.get(key) ?? { outcomes: [], failures: 0 };
    cell.outcomes.push(row.outcome);
    cell.failures += isFailure(row.outcome) ? 1 : 0;
    cells.set(key, cell);
  }
  const cell = (origin, target) => {
    const found = cells.get(`${origin} ${target}`);
    if (!found) return el("td", {});
    const outcome = worst(found.outcomes);
    const { sign, word } = OUTCOMES[outcome];
    const count = isFailure(outcome) ? `${found.failures} of ${found.outcomes.length}` : String(found.outcomes.length);
    return el("td", { class: outcome }, behind(go, { origin, target }, `${sign} ${count} ${word}`));
  };
  return el(
    "section",
    {},
    el("h2", {}, "Who asks whom"),
    scrolling(
      "Outcomes by origin and target",
      el(
        "table",
        { class: "matrix" },
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            el("th", { scope: "col" }, "origin ╲ target"),
            targets.map(([target]) => el("th", { scope: "col" }, printable(target))),
          ),
        ),
        el(
          "tbody",
          {},
          origins.map(([origin]) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, printable(origin)),
              targets.map(([target]) => cell(origin, target)),
            ),
          ),
        ),
      ),
    ),
  );
}

function causes(rows, go) {
  const ranked = counted(
    rows.filter((row) => isFailure(row.outcome)),
    (row) => row.cause ?? row.by ?? row.ending,
  );
  if (!ranked.length) return null;
  const most = ranked[0][1];
  const bar = ([cause, count]) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, behind(go, { cause }, cause)),
      el("td", {}, el("meter", { min: 0, max: most, value: count, "aria-label": `${cause}: ${count}` })),
      el("td", {}, String(count)),
    );
  return el("section", {}, el("h2", {}, "Causes"), el("table", { class: "causes" }, el("tbody", {}, ranked.map(bar))));
}

function timeline(rows) {
  const times = rows.map((row) => row.at);
  const start = times.reduce((a, b) => Math.min(a, b));
  const span = Math.max(1, times.reduce((a, b) => Math.max(a, b)) - start);
  const bars = Array.from({ length: BARS }, () => [0, 0]);
  for (const row of rows) {
    const bar = bars[Math.min(BARS - 1, Math.floor(((row.at - start) * BARS) / span))];
    bar[0] += 1;
    bar[1] += isFailure(row.outcome) ? 1 : 0;
  }
  const most = Math.max(...bars.map(([all]) => all));
  const [width, height] = [900, 90];
  const block = (count, place, kind) =>
    svg("rect", {
      x: (place * width) / BARS,
      y: height - (count * height) / most,
      width: width / BARS - 1,
      height: (count * height) / most,
      class: kind,
    });
  const picture = bars.flatMap(([all, failed], place) => [block(all, place, "all"), block(failed, place, "blocked")]);
  const failures = rows.filter((row) => isFailure(row.outcome)).length;
  const told = `${plural(rows.length, "exchange")} from ${timeOfDay(start)} to ${timeOfDay(start + span)}, ${plural(failures, "failure")}`;
  return el(
    "section",
    {},
    el("h2", {}, "When"),
    el("p", {}, told),
    svg("svg", { class: "timeline", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": told }, picture),
  );
}
