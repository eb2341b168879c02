// Accounts and characters, over HTTP.
//
// The ticket, which opens the world for some minutes, stays in memory. The refresh token, which
// buys new tickets, is in sessionStorage: it survives a reload, other tabs and other sites do not
// see it, and it ends with the tab, so that nobody finds it on a shared computer. The page runs no
// script but its own (see the Content-Security-Policy), which is what could read it. Neither is
// ever part of a URL.

const REFRESH = "realm.refresh";
const ACCOUNT = "realm.account";

/** The server's word against a request: a sentence, and the field that it is about. */
export class Refusal extends Error {
  constructor(sentence, status, field) {
    super(sentence);
    this.status = status;
    this.field = field;
  }
}

export class Api {
  #ticket = null;
  #expires = 0;
  #refreshing = null;
  #timer = 0;

  get account() {
    return sessionStorage.getItem(ACCOUNT);
  }

  get isLoggedIn() {
    return sessionStorage.getItem(REFRESH) !== null;
  }

  register(name, password, email) {
    return this.#ask("POST", "/accounts", { name, password, ...(email && { email }) });
  }

  async logIn(name, password) {
    const given = await this.#ask("POST", "/sessions", { name, password });
    sessionStorage.setItem(ACCOUNT, name);
    this.#keep(given);
  }

  /** Forgets who is logged in, here at once and at the server if it can be reached. */
  async logOut() {
    const refresh = sessionStorage.getItem(REFRESH);
    this.#forget();
    if (refresh) await this.#ask("DELETE", "/sessions", { refresh }).catch(() => {});
  }

  async characters() {
    const { characters } = await this.#asPlayer("GET", "/characters");
    return Array.isArray(characters) ? characters.slice(0, 100) : [];
  }

  create(name) {
    return this.#asPlayer("POST", "/characters", { name });
  }

  /** A ticket that is valid for a while yet. A `Refusal` with status 401 if nobody is logged in. */
  async ticket() {
    if (this.#ticket && Date.now() < this.#expires) return this.#ticket;
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = null));
    await this.#refreshing;
    return this.#ticket;
  }

  async #refresh() {
    const refresh = sessionStorage.getItem(REFRESH);
    if (!refresh) throw new Refusal("Please log in.", 401);
    try {
      const given = await this.#ask("POST", "/sessions/refresh", { refresh });
      // They may have logged out meanwhile.
      if (this.isLoggedIn) this.#keep(given);
    } catch (error) {
      // Any other answer says nothing about the log-in.
      if (error.status !== 400 && error.status !== 401) throw error;
      this.#forget();
      throw new Refusal("Your log-in has expired. Please log in again.", 401);
    }
  }

  #keep({ ticket, refresh, expires_in: seconds }) {
    this.#ticket = ticket;
    sessionStorage.setItem(REFRESH, refresh);
    // Renewed after four fifths of its life, so that one in use is never at its end.
    const life = Math.min(Math.max(Number(seconds) || 60, 5), 86_400) * 800;
    this.#expires = Date.now() + life;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.ticket().catch(() => {}), life + 100);
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#ticket = null;
    sessionStorage.removeItem(REFRESH);
    sessionStorage.removeItem(ACCOUNT);
  }

  async #asPlayer(method, path, body) {
    return this.#ask(method, path, body, await this.ticket());
  }

  async #ask(method, path, body, ticket) {
    const headers = { accept: "application/json" };
    if (body) headers["content-type"] = "application/json";
    if (ticket) headers.authorization = `Bearer ${ticket}`;
    const request = {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(30_000),
    };
    const answer = await fetch(`/api${path}`, request).catch(() => {
      throw new Refusal("The server cannot be reached. Try again in a moment.", 0);
    });
    const said = await answer.json().catch(() => null);
    if (answer.ok) return said ?? {};
    const sentence = typeof said?.error === "string" ? said.error : "The server cannot answer now. Try again in a moment.";
    throw new Refusal(sentence, answer.status, said?.field);
  }
}
