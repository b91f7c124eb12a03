// Elements. What comes from traffic becomes text nodes, and nothing else: no markup is ever parsed here.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`on…` are listeners; null and false leave one out) and children. */
export function el(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** The same for a picture. */
export function svg(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Something wide, which scrolls by itself where there is no room for it, with the keyboard too. */
export const scrolling = (label, wide) =>
  el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, wide);

/** Puts children in the place of those that are there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter(Boolean));
  return element;
}

// Control characters, what changes the direction of text, and what has no width.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** A text with what cannot be seen in it spelt out. */
export function printable(text) {
  return String(text).replace(HIDDEN, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}

/** A text of corstap's own, with what stands between backticks as code. */
export function prose(text) {
  return String(text)
    .split("`")
    .map((part, place) => (place % 2 ? el("code", {}, printable(part)) : printable(part)));
}

/** Calls something soon, and not more often than every so many milliseconds, however often it is asked for. */
export function atMostEvery(milliseconds, call) {
  let timer = null;
  let last = -Infinity;
  return () => {
    timer ??= setTimeout(
      () => {
        timer = null;
        last = performance.now();
        call();
      },
      Math.max(0, last + milliseconds - performance.now()),
    );
  };
}

/** Calls something once nothing has been asked for a while. */
export function whenQuiet(milliseconds, call) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...given), milliseconds);
  };
}

/** Copies a text, and says so on the button that was pressed. */
export async function copy(button, text) {
  const said = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser did not let it be copied";
  }
  setTimeout(() => (button.textContent = said), 1500);
}

/** Lets the browser save a text as a file. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
