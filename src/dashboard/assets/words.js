// How things are called and marked: a sign and a word beside every colour.

import { el } from "./dom.js";

export const OUTCOMES = {
  blocked: { sign: "✕", word: "blocked" },
  failed: { sign: "!", word: "failed" },
  undecided: { sign: "?", word: "undecided" },
  allowed: { sign: "✓", word: "allowed" },
  exempt: { sign: "○", word: "exempt" },
  pending: { sign: "…", word: "pending" },
  "not-asked": { sign: "↷", word: "not asked" },
};

/** An outcome as it stands in text. */
export const badge = (outcome) =>
  el("span", { class: `badge ${outcome}` }, `${OUTCOMES[outcome]?.sign ?? ""} ${OUTCOMES[outcome]?.word ?? outcome}`);

export const ENGINES = { chromium: "Chromium", firefox: "Firefox", webkit: "WebKit" };

const WORST = ["exempt", "allowed", "pending", "not-asked", "undecided", "failed", "blocked"];

/** The outcome that counts for several exchanges. */
export function worst(outcomes) {
  return outcomes.reduce((a, b) => (WORST.indexOf(b) > WORST.indexOf(a) ? b : a), "exempt");
}

export const isFailure = (outcome) => outcome === "blocked" || outcome === "failed";

/** A time of day, to the millisecond. */
export function timeOfDay(milliseconds) {
  const time = new Date(milliseconds);
  return `${time.toLocaleTimeString([], { hour12: false })}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** A duration that people can read. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  return milliseconds < 1000
    ? `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Scheme, host and port of a URL, as it is written. */
export function targetOf(url) {
  const end = url.indexOf("/", url.indexOf("://") + 3);
  return end < 0 ? url : url.slice(0, end);
}

/** What follows the target in a URL. */
export function pathOf(url) {
  return url.slice(targetOf(url).length) || "/";
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;
