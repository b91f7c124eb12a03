// What happened, in order: a picture of page, corstap and servers, and the same in words.

import { el, printable, svg } from "./dom.js";
import { OUTCOMES, badge, duration, pathOf } from "./words.js";

// Where things are in the picture, in its own units.
const BETWEEN = 200;
const STEP = 56;
const TOP = 44;
const EDGE = 110;
const at = (lane) => EDGE + lane * BETWEEN;

/** How long after the start of the story something was; nothing where it is not known. */
const since = (start, moment) => (Number.isFinite(moment) ? `+${duration(Math.max(0, moment - start))}` : "");
const began = (row, start) => since(start, row.at);
const ended = (row, start) => (row.ms === null || row.ms === undefined ? "" : since(start, row.at + row.ms));

/** Whether the preflight of what is told was one that the browser still held; the picture has it as a step of its own. */
const heldPreflight = ({ links }) => (links?.preflight_because === "cached" ? links.preflight : null);

/** What happened, as a list: the picture in words. */
export function steps(told, rows, link, open) {
  const held = heldPreflight(told);
  const step = (row) =>
    el(
      "li",
      { "aria-current": row.id === told.id ? "step" : null },
      link(row.id, open),
      ` ${role(row)}${printable(row.method)} ${printable(row.url)}: ${row.status ?? row.ending}, `,
      badge(row.outcome),
      row.cause ? ` ${row.cause}` : "",
      el("span", { class: "when" }, ` ${when(row, rows[0].at)}`),
    );
  const cached = held
    ? el("li", {}, "The browser still held the answer to an earlier preflight, ", link(held, open), ": none was sent")
    : null;
  return el(
    "ol",
    { class: "steps" },
    rows.map((row) => (row.id === told.id && cached ? [cached, step(row)] : step(row))).flat(),
  );
}

function when(row, start) {
  const end = ended(row, start);
  return end ? `from ${began(row, start)} to ${end}` : `at ${began(row, start)}`;
}

const role = (row) => (row.kind === "preflight" ? "preflight " : row.redirected_from ? "after the redirect " : "");

/** The picture: page, corstap and servers as lines from top to bottom, an exchange as two arrows. */
export function sequence(told, rows) {
  const servers = [...new Set(rows.map((row) => row.target))];
  const lanes = ["page", "corstap", ...servers];
  const held = heldPreflight(told);
  const count = rows.length + (held ? 1 : 0);
  const width = 2 * EDGE + (lanes.length - 1) * BETWEEN;
  const height = TOP + count * STEP + 16;
  const picture = lanes.flatMap((name, lane) => [
    svg("text", { x: at(lane), y: 18, class: "lane" }, clip(printable(name), 34)),
    svg("line", { x1: at(lane), x2: at(lane), y1: 26, y2: height, class: "life" }),
  ]);
  let y = TOP;
  for (const row of rows) {
    if (held && row.id === told.id) {
      picture.push(...fromCache(held, y));
      y += STEP;
    }
    picture.push(...arrows(row, { lane: 2 + servers.indexOf(row.target), y, start: rows[0].at }));
    y += STEP;
  }
  return el(
    "div",
    { class: "picture", "aria-hidden": "true" },
    svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height }, picture),
  );
}

/** A preflight that the browser answered out of its cache never leaves the page. */
function fromCache(held, y) {
  return [
    svg("path", { d: `M${at(0)} ${y}h60v16H${at(0)}m7 -4l-7 4l7 4`, class: "cached" }),
    svg("text", { x: at(0) + 68, y: y + 12 }, `preflight: the answer to #${held}, from the cache`),
  ];
}

function arrows(row, { lane, y, start }) {
  const asked = `${row.method} ${clip(printable(pathOf(row.url)), 40)}`;
  const answered = `${row.status ?? row.ending}${row.cause ? ` ${row.cause}` : ""}`;
  const reached = row.outcome === "not-asked" ? 1 : lane;
  return [
    svg("text", { x: 4, y: y + 4, class: "when" }, began(row, start)),
    svg("text", { x: at(0) + 8, y: y - 5 }, asked),
    arrow(0, reached, y, "asked"),
    arrow(reached, 0, y + 24, `answered ${row.outcome}`),
    svg("text", { x: 4, y: y + 28, class: "when" }, ended(row, start)),
    svg("text", { x: at(0) + 8, y: y + 19, class: row.outcome }, `${OUTCOMES[row.outcome]?.sign ?? ""} ${answered}`),
  ];
}

const arrow = (from, to, height, kind) =>
  svg("path", { d: `M${at(from)} ${height}H${at(to)}m${to > from ? "-7 -4l7 4l-7 4" : "7 -4l-7 4l7 4"}`, class: kind });

const clip = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
