// The way in: log in or register, then choose or create a character.

import { clean, titleOf } from "./words.js";

const byId = (id) => document.getElementById(id);

export class Entry {
  #api;
  #play;
  #registers = false;

  /** `play(character)` is called when one was chosen. */
  constructor(api, play) {
    this.#api = api;
    this.#play = play;
    byId("want-log-in").addEventListener("click", () => this.#want(false));
    byId("want-register").addEventListener("click", () => this.#want(true));
    this.#onSubmit("account", "account-error", () => this.#logIn());
    this.#onSubmit("create", "choose-error", () => this.#create());
    this.#want(false);
  }

  /** Shows the form, or the characters of who is logged in, with a sentence about why. */
  async open(why = "") {
    byId("entry").hidden = false;
    const isLoggedIn = this.#api.isLoggedIn;
    byId("account").hidden = isLoggedIn;
    byId("choose").hidden = !isLoggedIn;
    byId("log-out").hidden = !isLoggedIn;
    this.#say("account-error", isLoggedIn ? "" : why);
    this.#say("choose-error", isLoggedIn ? why : "");
    if (!isLoggedIn) return;
    byId("whose").textContent = clean(this.#api.account, 32);
    try {
      this.#list(await this.#api.characters());
    } catch (error) {
      if (error.status === 401) return this.open(error.message);
      this.#say("choose-error", error.message);
    }
  }

  close() {
    byId("entry").hidden = true;
  }

  #want(registers) {
    this.#registers = registers;
    byId("want-log-in").setAttribute("aria-pressed", String(!registers));
    byId("want-register").setAttribute("aria-pressed", String(registers));
    byId("submit").textContent = registers ? "Register and log in" : "Log in";
    byId("password").autocomplete = registers ? "new-password" : "current-password";
    for (const it of document.querySelectorAll(".registering")) it.hidden = !registers;
    this.#say("account-error", "");
  }

  async #logIn() {
    const [name, password] = [byId("name").value.trim(), byId("password").value];
    if (this.#registers) await this.#api.register(name, password, byId("email").value.trim());
    await this.#api.logIn(name, password);
    byId("password").value = "";
    this.#want(false);
    await this.open();
    (byId("characters").querySelector("button") ?? byId("character")).focus();
  }

  async #create() {
    const field = byId("character");
    const name = field.value.trim();
    await this.#api.create(name);
    field.value = "";
    this.#play(name);
  }

  #list(characters) {
    const rows = characters.map(({ name, zone, level }) => {
      const row = document.createElement("li");
      const play = document.createElement("button");
      play.type = "button";
      play.className = "strong";
      const shown = document.createElement("bdi");
      shown.textContent = clean(name, 32);
      play.append("Play ", shown);
      play.addEventListener("click", () => this.#play(name));
      const where = document.createElement("span");
      where.className = "quiet";
      where.textContent = `Level ${clean(level, 6)}, ${titleOf(zone)}`;
      row.append(play, where);
      return row;
    });
    byId("characters").replaceChildren(...rows);
  }

  /** Whatever a form does, it does once at a time, and says why it could not. */
  #onSubmit(id, errorId, act) {
    const form = byId(id);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const submit = form.querySelector("button:not([type])");
      if (submit.disabled) return;
      submit.disabled = true;
      this.#say(errorId, "");
      for (const field of form.elements) field.removeAttribute("aria-invalid");
      try {
        await act();
      } catch (error) {
        this.#say(errorId, error.message);
        const field = id === "create" ? byId("character") : form.elements.namedItem(error.field === "name" ? "name" : String(error.field ?? ""));
        field?.setAttribute?.("aria-invalid", "true");
        field?.focus?.();
      } finally {
        submit.disabled = false;
      }
    });
  }

  #say(id, why) {
    byId(id).textContent = clean(why, 300);
  }
}
