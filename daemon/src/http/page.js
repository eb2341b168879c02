// The live list. Text of a heartbeat is only ever set as textContent, within a <bdi>: it is never
// markup, and it cannot change the direction of the text around it.
import { select, shown } from "./columns.js";
import { ServerList } from "./server-list.js";

const at = (id) => document.getElementById(id);
const columns = ["name", "players", "map", "mode", "game", "address"];
const list = new ServerList("/");
const servers = new Map(); // id -> { record, row, cells, gone }
let sort = "-players"; // a column, with "-" before it for descending order
let game = "";
let words = [];
let opened; // the server in the dialog, which may have left the list
let joinLinks = {}; // game -> link, as the operator has set it
let planned = false;
let begun = false; // whether the list has been here

// The crate `metaserve` has the same rule for characters that cannot be seen.
const visible = /[^\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

// A server without a ServerInfo is called by the size of its heartbeat.
function nameOf(record) {
  const name = record.info ? shown(record, "name") : `${record.size} bytes`;
  return visible.test(name) ? name : "(no name)";
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

function newServer(record) {
  const row = element("tr");
  row.setAttribute("role", "row");
  const cells = {};
  const server = { record, row, cells };
  for (const column of columns) {
    const cell = element("td", undefined, row);
    cell.className = column;
    cell.setAttribute("role", "cell");
    cells[column] = cell;
    if (column === "name") {
      cells.called = element("div", undefined, cell);
      const open = button("", cells.called, () => details(server));
      open.className = "name";
      cells.name = element("bdi", "", open);
      cells.lock = at("lock").content.firstElementChild.cloneNode(true);
    } else if (column === "address") {
      const place = element("div", undefined, cell);
      cells.address = element("bdi", "", place);
      cells.join = element("a", "Join", place);
      cells.copy = button("Copy", place, () => copy(server.record.address, cells.copy));
    } else {
      cells[column] = element("bdi", "", cell);
    }
  }
  return server;
}

// The link that joins a game, if the operator has set one for it.
function joinLink({ game, address }) {
  return Object.hasOwn(joinLinks, game) && joinLinks[game].replaceAll("{address}", address);
}

function showJoin(link, record) {
  const to = joinLink(record);
  link.hidden = !to;
  if (to) link.href = to;
  link.setAttribute("aria-label", `Join ${nameOf(record)}`);
}

const placeOf = ({ game, address }) => `${address} ${game}`;

function put(record, left) {
  let known = servers.get(record.id);
  if (!known) {
    // A server that comes back to its address, or gets another id when the daemon restarts, keeps
    // its row and the dialog.
    const place = placeOf(record);
    const back = opened?.gone && placeOf(opened.record) === place ? opened : undefined;
    known = left.get(place) ?? back ?? newServer(record);
    left.delete(place);
    known.gone = false;
    servers.set(record.id, known);
  }
  known.record = record;
  known.row.dataset.id = record.id;
  for (const column of columns) {
    const text = column === "name" ? nameOf(record) : shown(record, column);
    setText(known.cells[column], text);
    known.cells[column].closest("td").classList.toggle("empty", !text);
  }
  known.cells.copy.setAttribute("aria-label", `Copy address ${record.address}`);
  if (record.info?.password === true) known.cells.called.append(known.cells.lock);
  else known.cells.lock.remove();
  showJoin(known.cells.join, record);
}

function take({ added, updated, removed }) {
  const left = new Map();
  const gone = [];
  for (const { id } of removed) {
    const server = servers.get(id);
    servers.delete(id);
    const place = placeOf(server.record);
    if (left.has(place)) gone.push(server); // Of two servers at one address, only one keeps its row.
    else left.set(place, server);
  }
  for (const record of [...added, ...updated]) put(record, left);
  for (const server of [...gone, ...left.values()]) {
    server.row.remove();
    server.gone = true;
  }
  plan();
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

// The most fields of a record that the dialog shows, and the longest text of one: any field is
// possible, since a record can have fields that this page does not know.
const maxFields = 40;
const maxText = 1000;

const oneLine = (text) => text.replace(/[\s\p{Cc}]+/gu, " ");
const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}\u2026` : text);

// Fields with a form of their own.
const forms = {
  mods: (mods) => oneLine(mods.map(({ name, version }) => [name, version].filter(Boolean).join(" ")).join(", ")),
  tags: (tags) => oneLine(tags.join(", ")),
  // One line for each player, which keeps a name that changes the direction of text to its line.
  player_list: (players) => players.map(({ name, score, team }) =>
    oneLine([nameOf({ info: { name } }), score, team && `(${team})`].filter((it) => it !== undefined).join(" "))).join("\n"),
};

function written([name, fact]) {
  if (Object.hasOwn(forms, name)) return forms[name](fact);
  if (typeof fact === "boolean") return fact ? "yes" : "no";
  return cut(oneLine(typeof fact === "object" ? JSON.stringify(fact) : String(fact)), maxText);
}

// The daemon leaves out a website that is not an http or https URL.
const isLink = ([name, fact]) => name === "website" && /^https?:/i.test(fact);

function newFact([title, link], facts) {
  element("bdi", title, element("dt", undefined, facts));
  const place = element(link ? "a" : "bdi", "", element("dd", undefined, facts));
  if (!link) return;
  place.rel = "noopener noreferrer nofollow ugc";
  place.target = "_blank";
}

function details(server) {
  opened = server;
  drawDetails();
  at("details").showModal();
  at("details").scrollTop = 0; // The focus is on a button at the end.
}

function drawDetails() {
  if (!opened) return;
  const { record, gone } = opened;
  setText(at("title"), nameOf(record));
  at("left").hidden = !gone;
  showJoin(at("join"), record);
  at("join").hidden ||= gone;
  const { name, ...info } = record.info || {};
  const all = {
    ...Object.fromEntries(Object.entries(info).slice(0, maxFields)),
    game: record.game,
    addresses: record.addresses.join(", "),
    identity: record.identity,
    "last change": new Date(record.updated * 1000).toLocaleString(),
    "heartbeat bytes": record.size,
    "heartbeat (base64)": record.heartbeat_base64,
  };
  const told = Object.entries(all).filter(([, fact]) => fact !== undefined && fact !== null);
  // Text that stays the same is left alone: somebody may be selecting it.
  const facts = at("facts");
  const titles = told.map((fact) => [cut(fact[0].replaceAll("_", " "), 60), isLink(fact)]);
  if (facts.dataset.titles !== JSON.stringify(titles)) {
    facts.dataset.titles = JSON.stringify(titles);
    facts.replaceChildren();
    for (const title of titles) newFact(title, facts);
  }
  const places = facts.querySelectorAll("dd > *");
  told.forEach((fact, index) => {
    setText(places[index], written(fact));
    if (isLink(fact)) places[index].href = fact[1];
  });
}

function newTab(name) {
  const tab = button("", null, () => show(name));
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
  const records = [...list.servers.values()].filter((record) => !game || record.game === game);
  const wanted = select(records, words.join(" "), sort).map(({ id }) => servers.get(id));
  const stay = new Set(wanted.map(({ row }) => row));
  for (const row of [...rows.children]) if (!stay.has(row)) row.remove();
  // Only rows in the wrong place are moved, so that the focus stays where it is.
  let next = rows.firstChild;
  for (const { row } of wanted) {
    if (row === next) next = next.nextSibling;
    else rows.insertBefore(row, next);
  }
  let players = 0;
  for (const { record } of wanted) players += record.info?.players || 0;
  const count = (number, one) => `${number} ${one}${number === 1 ? "" : "s"}`;
  at("totals").textContent = `${count(wanted.length, "server")}, ${count(players, "player")}`;
  at("empty").hidden = wanted.length > 0 || !begun;
  at("none").hidden = servers.size > 0;
  at("no-match").hidden = servers.size === 0;
  at("of-game").hidden = !game;
  setText(at("asked-game"), game);
  at("matches").hidden = words.length === 0;
  setText(at("asked"), words.join(" "));
  at("listed").hidden = words.length > 0;
  for (const head of document.querySelectorAll("th")) {
    const by = head.firstElementChild.dataset.sort;
    head.ariaSort = by === sort ? "ascending" : `-${by}` === sort ? "descending" : null;
  }
  tabs();
  drawDetails();
}

// Keeps the page's address up to date, so that it can be shared.
function remember() {
  const to = new URL(location.href);
  const typed = at("filter").value.trim();
  for (const [name, text] of [["game", game], ["q", typed]]) {
    if (text) to.searchParams.set(name, text);
    else to.searchParams.delete(name);
  }
  if (to.href !== location.href) history.replaceState(history.state, "", to);
}

function show(tag, text) {
  game = tag;
  if (text !== undefined) at("filter").value = text;
  words = at("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  plan();
  remember();
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

async function learnJoinLinks() {
  try {
    joinLinks = (await (await fetch("/page.json")).json()).join_links;
  } catch {
    return; // The next try is when the events begin again.
  }
  for (const server of servers.values()) showJoin(server.cells.join, server.record);
  at("table").classList.toggle("joins", Object.keys(joinLinks).length > 0);
  plan();
}

function follow() {
  list.addEventListener("change", ({ detail }) => take(detail));
  list.addEventListener("state", ({ detail }) => {
    const live = detail === "live";
    begun ||= live;
    state(live ? "live" : "reconnecting", !live);
    if (live) learnJoinLinks();
    plan();
  });
}

for (const head of document.querySelectorAll("[data-sort]")) {
  head.addEventListener("click", () => {
    const by = head.dataset.sort;
    sort = sort === by || (by === "players" && sort !== "-players") ? `-${by}` : by;
    plan();
  });
}
at("filter").addEventListener("input", () => show(game));
at("all").addEventListener("click", () => { show("", ""); at("filter").focus(); });
at("close").addEventListener("click", () => at("details").close());
at("details").addEventListener("close", () => { opened = undefined; });
const asked = new URLSearchParams(location.search);
show(asked.get("game") || "", asked.get("q") || "");
follow();
