// What changes, from one change on. EventSource cannot send the token, so the stream is read here.
import { ask, Refused } from "/session.js";

const REST = 1000;

/** Calls `tell` with each exchange that changes, and `state` with how things are; for ever. */
export async function follow(after, tell, state) {
  let last = after;
  for (;;) {
    try {
      const answer = await ask(`/api/changes?after=${last}`);
      state("live");
      for await (const event of events(answer.body)) {
        if (event.event !== "exchange") continue;
        tell(JSON.parse(event.data));
        last = event.id;
      }
      state("corstap has ended; what it has recorded is in its capture");
    } catch (error) {
      if (error instanceof Refused) return state(error.message);
      state("corstap does not answer; it is asked again");
    }
    await new Promise((resolve) => setTimeout(resolve, REST));
  }
}

/** The events of a stream: https://html.spec.whatwg.org/multipage/server-sent-events.html */
async function* events(body) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop();
    for (const part of parts) yield event(part);
  }
}

function event(part) {
  const fields = {};
  for (const line of part.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) fields[line.slice(0, at)] = line.slice(at + 1).replace(/^ /, "");
  }
  return fields;
}
