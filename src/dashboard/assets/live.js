// What changes, from one change on. EventSource cannot send the token, so the stream is read here.

import { ask, Refused } from "./session.js";

const REST = 1000;

/**
 * Calls `tell` with the name and the content of each event, and `state` with whether there is a connection, how often in a
 * row there was none, and whether another run answers. A connection that breaks is made again from the last change that
 * came, so that nothing is missed and nothing comes twice. Ends when the signal says so, or when another run answers.
 */
export async function follow(after, { tell, state, signal }) {
  let last = after;
  let tries = 0;
  while (!signal.aborted) {
    try {
      const answer = await ask(`api/changes?after=${last}&rows=true`, { signal });
      tries = 0;
      state({ connected: true, replaced: false, tries });
      for await (const { id, event, data } of events(answer.body)) {
        tell(event, JSON.parse(data));
        last = id ?? last;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refused) return state({ connected: false, replaced: true });
    }
    tries += 1;
    state({ connected: false, replaced: false, tries });
    await new Promise((resolve) => setTimeout(resolve, REST));
  }
}

/** The events of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = fields(part);
      if (event.data) yield event;
    }
  }
}

function fields(part) {
  const found = {};
  for (const line of part.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) found[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
  }
  return found;
}
