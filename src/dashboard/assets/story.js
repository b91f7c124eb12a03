// The story of one exchange: what happened in order, what each engine makes of it, why, and what to change.

import { el, copy, printable, prose, save, scrolling } from "./dom.js";
import { sequence, steps } from "./sequence.js";
import { ENGINES, OUTCOMES, badge, duration } from "./words.js";

const section = (title, ...children) => el("section", {}, el("h3", {}, title), children);
const link = (id, open) =>
  el("a", { href: `?view=exchanges&id=${id}`, onclick: (event) => follow(event, () => open(id)) }, `#${id}`);

function follow(event, open) {
  event.preventDefault();
  open();
}

/** The whole story. `told` is one exchange as the server tells it, `rows` are those of its story, `actions` what the page can do. */
export function story(told, rows, actions) {
  const { verdict, explanation } = told;
  return el(
    "article",
    { class: "story", "aria-labelledby": "story-title" },
    el(
      "header",
      {},
      el(
        "h2",
        { id: "story-title" },
        `#${told.id} ${printable(told.request.method)} `,
        el("span", { class: "url" }, printable(told.request.url)),
      ),
      el("button", { type: "button", class: "close", onclick: actions.close }, "Close"),
    ),
    el("p", { class: "summary" }, badge(verdict.outcome), " ", heading(told)),
    explanation ? el("p", { class: "sentence" }, prose(explanation.sentence)) : null,
    doubt(verdict),
    rewriting(told),
    confirmed(verdict),
    buttons(told, rows, actions),
    remedy(told),
    section("What happened", sequence(told, rows), steps(told, rows, link, actions.open)),
    engines(verdict),
    roots(told, actions.open),
    notCors(verdict),
    facts(told, actions.open),
    section("The request", fields(told.request.headers, [])),
    told.sent
      ? section(`The answer, as the server sent it: ${told.sent.status}`, fields(told.sent.headers, atFault(told)))
      : null,
    told.delivered
      ? section(`The answer, as the browser got it: ${told.delivered.status}`, fields(told.delivered.headers, []))
      : null,
  );
}

function heading({ verdict, origin, kind }) {
  const cause = verdict.cause ?? verdict.by ?? "";
  const phase = verdict.phase ? ` (${verdict.phase})` : "";
  return `${cause}${phase}${cause ? ", " : ""}${kind} request${origin ? ` from ${printable(origin)}` : ""}`;
}

function doubt({ outcome, if_included: included, if_omitted: omitted }) {
  if (outcome !== "undecided" || !included || !omitted) return null;
  const told = (answer) =>
    `${OUTCOMES[answer.outcome]?.word ?? answer.outcome}${answer.cause ? ` (${answer.cause})` : ""}`;
  return el(
    "p",
    { class: "doubt" },
    `Whether credentials are included is not on the wire. If they are: ${told(included)}. If they are not: ${told(omitted)}.`,
  );
}

function rewriting({ rewrite, verdict, production }) {
  const notSent =
    production === "not-sent" ? "In production this request would never have been sent: its preflight fails." : "";
  if (!rewrite && !notSent) return null;
  const fate = verdict.outcome === "blocked" ? `fails: ${verdict.cause}` : `is ${verdict.outcome}`;
  const passes = rewrite ? `Passes here because of rule ${printable(rewrite.rule)}. In production it ${fate}. ` : "";
  return el("p", { class: "rewritten" }, passes, notSent);
}

function confirmed({ confirmed: word }) {
  if (!word) return null;
  const said = word.code ? ` ${word.code}` : "";
  return el(
    "p",
    { class: word.agrees ? "agrees" : "contradicts" },
    word.agrees ? `The browser itself says so (${word.by}${said}).` : `The browser says otherwise (${word.by}${said}).`,
  );
}

function buttons(told, rows, { report }) {
  const ids = rows.map(({ id }) => id);
  const button = (name, act) => el("button", { type: "button", onclick: (event) => act(event.currentTarget) }, name);
  return el(
    "p",
    { class: "buttons" },
    button("Copy report", async (pressed) => copy(pressed, await report(ids, "markdown"))),
    button("Copy curl", async (pressed) => copy(pressed, await report(ids, "curl"))),
    button("Download HAR", async () => save(`corstap-${told.id}.har`, "application/json", await report(ids, "har"))),
  );
}

