// The list of exchanges, the newest first. Whatever was recorded gets into the page as text.

const rows = new Map();

function cell(row, text, name) {
  const cell = row.insertCell();
  cell.textContent = text;
  if (name) cell.className = name;
  return cell;
}

function verdict(cell, exchange) {
  const { outcome, cause, phase } = exchange.verdict;
  const word = document.createElement("span");
  word.className = "outcome";
  word.textContent = outcome === "undecided" ? "passes unless credentials are included" : outcome;
  cell.append(word);
  if (cause) {
    const code = document.createElement("span");
    code.className = "cause";
    code.textContent = ` ${cause}${phase === "preflight" ? " (preflight)" : ""}`;
    cell.append(code);
  }
}

function fill(row, exchange) {
  row.replaceChildren();
  row.className = exchange.verdict.outcome;
  cell(row, exchange.id);
  cell(row, new Date(exchange.started).toLocaleTimeString());
  verdict(cell(row, ""), exchange);
  const request = cell(row, "");
  const method = document.createElement("span");
  method.className = "method";
  method.textContent = `${exchange.request.method} `;
  request.append(method, exchange.request.url);
  cell(row, exchange.origin ?? "");
  cell(row, exchange.sent?.status ?? exchange.ending);
}

/** Puts an exchange into the list, or its newest revision in the place of the last. */
export function put(table, exchange, open) {
  const known = rows.get(exchange.id);
  if (known && known.rev > exchange.rev) return;
  const row = known?.row ?? place(table, exchange.id);
  rows.set(exchange.id, { row, rev: exchange.rev });
  row.tabIndex = 0;
  row.onclick = () => open(exchange);
  row.onkeydown = (event) => event.key === "Enter" && open(exchange);
  fill(row, exchange);
}

/** A new row, where its number belongs. */
function place(table, id) {
  const row = document.createElement("tr");
  row.dataset.id = id;
  let next = table.firstElementChild;
  while (next && Number(next.dataset.id) > id) next = next.nextElementSibling;
  table.insertBefore(row, next);
  return row;
}

export function clear(table) {
  rows.clear();
  table.replaceChildren();
}

export const size = () => rows.size;
