// What is known of the exchanges of a capture: rows, the stories they belong to, and the filters.

import { isFailure, targetOf } from "./words.js";

/** How many rows are kept: the oldest go first. */
export const MOST = 200_000;

export class Exchanges {
  /** Rows by their number. */
  rows = new Map();
  /** The numbers of a story's exchanges, by the number of its first. */
  stories = new Map();
  /** Which story an exchange belongs to. */
  #heads = new Map();
  /** Rows up to this number are out of sight. */
  clearedTo = 0;
  forgotten = 0;

  /** Takes note of a row: a new one, or a later revision of one that is known. */
  note(row) {
    const known = this.rows.get(row.id);
    if (known && known.rev > row.rev) return;
    row.target = targetOf(row.url);
    this.rows.set(row.id, row);
    this.#place(row.id);
    if (this.rows.size > MOST) this.#forget();
  }

  /** Puts an exchange into its story. Links may come late, and what an exchange hangs on may come after it. */
  #place(id) {
    const affected = new Set([id, ...(this.stories.get(this.#heads.get(id)) ?? []), ...(this.stories.get(id) ?? [])]);
    for (const one of affected) this.#move(one, this.#headOf(one));
  }

  #move(id, head) {
    const old = this.#heads.get(id);
    if (old === head) return;
    if (old !== undefined) {
      const left = this.stories.get(old).filter((one) => one !== id);
      if (left.length) this.stories.set(old, left);
      else this.stories.delete(old);
    }
    this.#heads.set(id, head);
    this.stories.set(
      head,
      [...(this.stories.get(head) ?? []), id].sort((a, b) => a - b),
    );
  }

  /** The first exchange of a story, as far as its links are known. */
  #headOf(id) {
    for (let steps = 0; steps < 64; steps += 1) {
      const row = this.rows.get(id);
      const before = row?.preflight ?? row?.redirected_from;
      if (before === null || before === undefined) return id;
      id = before;
    }
    return id;
  }

  #forget() {
    const [head] = this.stories.keys();
    for (const id of this.stories.get(head)) {
      this.rows.delete(id);
      this.#heads.delete(id);
      this.forgotten += 1;
    }
    this.stories.delete(head);
  }

  /** The rows of the story that an exchange belongs to, in order. */
  storyOf(id) {
    const story = this.stories.get(this.#heads.get(id)) ?? [];
    return story.map((one) => this.rows.get(one));
  }

  /** What is to be listed: the rows of each story of which one passes, newest story first; and the place of each in its story. */
  visible(filter) {
    const heads = [...this.stories.keys()].sort((a, b) => b - a);
    const listed = [];
    for (const head of heads) {
      if (head <= this.clearedTo) break;
      const story = this.stories.get(head);
      if (story.some((id) => filter.passes(this.rows.get(id)))) {
        story.forEach((id, place) => listed.push({ row: this.rows.get(id), place, of: story.length }));
      }
    }
    return listed;
  }

  /** All rows in sight that pass, whatever their stories. */
  *passing(filter) {
    for (const row of this.rows.values()) {
      if (row.id > this.clearedTo && filter.passes(row)) yield row;
    }
  }
}

/** Which exchanges are wanted. It lives in the address of the page. */
export class Filter {
  static NAMES = ["outcome", "origin", "target", "cause", "q"];

  constructor(parameters = new URLSearchParams()) {
    for (const name of Filter.NAMES) this[name] = parameters.get(name) ?? "";
  }

  write(parameters) {
    for (const name of Filter.NAMES) {
      if (this[name]) parameters.set(name, this[name]);
      else parameters.delete(name);
    }
  }

  get isEmpty() {
    return Filter.NAMES.every((name) => !this[name]);
  }

  passes(row) {
    if (this.outcome === "failures" && !isFailure(row.outcome)) return false;
    if (this.outcome && this.outcome !== "failures" && row.outcome !== this.outcome) return false;
    if (this.origin && row.origin !== this.origin) return false;
    if (this.target && row.target !== this.target) return false;
    if (this.cause && row.cause !== this.cause) return false;
    return !this.q || this.#has(row);
  }

  #has(row) {
    row.text ??=
      `#${row.id} ${row.method} ${row.url} ${row.origin ?? ""} ${row.cause ?? ""} ${row.status ?? ""} ${row.outcome}`.toLowerCase();
    return this.q
      .toLowerCase()
      .split(/\s+/)
      .every((word) => row.text.includes(word));
  }
}

/** How often each value occurs, most often first. */
export function counted(rows, of) {
  const counts = new Map();
  for (const row of rows) {
    const value = of(row);
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
