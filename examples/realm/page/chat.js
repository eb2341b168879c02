// What was said and what has happened, and the line to say something.

import { bytesOf, clean, named } from "./words.js";

const MOST_LINES = 200;
const HELP = [
  "/w NAME words – whispers to one character",
  "/all words – speaks to the whole world",
  "/status words – shows words below your name",
  "/help – shows this",
];

const byId = (id) => document.getElementById(id);

export class Chat {
  #lines = byId("lines");
  #scope = byId("scope");
  #to = byId("to");
  #text = byId("text");

  /** `send(frame)` sends a command, and returns whether it could. */
  constructor(send) {
    byId("say").addEventListener("submit", (event) => {
      event.preventDefault();
      const frame = this.#frame(clean(this.#text.value));
      if (frame && send(frame)) this.#text.value = "";
    });
    this.#scope.addEventListener("change", () => this.#showTo());
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") byId("view").focus();
    });
  }

  focus() {
    this.#text.focus();
  }

  whisperTo(name) {
    this.#scope.value = "to";
    this.#to.value = name;
    this.#showTo();
    this.#text.focus();
  }

  /** Words of somebody: `scope` as in the frame. */
  said({ scope, from, text }) {
    const isTo = typeof scope === "object";
    const kind = isTo ? "to" : scope === "all" ? "all" : "zone";
    const mark = { zone: "", all: "to all", to: "to you" }[kind];
    this.#add(kind, text, named(from), mark);
  }

  /** The own whisper. */
  whispered(to, text) {
    this.#add("to", text, "You", `to ${named(to)}`);
  }

  /** A sentence about what has happened. */
  told(text, kind = "told") {
    this.#add(kind, text);
  }

  clear() {
    this.#lines.replaceChildren();
  }

  #showTo() {
    this.#to.hidden = this.#scope.value !== "to";
  }

  /** The command that a line means. Nothing, if it is only for the page. */
  #frame(line) {
    const [, command, rest] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? [];
    if (!line) return null;
    switch (command?.toLowerCase()) {
      case undefined:
        return this.#words(this.#scope.value, this.#to.value.trim(), line);
      case "w":
      case "whisper": {
        const [, to = "", text = ""] = /^(\S+)\s*(.*)$/su.exec(rest) ?? [];
        return this.#words("to", to, text);
      }
      case "all":
        return this.#words("all", "", rest);
      case "status":
        if (bytesOf(rest) <= 60) return { type: "status", text: rest };
        this.told("A status has 60 bytes at most.", "refused");
        return null;
      case "help":
        for (const help of HELP) this.told(help);
        this.#text.value = "";
        return null;
      default:
        this.told(`There is no command /${clean(command, 20)}. Try /help.`, "refused");
        return null;
    }
  }

  #words(scope, to, text) {
    if (scope === "to" && !/^[a-z][a-z0-9]{1,15}$/i.test(to)) {
      this.told("Whom do you want to whisper to? For example: /w Ann hello", "refused");
    } else if (!text) {
      this.told("There is nothing to say.", "refused");
    } else if (bytesOf(text) > 500) {
      this.told("That is too long: 500 bytes are the most.", "refused");
    } else {
      return { type: "say", scope: scope === "to" ? { to } : scope, text };
    }
    return null;
  }

  #add(kind, text, from, mark) {
    const line = document.createElement("li");
    line.className = kind;
    if (from) {
      const who = document.createElement("bdi");
      who.className = "from";
      who.textContent = from;
      line.append(who, mark ? ` (${mark}): ` : ": ");
    }
    const words = document.createElement("bdi");
    words.textContent = clean(text);
    line.append(words);
    const list = this.#lines;
    // Who reads further up is left there.
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(line);
    while (list.childElementCount > MOST_LINES) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}
