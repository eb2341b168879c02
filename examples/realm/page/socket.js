// The WebSocket to the gateway: it ends now and then, the play does not.
//
// Each command has a number. It is kept until its number is acknowledged, and sent again, in order,
// on the next connection of the same session; the world does no number twice.

const SESSION = "realm.session";
const MOST_WAITING = 32;
const SLOWEST_RETRY = 10_000;
// A gateway that takes over waits ten seconds for the one that had the session.
const ENTERING_AT_MOST = 30_000;
const UNANSWERED_AT_MOST = 20_000;

/** The session that this tab played before it was reloaded: `{ session, character, seq }`. */
export function earlierSession() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SESSION));
    return typeof kept?.session === "string" && typeof kept.character === "string" ? kept : null;
  } catch {
    return null;
  }
}

/**
 * `ticket()` promises a valid one. `onFrame(frame)` gets everything that is not the connection's
 * own; `onState(state)` what there is to say about the connection: `{ is, why?, seconds? }`, where
 * `is` is `off`, `connecting`, `open`, `waiting` (for the next attempt) or `refused` (there is
 * none).
 */
export class Connection {
  #ticket;
  #onFrame;
  #onState;
  #onWaiting;
  #first = null; // What it does on each connection: `{ watch }` or `{ character }`.
  #socket = null;
  #turn = 0; // An attempt that is not the latest changes nothing.
  #timer = 0;
  #attempts = 0;
  #entered = false; // On this connection.
  #everEntered = false; // Since `play`.
  #why = "";
  #session = null;
  // The place of the last whisper in the character's mail: after a break they are told again.
  #mail = [0, 0];
  #seq = 0;
  #waiting = new Map(); // Number: `{ frame, sentAt }`, oldest first.
  #tabs = new BroadcastChannel("realm");

  constructor({ ticket, onFrame, onState, onWaiting }) {
    this.#ticket = ticket;
    this.#onFrame = onFrame;
    this.#onState = onState;
    this.#onWaiting = onWaiting;
    setInterval(() => this.#checkAnswers(), 2000);
    addEventListener("online", () => this.retryNow());
    // A tab that was duplicated has the same session. Only one of them plays it.
    this.#tabs.onmessage = ({ data }) => {
      if (this.#session && data === this.#session && this.#first?.character) {
        this.#end({ is: "refused", why: "This character is now played in another tab." });
      }
    };
  }

  /** How many commands are not acknowledged. */
  get waiting() {
    return this.#waiting.size;
  }

  /** Shows a zone without being in it. */
  watch(zone) {
    this.#begin({ watch: zone });
  }

