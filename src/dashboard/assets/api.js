// What the page asks its server, a function a question.

import { ask } from "./session.js";

const place = (path, given) => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(given))
    if (value !== null && value !== undefined) parameters.set(name, value);
  return parameters.size ? `${path}?${parameters}` : path;
};
const json = async (path, options) => (await ask(path, options)).json();
const posted = (body) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

/** What the server says of itself: where the proxy is, whether it rewrites, what to check. */
export const status = () => json("api/status");
/** What may keep exchanges from coming, as the doctor finds it. */
export const findings = () => json("api/findings");
/** The captures that there are, the newest first. */
export const captures = () => json("api/captures");
/** A page of rows, the newest first. */
export const page = (capture, before) => json(place("api/rows", { capture, before }));
/** One exchange, with everything that is known of it. */
export const exchange = (capture, id) => json(place(`api/exchanges/${id}`, { capture }));
/** A report on some exchanges. */
export const report = async (capture, ids, format) =>
  (await ask(place("api/report", { capture, ids: ids.join(","), format }))).text();
/** What is wrong with a policy. */
export const check = (policy) => json("api/policy/check", posted({ policy }));
/** What a policy would change for the exchanges of a capture. */
export const replay = (policy, capture) => json("api/policy/replay", posted({ policy, capture }));
/** The least policy that lets the wanted exchanges of a capture pass. */
export const suggest = (capture) => json("api/policy/suggest", posted({ capture }));
