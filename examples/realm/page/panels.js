// The panels beside the world: the own character, its bag, who and what is here, the chosen thing.

import { bearing, clean, named } from "./words.js";

const MOST_PLAYERS = 50;
const MOST_THINGS = 20;
// There is nothing to do with these; they are on the map only.
const SCENERY = new Set(["pond", "tree", "pillar", "bush"]);
const KINDS = new Map([["player", "a player"], ["item", "an item to take"], ["gate", "a way to elsewhere"]]);

const byId = (id) => document.getElementById(id);
const show = (id, shown) => (byId(id).hidden = !shown);
const write = (element, text) => element.textContent !== text && (element.textContent = text);

/** Brings a list to these entries. What stays keeps its element, and with it the focus. */
function list(element, entries, keyOf, make, update) {
  const before = new Map([...element.children].map((it) => [it.dataset.key, it]));
  let next = element.firstElementChild;
  for (const entry of entries) {
    const key = keyOf(entry);
    const row = before.get(key) ?? make(entry);
    before.delete(key);
    row.dataset.key = key;
    update(row, entry);
    if (row === next) next = next.nextElementSibling;
    else element.insertBefore(row, next);
  }
  for (const row of before.values()) row.remove();
}

function button(label, onClick) {
  const it = document.createElement("button");
  it.type = "button";
  it.textContent = label;
  it.addEventListener("click", onClick);
  return it;
}

/** A row with a name, a few quiet words, and buttons. */
function row(...buttons) {
  const it = document.createElement("li");
  const name = document.createElement("bdi");
  name.className = "name";
  const detail = document.createElement("bdi");
  detail.className = "quiet";
  it.append(name, detail, ...buttons);
  return it;
}

function fill(row, name, detail) {
  write(row.querySelector(".name"), name);
  write(row.querySelector(".quiet"), detail);
}

export class Panels {
  #zone;
  #does;

  /** `does` has a function for each thing that buttons do. */
  constructor(zone, does) {
    this.#zone = zone;
    this.#does = does;
    for (const id of ["look", "activate", "take", "whisper", "unselect"]) {
      byId(id).addEventListener("click", () => does[id]());
    }
    for (const tab of document.querySelectorAll("#tabs button")) {
      tab.addEventListener("click", () => this.open(tab.dataset.panel));
    }
  }

  /** On a phone, one of the panels is in view. */
  open(panel) {
    document.querySelector("aside").dataset.panel = panel;
    for (const tab of document.querySelectorAll("#tabs button")) {
      tab.setAttribute("aria-pressed", String(tab.dataset.panel === panel));
    }
  }

  /** What the own character is and has. */
  sheet(name, sheet) {
    write(byId("who"), named(name));
    for (const id of ["health", "level", "experience", "strength"]) write(byId(id), clean(sheet[id] ?? "", 12));
    byId("health").classList.toggle("low", sheet.health <= 3);
    const items = Array.isArray(sheet.inventory) ? sheet.inventory.slice(0, 64) : [];
    write(byId("bag-count"), items.length ? `${items.length}` : "");
    show("bag-empty", items.length === 0);
    list(
      byId("items"),
      items.filter((it) => typeof it?.id === "string"),
      (it) => it.id,
      ({ id }) => row(button("Use", () => this.#does.use(id)), button("Drop", () => this.#does.drop(id))),
      (element, item) => {
        fill(element, clean(item.name, 40), "");
        const [use, drop] = element.querySelectorAll("button");
        use.ariaLabel = `Use ${clean(item.name, 40)}`;
        drop.ariaLabel = `Drop ${clean(item.name, 40)}`;
      },
    );
  }

  /** Who and what is around. */
  around(own, selected) {
    const here = own ?? { x: 0, y: 0 };
    const players = this.#zone.players().filter((it) => it.id !== own?.id);
    const distance = new Map();
    for (const it of this.#zone.objects.values()) distance.set(it.id, Math.hypot(it.x - here.x, it.y - here.y));
    const nearest = (all) => all.sort((a, b) => distance.get(a.id) - distance.get(b.id));
    write(byId("here-count"), `${players.length + 1} ${players.length ? "players" : "player"}`);
    list(
      byId("players"),
      nearest(players).slice(0, MOST_PLAYERS),
      (it) => it.id,
      ({ id }) => row(button("Choose", () => this.#does.select(id))),
      (element, it) => {
        const words = [`level ${clean(it.level, 6)}`, clean(it.status, 60), bearing(here, it)];
        fill(element, named(it.name), words.filter(Boolean).join(" · "));
        element.querySelector("button").ariaLabel = `Choose ${named(it.name)}`;
      },
    );
    const things = [...this.#zone.objects.values()].filter((it) => it.kind !== "player" && !SCENERY.has(it.kind));
    list(
      byId("things"),
      nearest(things).slice(0, MOST_THINGS),
      (it) => it.id,
      ({ id }) => row(button("Choose", () => this.#does.select(id))),
      (element, it) => {
        const words = [clean(it.status, 60), bearing(here, it)];
        fill(element, clean(it.name, 40) || clean(it.kind, 20), words.filter(Boolean).join(" · "));
        element.querySelector("button").ariaLabel = `Choose ${clean(it.name, 40)}`;
      },
    );
    this.#thing(here, this.#zone.objects.get(selected));
  }

  #thing(here, it) {
    show("thing", Boolean(it));
    if (!it) return;
    write(byId("thing-name"), named(it.name));
    write(byId("thing-detail"), describe(here, it));
    show("take", it.kind === "item");
    show("activate", it.kind !== "item" && it.kind !== "player");
    show("whisper", it.kind === "player");
    write(byId("activate"), it.kind === "gate" ? "Go through" : "Activate");
    for (const use of document.querySelectorAll("#items button:first-of-type")) {
      use.title = `On ${named(it.name)}`;
    }
  }
}

/** A thing in words. */
export function describe(here, it) {
  const words = [
    KINDS.get(it.kind) ?? clean(it.kind, 20),
    it.level != null && `level ${clean(it.level, 6)}`,
    it.health != null && `health ${clean(it.health, 6)}`,
    it.status && `“${clean(it.status, 60)}”`,
    bearing(here, it),
  ];
  return words.filter(Boolean).join(" · ");
}
