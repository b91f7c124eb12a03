// The page: a list that starts with the newest exchanges and goes on with what comes.
import { follow } from "/live.js";
import { clear, put, size } from "/list.js";
import { ask } from "/session.js";

const at = (id) => document.getElementById(id);
const table = at("exchanges");
let older = null;

const isWanted = ({ verdict }) =>
  !at("failed").checked || verdict.outcome === "blocked" || verdict.outcome === "failed";

function state(text) {
  at("state").textContent = text;
}

function show(exchange) {
  if (isWanted(exchange)) put(table, exchange, open);
  at("nothing").hidden = size() > 0;
}

function open(exchange) {
  const { explanation, request } = exchange;
  at("title").textContent = `#${exchange.id} ${request.method} ${request.url}`;
  at("sentence").textContent = explanation?.sentence ?? "";
  const items = exchange.roots.map(({ remedy }) => {
    const item = document.createElement("li");
    item.textContent = remedy;
    return item;
  });
  at("remedies").replaceChildren(...items);
  at("json").textContent = JSON.stringify(exchange, null, 2);
  at("detail").hidden = false;
}

async function load(before) {
  const query = new URLSearchParams({ limit: 200, failed: at("failed").checked });
  if (before) query.set("before", before);
  const page = await (await ask(`/api/exchanges?${query}`)).json();
  page.exchanges.forEach(show);
  older = page.next;
  at("older").hidden = older === null;
  at("nothing").hidden = size() > 0;
  return page.change;
}

const failed = (error) => state(error.message);
at("older").onclick = () => load(older).catch(failed);
at("close").onclick = () => (at("detail").hidden = true);
addEventListener("keydown", (event) => event.key === "Escape" && (at("detail").hidden = true));
at("failed").onchange = () => {
  clear(table);
  load().catch(failed);
};

load().then((change) => follow(change, show, state), failed);
