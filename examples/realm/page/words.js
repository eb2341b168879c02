// Texts that others wrote, made fit to be shown. They only ever become text nodes or canvas text.

// Control characters, and those that turn the direction of what follows.
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/gu;
// More marks on one letter than any language has: they would cover the lines around.
const HEAPS = /(\p{M}{3})\p{M}+/gu;

/** A text in one line, at most so long. */
export function clean(text, longest = 600) {
  const all = String(text ?? "").slice(0, longest * 4).replace(CONTROLS, " ").replace(HEAPS, "$1").trim();
  const letters = [...all];
  return letters.length > longest ? letters.slice(0, longest - 1).join("") + "…" : all;
}

/** A name as it is shown, never blank. */
export const named = (name) => clean(name, 32) || "(no name)";

/** What a zone is called on the page: `Meadow`, `Garden (your own)`. */
export function titleOf(zone) {
  const [sharing, map = ""] = String(zone ?? "").split("/");
  const title = clean(map.charAt(0).toUpperCase() + map.slice(1).replaceAll("-", " "), 40) || "Nowhere";
  return sharing === "solo" ? `${title} (your own)` : title;
}

/** How many bytes a text is long when it is sent. */
export const bytesOf = (text) => new TextEncoder().encode(text).length;

/** A place relative to another one: `3 m north-east`. */
export function bearing(from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const metres = Math.hypot(dx, dy);
  if (metres < 0.75) return "right here";
  const names = ["east", "south-east", "south", "south-west", "west", "north-west", "north", "north-east"];
  const eighth = Math.round((Math.atan2(dy, dx) / Math.PI) * 4);
  return `${Math.round(metres)} m ${names[(eighth + 8) % 8]}`;
}

/** A place: `12.3 east, 4.5 south`. */
export const placeOf = ({ x, y }) => `${x.toFixed(1)} east, ${y.toFixed(1)} south`;