function remedy({ explanation }) {
  if (!explanation) return null;
  const lines = explanation.send ?? [];
  const text = lines.join("\n");
  return section(
    "What to change",
    el("p", {}, prose(explanation.remedy)),
    lines.length ? el("pre", { class: "send" }, lines.map(printable).join("\n")) : null,
    lines.length
      ? el("button", { type: "button", onclick: (event) => copy(event.currentTarget, text) }, "Copy these fields")
      : null,
    explanation.root ? el("p", { class: "root" }, prose(explanation.root)) : null,
  );
}

function roots({ roots: found }, open) {
  if (!found?.length) return null;
  return section(
    "The layer at fault",
    el(
      "ul",
      {},
      found.map((root) =>
        el(
          "li",
          {},
          el("strong", {}, root.code),
          ` (${root.confidence} confidence), shown by `,
          root.evidence.flatMap((id, place) => [place ? ", " : "", link(id, open)]),
        ),
      ),
    ),
  );
}

function notCors({ not_cors: found }) {
  if (!found?.length) return null;
  return section(
    "This is not CORS",
    el(
      "ul",
      {},
      found.map((one) => el("li", {}, el("strong", {}, one.code), " ", prose(one.remedy ?? ""))),
    ),
  );
}

function engines({ engines: answers }) {
  const row = ([name, title]) => {
    const answer = answers?.[name];
    if (!answer) return null;
    const conditional = answer.if_included && answer.if_omitted;
    const words = conditional
      ? `with credentials: ${answer.if_included.outcome} ${answer.if_included.code ?? ""}; without: ${answer.if_omitted.outcome} ${answer.if_omitted.code ?? ""}`
      : `${answer.code ?? ""} ${answer.parameter ? `(${printable(answer.parameter)})` : ""}`;
    return el(
      "tr",
      {},
      el("th", { scope: "row" }, title),
      el("td", {}, badge(answer.outcome)),
      el("td", {}, words),
      el("td", {}, answer.basis ?? ""),
    );
  };
  const head = ["Engine", "Verdict", "It prints", "Basis"].map((name) => el("th", { scope: "col" }, name));
  return section(
    "What each engine says",
    scrolling(
      "Verdicts by engine",
      el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, Object.entries(ENGINES).map(row))),
    ),
  );
}

function facts(told, open) {
  const { verdict, links } = told;
  const { mode, because } = verdict.credentials ?? {};
  const rows = [
    ["Credentials", `${mode ?? "unknown"}${because ? `, because: ${because}` : ""}`],
    ["Also wrong", (verdict.also ?? []).join(", ")],
    ["Kind", `${told.kind} (by ${told.kind_because})${told.destination ? `, for ${told.destination}` : ""}`],
    [
      "Preflight",
      links?.preflight ? [link(links.preflight, open), ` (${links.preflight_because})`] : links?.preflight_because,
    ],
    ["Content", told.content ? `${told.content}, by its first octets` : ""],
    ["Ending", `${told.ending}${told.reason ? `: ${printable(told.reason)}` : ""}, after ${duration(told.elapsed_ms)}`],
    [
      "Connection",
      `${told.connection}, ${told.protocol}${told.server ? `, server at ${told.server}` : ""}${told.via ? `, through ${told.via}` : ""}`,
    ],
    [
      "Call",
      told.initiator
        ? printable(
            typeof told.initiator === "string"
              ? told.initiator
              : [told.initiator.url, told.initiator.line, told.initiator.column]
                  .filter((part) => part !== undefined && part !== null)
                  .join(":"),
          )
        : "",
    ],
  ];
  return section(
    "Facts",
    el(
      "dl",
      {},
      rows
        .filter(([, value]) => value && value.length !== 0)
        .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    ),
  );
}

function atFault({ id, verdict }) {
  return (verdict.evidence ?? []).filter((one) => one.exchange === id && one.line).map((one) => one.line);
}

/** Field lines in their order; those at fault are marked. */
function fields(headers, marked) {
  const line = ([name, value], place) => {
    const isMarked = marked.includes(place + 1);
    const text =
      typeof value === "string" ? printable(value) : el("i", {}, `withheld, ${value.length} octets, ${value.digest}`);
    return el(
      "li",
      { class: isMarked ? "fault" : null },
      isMarked ? el("strong", {}, "► at fault: ") : null,
      el("span", { class: "name" }, `${printable(name)}: `),
      text,
    );
  };
  return el("ol", { class: "fields" }, headers.map(line));
}
