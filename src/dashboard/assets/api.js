// The only place that asks the server. Every answer is JSON; what is refused becomes an error with the server's words.

async function asked(path, init = {}) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error ?? `corstap answered ${answer.status}`);
}

const posted = (body) => ({ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const place = (path, given) => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value !== null && value !== undefined && value !== "") parameters.set(name, value);
  return parameters.size ? `${path}?${parameters}` : path;
};

/** What the server says of itself: where the proxy is, whether it rewrites, what to check. */
export const status = async () => (await asked("api/status")).json();
export const captures = async () => (await asked("api/captures")).json();
export const page = async (capture, before) => (await asked(place("api/rows", { capture, before }))).json();
export const exchange = async (capture, id) => (await asked(place(`api/exchanges/${id}`, { capture }))).json();
export const report = async (capture, ids, format) => (await asked(place("api/report", { capture, id: ids.join(","), format }))).text();
export const check = async (policy) => (await asked("api/policy/check", posted({ policy }))).json();
export const replay = async (policy, capture) => (await asked("api/policy/replay", posted({ policy, capture }))).json();
export const suggest = async (capture, chosen) => (await asked("api/policy/suggest", posted({ capture, ...chosen }))).json();

/**
 * What is committed after a change, as it comes. The browser reconnects by itself and names the last change it has
 * had, so that nothing is missed and nothing comes twice.
 */
export function live(after, { row, status, connection }) {
  const source = new EventSource(place("api/live", { after }));
  source.addEventListener("row", (event) => row(JSON.parse(event.data)));
  source.addEventListener("status", (event) => status(JSON.parse(event.data)));
  source.addEventListener("open", () => connection({ connected: true, ended: false }));
  source.addEventListener("error", () => connection({ connected: false, ended: source.readyState === EventSource.CLOSED }));
  return source;
}
