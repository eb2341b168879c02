"use strict";
// The live list. What a heartbeat says is only ever set as textContent, within a <bdi>: it is never
// markup, and does not turn the direction of the text around it.
const at = (id) => document.getElementById(id);
const columns = ["name", "players", "map", "mode", "game", "address"];
const servers = new Map(); // id -> { record, row, cells }
let sort = { by: "players", down: true };
let game = "";
let words = "";
let planned = false;

// Text of which nothing can be seen. Metaserve's crate `metaserve` has the same rule.
const blank = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

function nameOf(record) {
  if (!record.info) return `${record.size} bytes`;
  return blank.test(record.info.name) ? "(no name)" : record.info.name;
}

function value(record, column) {
  const info = record.info || {};
  switch (column) {
    case "name": return nameOf(record);
    case "players": return info.players ?? -1;
    case "game": return record.game;
    case "address": return record.address;
    default: return info[column] || "";
  }
}

function shown(record, column) {
  const info = record.info || {};
  if (column !== "players") return String(value(record, column));
  if (info.players === undefined) return "";
  return info.max_players === undefined ? `${info.players}` : `${info.players} / ${info.max_players}`;
}

function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function button(text, parent, act) {
  const made = element("button", text, parent);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function newRow(id) {
  const row = element("tr");
  row.dataset.id = id;
  row.setAttribute("role", "row");
  const cells = {};
  for (const column of columns) {
    const cell = element("td", undefined, row);
    cell.className = column;
    cell.setAttribute("role", "cell");
    cells[column] = cell;
    if (column === "name") {
      const open = button("", cell, () => details(servers.get(id).record));
      open.className = "name";
      cells.name = element("bdi", "", open);
    } else if (column === "address") {
      cells.address = element("bdi", "", cell);
      cells.copy = button("Copy", cell, () => copy(servers.get(id).record.address, cells.copy));
    } else {
      cells[column] = element("bdi", "", cell);
    }
  }
  return { row, cells };
}

function put(record) {
  let known = servers.get(record.id);
  if (!known) {
    known = newRow(record.id);
    servers.set(record.id, known);
  }
  known.record = record;
  for (const column of columns) {
    const text = shown(record, column);
    setText(known.cells[column], text);
    known.cells[column].closest("td").classList.toggle("empty", !text);
  }
  known.cells.copy.setAttribute("aria-label", `Copy address ${record.address}`);
  const texts = ["name", "map", "mode", "game", "address"].map((column) => value(record, column));
  known.search = texts.join("\n").toLowerCase();
}

function remove(id) {
  const known = servers.get(id);
  if (known) known.row.remove();
  servers.delete(id);
}

async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
    from.textContent = "Copied";
  } catch {
    from.textContent = "Not copied";
  }
  setTimeout(() => { from.textContent = "Copy"; }, 1500);
}

function written(fact) {
  if (typeof fact === "boolean") return fact ? "yes" : "no";
  return typeof fact === "object" ? JSON.stringify(fact) : String(fact);
}

function details(record) {
  at("title").textContent = value(record, "name");
  const facts = at("facts");
  facts.replaceChildren();
  const all = {
    game: record.game,
    addresses: record.addresses.join(", "),
    identity: record.identity,
    "last change": new Date(record.updated * 1000).toLocaleString(),
    "heartbeat bytes": record.size,
    "heartbeat (base64)": record.heartbeat_base64,
    ...record.info,
  };
  for (const [name, fact] of Object.entries(all)) {
    if (fact === undefined || fact === null) continue;
    element("dt", name.replaceAll("_", " "), facts);
    element("bdi", written(fact), element("dd", undefined, facts));
  }
  at("details").showModal();
}

function compare(one, other) {
  const a = value(one.record, sort.by);
  const b = value(other.record, sort.by);
  const order = typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true });
  return (sort.down ? -order : order) || one.record.id - other.record.id;
}

function newTab(name) {
  const tab = button("", null, () => { game = name; plan(); });
  tab.dataset.game = name;
  element("bdi", name || "All games", tab);
  element("span", "", tab);
  return tab;
}

function tabs() {
  const counts = new Map();
  for (const { record } of servers.values()) counts.set(record.game, (counts.get(record.game) || 0) + 1);
  const wanted = [["", servers.size], ...[...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, 20)];
  if (game && !wanted.some(([name]) => name === game)) wanted.push([game, counts.get(game) || 0]);
  const parent = at("games");
  const old = new Map([...parent.children].map((tab) => [tab.dataset.game, tab]));
  wanted.forEach(([name, count], index) => {
    const tab = old.get(name) || newTab(name);
    old.delete(name);
    setText(tab.lastChild, ` (${count})`);
    tab.setAttribute("aria-pressed", String(name === game));
    if (parent.children[index] !== tab) parent.insertBefore(tab, parent.children[index] || null);
  });
  old.forEach((tab) => tab.remove());
}

function draw() {
  planned = false;
  const rows = at("rows");
  const wanted = [...servers.values()].filter(({ record, search }) =>
    (!game || record.game === game) && (!words || search.includes(words)));
  wanted.sort(compare);
  const stay = new Set(wanted.map(({ row }) => row));
  for (const row of [...rows.children]) if (!stay.has(row)) row.remove();
  // Only rows that are not where they belong are moved: focus stays where it is.
  let next = rows.firstChild;
  for (const { row } of wanted) {
    if (row === next) next = next.nextSibling;
    else rows.insertBefore(row, next);
  }
  let players = 0;
  for (const { record } of wanted) players += record.info?.players || 0;
  const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
  at("totals").textContent = `${count(wanted.length, "server")}, ${count(players, "player")}`;
  at("empty").hidden = wanted.length > 0;
  for (const head of document.querySelectorAll("th")) {
    const by = head.firstElementChild.dataset.sort;
    if (by === sort.by) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  tabs();
}

function plan() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(draw);
}

function state(text, trouble) {
  setText(at("state"), text);
  at("state").classList.toggle("trouble", trouble);
}

function listen() {
  const events = new EventSource("/api/v1/events");
  const take = (event, whole) => {
    const data = JSON.parse(event.data);
    if (whole) {
      const stay = new Set(data.servers.map((record) => record.id));
      for (const id of [...servers.keys()]) if (!stay.has(id)) remove(id);
    }
    (data.removed || []).forEach(remove);
    data.servers.forEach(put);
    state("live", false);
    plan();
  };
  events.addEventListener("snapshot", (event) => take(event, true));
  events.addEventListener("delta", (event) => take(event, false));
  events.addEventListener("open", () => state("live", false));
  events.addEventListener("error", () => {
    state("reconnecting", true);
    // After a refusal, such as 503, browsers give up: we do not.
    if (events.readyState === EventSource.CLOSED) {
      events.close();
      setTimeout(listen, 5000);
    }
  });
}

for (const head of document.querySelectorAll("[data-sort]")) {
  head.addEventListener("click", () => {
    const by = head.dataset.sort;
    sort = { by, down: sort.by === by ? !sort.down : by === "players" };
    plan();
  });
}
at("filter").addEventListener("input", (event) => {
  words = event.target.value.trim().toLowerCase();
  plan();
});
at("close").addEventListener("click", () => at("details").close());
listen();
