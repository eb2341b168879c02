// Puts the page together: what comes from the world goes to the view and the panels, what the
// player does goes to the world.

import { Api } from "./api.js";
import { Chat } from "./chat.js";
import { Entry } from "./entry.js";
import { describe, Panels } from "./panels.js";
import { Connection, earlierSession } from "./socket.js";
import { View } from "./view.js";
import { clean, named, placeOf, titleOf } from "./words.js";
import { listOf, Zone } from "./zone.js";

const WATCHED = "shared/meadow";
// One move is this long at most.
const LONGEST_MOVE = 20;
// How near one has to be to do something with an object, from its edge.
const REACH_METRES = 1.2;
const STEPS = new Map([
  ["ArrowUp", [0, -1]], ["ArrowDown", [0, 1]], ["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]],
  ["KeyW", [0, -1]], ["KeyS", [0, 1]], ["KeyA", [-1, 0]], ["KeyD", [1, 0]],
]);

const byId = (id) => document.getElementById(id);
const zone = new Zone();
const api = new Api();
let character = null; // The name of the one that is played.
let sheet = {};
let intent = null; // What to do with an object once it is in reach: `{ id, type }`.
const held = new Set(); // Keys to walk by.
let heldTimer = 0;

const chat = new Chat((frame) => {
  if (!command(frame)) return false;
  if (frame.scope?.to) chat.whispered(frame.scope.to, frame.text);
  return true;
});
const view = new View(byId("view"), zone, (point, object) => {
  if (!character) return;
  if (object) select(object.id);
  else walkTo(point);
});
const panels = new Panels(zone, {
  select,
  unselect: () => select(null),
  look: () => withSelected((it) => chat.told(`${named(it.name)}: ${describe(own() ?? it, it)}`)),
  activate: () => withSelected((it) => approach(it, "activate")),
  take: () => withSelected((it) => approach(it, "take")),
  whisper: () => withSelected((it) => {
    panels.open("chat");
    chat.whisperTo(it.name);
  }),
  use: (id) => command({ type: "use", id, ...(view.selected && { on: view.selected }) }),
  drop: (id) => command({ type: "drop", id }),
});
const entry = new Entry(api, play);
const connection = new Connection({
  ticket: () => api.ticket(),
  onFrame: hear,
  onState: showState,
  onWaiting: () => showWaiting(),
});

// What comes from the world.

function hear(frame) {
  const now = performance.now();
  switch (frame.type) {
    case "snapshot":
      if (frame.zone !== zone.id) arrive();
      zone.snapshot(frame, now);
      if (frame.sheet) showSheet(frame.sheet);
      if (!frame.walks) view.target = null;
      break;
    case "delta":
      zone.delta(frame, now);
      for (const event of listOf(frame.events)) happened(event);
      break;
    case "said":
      chat.said(frame);
      if (frame.scope === "zone" || isThing(frame.from)) view.say(frame.from, frame.text);
      break;
    case "refused":
      chat.told(clean(frame.why, 300), "refused");
      break;
    case "moved":
      arrive();
      break;
    case "unsure":
      chat.told("Your session had ended. What you did last may not have happened.", "refused");
      break;
  }
  keepIntent();
  showSoon();
}

/** Whether something of the zone is called so, and no player: what it says to one is shown as well. */
const isThing = (name) => (zone.called(name)?.kind ?? "player") !== "player";

function happened(event) {
  switch (event?.event) {
    case "said":
      chat.said({ scope: "zone", from: event.from, text: event.text });
      view.say(event.from, event.text);
      break;
    case "told":
      chat.told(event.text);
      break;
    case "refused":
      chat.told(clean(event.why, 300), "refused");
      intent = null;
      break;
    case "stopped":
      view.target = null;
      if (event.by) {
        intent = null;
        chat.told(`${named(event.by)} is in the way.`);
      } else {
        keepIntent(true);
      }
      break;
    case "sheet":
      showSheet(event);
      break;
    case "moved":
      arrive();
      break;
    case "left":
      leave("Your character has left the world.");
      break;
  }
}

function arrive() {
  select(null);
  intent = null;
  held.clear();
  view.arrive();
}

// What the player does.

const own = () => zone.objects.get(view.own);

function command(frame) {
  if (!character) return false;
  const isTaken = connection.command(frame);
  if (!isTaken) chat.told("Too much waits for the world already. Wait a moment.", "refused");
  return isTaken;
}

function select(id) {
  view.selected = id;
  showNow();
}

function withSelected(act) {
  const it = zone.objects.get(view.selected);
  if (it) act(it);
}

function walkTo(point, keepsIntent = false) {
  const from = own();
  if (!from) return;
  if (!keepsIntent) intent = null;
  const [dx, dy] = [point.x - from.x, point.y - from.y];
  const share = Math.min(1, (LONGEST_MOVE - 0.01) / Math.hypot(dx, dy));
  view.target = { x: from.x + dx * share, y: from.y + dy * share };
  command({ type: "move", dx: dx * share, dy: dy * share });
}

function isInReach(it) {
  const from = own();
  return from && Math.hypot(it.x - from.x, it.y - from.y) <= it.radius + from.radius + REACH_METRES;
}

/** Does something with an object, or goes there first. */
function approach(it, type) {
  if (isInReach(it)) {
    intent = null;
    command({ type, id: it.id });
  } else {
    intent = { id: it.id, type };
    walkTo(it, true);
  }
}

/** Does what was meant as soon as it can be done. Far ways take several walks. */
function keepIntent(hasStopped = false) {
  const it = intent && zone.objects.get(intent.id);
  if (it && (hasStopped || isInReach(it))) approach(it, intent.type);
}

function walkByKeys() {
  clearTimeout(heldTimer);
  let [x, y] = [0, 0];
  for (const code of held) {
    const [dx, dy] = STEPS.get(code);
    x += dx;
    y += dy;
  }
  if (!own()) return;
  intent = null;
  view.target = null;
  const length = Math.hypot(x, y) || 1;
  // Further than they get until the next word: without one, they stop by themselves.
  command({ type: "move", dx: (x / length) * 6, dy: (y / length) * 6 });
  if (x || y) heldTimer = setTimeout(walkByKeys, 1200);
}

const isTyping = () => document.activeElement?.matches("input, select, textarea, #lines");

addEventListener("keydown", (event) => {
  if (!character || isTyping() || event.ctrlKey || event.altKey || event.metaKey) return;
  const isOnView = document.activeElement === document.body || document.activeElement === byId("view");
  const isArrow = event.code.startsWith("Arrow");
  if (STEPS.has(event.code) && (isArrow || isOnView)) {
    event.preventDefault();
    if (held.has(event.code)) return;
    held.add(event.code);
    walkByKeys();
  } else if (event.key === "Enter" && isOnView) {
    event.preventDefault();
    panels.open("chat");
    chat.focus();
  } else if (event.key === "Escape") {
    select(null);
  }
});
addEventListener("keyup", ({ code }) => held.delete(code) && walkByKeys());
addEventListener("blur", () => {
  if (held.size === 0) return;
  held.clear();
  walkByKeys();
});

// Where the page is: at the entrance, or in the world.

function play(name, earlier = null) {
  character = name;
  view.own = `@${name.toLowerCase()}`;
  zone.clear();
  chat.clear();
  if (byId("log-kind").textContent) chat.told(byId("log-kind").textContent);
  arrive();
  document.body.dataset.stage = "world";
  entry.close();
  byId("log-out").hidden = false;
  connection.play(name, earlier);
  byId("view").focus({ preventScroll: true });
}

function leave(why = "") {
  connection.leave();
  character = null;
  view.own = null;
  clearTimeout(heldTimer);
  zone.clear();
  arrive();
  document.body.dataset.stage = "entry";
  connection.watch(WATCHED);
  return entry.open(why);
}

byId("leave").addEventListener("click", () => leave());
byId("log-out").addEventListener("click", async () => {
  const out = api.logOut();
  await leave();
  byId("name").focus();
  await out;
});
byId("retry").addEventListener("click", () => connection.retryNow());

// What there is to read.

let shownState = { is: "off" };
let showing = 0;

function showState(state) {
  shownState = state;
  if (state.is === "refused") {
    // Not from within the connection's own doing.
    queueMicrotask(() => leave(state.why));
    return;
  }
  showWaiting();
}

function showWaiting() {
  const { is, why, seconds } = shownState;
  const waiting = connection?.waiting ?? 0;
  const words = {
    off: "",
    connecting: "Connecting …",
    open: character ? "Connected" : "Watching live",
    waiting: `Connection lost${why ? ` (${clean(why, 120)})` : ""}. Trying again in ${seconds} s.`,
  }[is];
  const behind = is !== "open" && waiting ? ` ${waiting} of your commands will be sent then.` : "";
  const shown = `${words ?? ""}${behind}`;
  if (byId("connection").textContent !== shown) byId("connection").textContent = shown;
  byId("connection").dataset.is = is;
  byId("retry").hidden = is !== "waiting";
}

function showSheet(next) {
  sheet = next;
  panels.sheet(character, sheet);
}

/** The panels follow the world four times a second, however fast it is. */
function showSoon() {
  showing ||= setTimeout(showNow, 250);
}

function showNow() {
  clearTimeout(showing);
  showing = 0;
  const me = own();
  const title = clean(zone.place?.title, 60) || titleOf(zone.id);
  const words = {
    title: character ? title : "Realm",
    place: me ? placeOf(me) : "",
    scene: scene(me, title),
  };
  for (const [id, text] of Object.entries(words)) {
    if (byId(id).textContent !== text) byId(id).textContent = text;
  }
  document.title = character ? `${named(character)} in ${title}` : "Realm";
  if (character) panels.around(me, view.selected);
}

/** The picture in words. */
function scene(me, title) {
  if (zone.id === null) return "";
  const players = zone.players().filter((it) => it !== me).slice(0, 20);
  const others = players.map((it) => `${named(it.name)} at ${placeOf(it)}`);
  return [
    `${title}.`,
    me && `You are at ${placeOf(me)}.`,
    others.length ? `Others here: ${others.join("; ")}.` : "Nobody else is here.",
  ].filter(Boolean).join(" ");
}

async function tellLogKind() {
  const answer = await fetch("/health", { cache: "no-store" }).then((it) => it.json()).catch(() => null);
  const kind = clean(answer?.log, 200);
  byId("log-kind").textContent = kind;
  if (character && kind) chat.told(kind);
}

tellLogKind();
const earlier = earlierSession();
if (api.isLoggedIn && earlier) {
  play(earlier.character, earlier);
} else {
  connection.watch(WATCHED);
  entry.open();
}