  /** Plays a character, in an earlier session if there is one. */
  play(character, earlier = null) {
    this.#begin({ character });
    this.#session = earlier?.session ?? null;
    this.#seq = Number.isSafeInteger(earlier?.seq) ? earlier.seq : 0;
    if (this.#session) this.#tabs.postMessage(this.#session);
  }

  /** Leaves the world. */
  leave() {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#send({ type: "bye" });
    sessionStorage.removeItem(SESSION);
    this.#end({ is: "off" });
  }

  /** Sends a command, now or when there is a connection. `false` if too many wait already. */
  command(frame) {
    const last = [...this.#waiting.entries()].at(-1);
    // A walk that nobody has heard of is replaced by the next one.
    if (last && frame.type === "move" && last[1].frame.type === "move" && !last[1].sentAt) {
      this.#waiting.delete(last[0]);
    }
    if (this.#waiting.size >= MOST_WAITING) return false;
    const seq = ++this.#seq;
    this.#waiting.set(seq, { frame: { ...frame, seq }, sentAt: 0 });
    this.#save();
    if (this.#entered) this.#sendWaiting();
    this.#onWaiting(this.#waiting.size);
    return true;
  }

  /** Does not wait for the next attempt. */
  retryNow() {
    if (this.#first && !this.#socket && this.#timer) this.#open();
  }

  #begin(first) {
    this.#end({ is: "connecting" });
    this.#first = first;
    this.#everEntered = false;
    this.#attempts = 0;
    // `play` adds its session in this same turn of the event loop.
    queueMicrotask(() => this.#first === first && this.#open());
  }

  #end(state) {
    this.#abandon();
    this.#first = null;
    this.#session = null;
    this.#waiting.clear();
    this.#onWaiting(0);
    this.#onState(state);
  }

  /** Drops the socket, and whatever it may still say. */
  #abandon() {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#entered = false;
    this.#socket?.close();
    this.#socket = null;
  }

  async #open() {
    this.#abandon();
    const turn = this.#turn;
    this.#why = "";
    this.#onState({ is: "connecting" });
    let hello = { type: "watch", zone: this.#first.watch };
    if (this.#first.character) {
      try {
        hello = { type: "hello", ticket: await this.#ticket(), resume: this.#session };
      } catch (error) {
        if (turn !== this.#turn) return;
        if (error.status === 401) this.#end({ is: "refused", why: error.message });
        else this.#lost(error.message);
        return;
      }
      if (turn !== this.#turn) return;
    }
    const address = new URL("/ws", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.#socket = socket;
    const unlessOld = (handle) => (event) => turn === this.#turn && handle(event);
    socket.onopen = unlessOld(() => this.#send(hello));
    socket.onmessage = unlessOld(({ data }) => this.#hear(data));
    socket.onclose = unlessOld(() => this.#lost(this.#why));
    this.#timer = setTimeout(unlessOld(() => this.#lost("No answer.")), ENTERING_AT_MOST);
  }

  #send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #hear(data) {
    let frame;
    try {
      frame = JSON.parse(data);
    } catch {
      return;
    }
    switch (frame?.type) {
      case "ready":
        return this.#ready(frame);
      case "entered":
        this.#seq = Math.max(this.#seq, frame.seq);
        this.#answered(frame.seq);
        this.#save();
        break;
      case "ack":
        return this.#answered(frame.seq);
      case "closing":
        this.#why = String(frame.why ?? "");
        return;
      case "refused":
        if (!this.#entered && !frame.seq) return this.#notLetIn(String(frame.why ?? ""));
        if (frame.seq) this.#waiting.delete(frame.seq);
        this.#onWaiting(this.#waiting.size);
        break;
      case "snapshot":
        this.#nowEntered();
        break;
      case "said":
        if (!this.#isNew(frame.mail)) return;
        break;
    }
    this.#onFrame(frame);
  }

  /** Whether words were not told before: those that are no whispers never were. */
  #isNew(mail) {
    if (!Array.isArray(mail)) return true;
    const [time, number] = this.#mail;
    if (mail[0] < time || (mail[0] === time && mail[1] <= number)) return false;
    this.#mail = mail;
    return true;
  }

  #ready({ session }) {
    if (typeof session !== "string") return;
    if (session !== this.#session) {
      this.#renumber();
      this.#mail = [0, 0];
    }
    this.#session = session;
    this.#save();
    this.#send({ type: "enter", character: this.#first.character });
  }

  /** In a new session, what was sent may have been done: only what was not sent is kept. */
  #renumber() {
    const kept = [...this.#waiting.values()].filter((it) => !it.sentAt);
    const unsure = this.#waiting.size - kept.length;
    this.#waiting.clear();
    this.#seq = 0;
    for (const { frame } of kept) {
      const next = ++this.#seq;
      this.#waiting.set(next, { frame: { ...frame, seq: next }, sentAt: 0 });
    }
    if (unsure) {
      this.#onFrame({ type: "unsure", count: unsure });
    }
    this.#onWaiting(this.#waiting.size);
  }

  #answered(seq) {
    for (const number of this.#waiting.keys()) {
      if (number <= seq) this.#waiting.delete(number);
    }
    this.#onWaiting(this.#waiting.size);
  }

  #nowEntered() {
    if (this.#entered) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#attempts = 0;
    this.#entered = true;
    this.#everEntered = true;
    for (const waiting of this.#waiting.values()) waiting.again = Boolean(waiting.sentAt);
    this.#onState({ is: "open" });
    this.#sendWaiting();
  }

  #sendWaiting() {
    for (const waiting of this.#waiting.values()) {
      if (waiting.sentAt && !waiting.again) continue;
      waiting.again = false;
      waiting.sentAt = performance.now();
      this.#send(waiting.frame);
    }
  }

  /** Words against the very first entrance are for the player; later ones may pass. */
  #notLetIn(why) {
    if (this.#everEntered || this.#first.watch) this.#lost(why);
    else this.#end({ is: "refused", why });
  }

  #lost(why) {
    if (!this.#everEntered && this.#why && this.#first?.character) {
      return this.#end({ is: "refused", why: this.#why });
    }
    this.#abandon();
    const turn = this.#turn;
    // Spread out, so that all who lost one gateway do not come to the next one at once.
    const most = Math.min(250 * 2 ** this.#attempts++, SLOWEST_RETRY);
    const wait = most * (0.5 + Math.random() / 2);
    this.#onState({ is: "waiting", why, seconds: Math.ceil(wait / 1000) });
    this.#timer = setTimeout(() => turn === this.#turn && this.#open(), wait);
  }

  /** A connection may have ended without a word. */
  #checkAnswers() {
    const oldest = this.#waiting.values().next().value;
    if (this.#entered && oldest?.sentAt && performance.now() - oldest.sentAt > UNANSWERED_AT_MOST) {
      this.#lost("No answer.");
    }
  }

  #save() {
    if (!this.#session || !this.#first?.character) return;
    const kept = { session: this.#session, character: this.#first.character, seq: this.#seq };
    sessionStorage.setItem(SESSION, JSON.stringify(kept));
  }
}
