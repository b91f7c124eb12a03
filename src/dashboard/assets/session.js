// The token of the run. It comes in the fragment of the address, which nobody is sent, and is taken off
// it at once, so that no history and no copied address has it.
const KEY = "corstap-token";

function take() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem(KEY, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY);
}

let token = take();

// The same tab may be given the address of a later run.
addEventListener("hashchange", () => {
  token = take();
  location.reload();
});

export class Refused extends Error {}

/** Asks the dashboard's own server; the token goes along. */
export async function ask(path, options = {}) {
  if (!token) throw new Refused("Open the address that corstap has printed: it has the token of the run.");
  const headers = { ...options.headers, authorization: `Bearer ${token}` };
  const answer = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  if (answer.status === 401) throw new Refused("This is another run: open the address that corstap has printed.");
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}
