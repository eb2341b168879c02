// ServerList against a daemon in memory, whose stream breaks off anywhere, and against real ones.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { EventSource } from "eventsource";
import { ServerList } from "../server-list.js";

// Numbers that look random, the same in every run.
function numbers(seed) {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

const plain = (servers) => [...servers].sort((a, b) => `${a.id}`.localeCompare(`${b.id}`));

// Follows the changes alone: they must say all.
function folded(list) {
  const servers = new Map();
  list.addEventListener("change", ({ detail: { added, updated, removed } }) => {
    for (const server of removed) assert.ok(servers.delete(server.id), "removed without being there");
    for (const server of added) {
      assert.ok(!servers.has(server.id), "added twice");
      servers.set(server.id, server);
    }
    for (const server of updated) {
      assert.notDeepEqual(servers.get(server.id), server, "updated without a change");
      servers.set(server.id, server);
    }
  });
  return servers;
}

// Stands for an EventSource, so that a test decides what comes and when.
class Scripted {
  static made = [];
  readyState = 0;
  #listeners = {};
  constructor(url) {
    this.url = url;
    Scripted.made.push(this);
  }
  addEventListener(type, listener) {
    this.#listeners[type] = listener;
  }
  open() {
    this.readyState = 1;
  }
  say(type, id, data) {
    this.#listeners[type]({ type, lastEventId: id, data: JSON.stringify(data) });
  }
  fail(readyState) {
    this.readyState = readyState;
    return this.onerror();
  }
  close() {
    this.readyState = 2;
  }
}

test("any sequence of events gives the list of the daemon, and changes that say all of it", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const below = numbers(seed);
    const list = new ServerList("https://list.example.org", { game: "a game", EventSource: Scripted });
    const source = Scripted.made.pop();
    assert.equal(source.url, "https://list.example.org/api/v1/events?game=a%20game");
    const seen = folded(list);
    let [epoch, revision] = [below(1000), 0];
    const truth = new Map();
    // Every third id is above what a number can hold.
    const idOf = (number) => (number % 3 ? number : `9007199254740${992 + number}`);
    const put = (server) => truth.set(server.id, server);
    const snapshot = () => source.say("snapshot", `${epoch}.${revision}`, { servers: [...truth.values()] });
    source.open();
    assert.equal(list.state, "connecting", "the list is not here yet");
    snapshot();
    for (let step = 0; step < 60; step++) {
      const changed = new Map();
      const removed = [];
      for (let count = below(5); count > 0; count--) {
        const id = idOf(below(20));
        if (below(3) === 0 && truth.has(id) && !changed.has(id)) {
          truth.delete(id);
          removed.push(id);
        } else if (!removed.includes(id)) {
          const server = { id, game: "go", address: `192.0.2.${below(20)}:7`, size: below(1e9) };
          put(server);
          changed.set(id, server);
        }
      }
      revision++;
      const fate = below(12);
      if (fate === 0) {
        // The daemon restarts: its ids are those of other servers.
        epoch++;
        truth.clear();
        for (let id = 0; id < below(20); id++) put({ id: idOf(id), game: "go", address: `198.51.100.${below(9)}:7`, size: 1 });
        source.fail(0);
        assert.equal(list.state, "connecting");
        source.open();
        let change;
        list.addEventListener("change", ({ detail }) => (change = detail), { once: true });
        snapshot();
        assert.deepEqual([change.updated.length, change.added.length], [0, truth.size], "other servers have these ids");
      } else if (fate === 1) {
        source.fail(0);
        source.open();
        assert.equal(list.state, "connecting", "the list may be old");
        snapshot();
      } else source.say("delta", `${epoch}.${revision}`, { removed, servers: [...changed.values()] });
      assert.equal(list.state, "live");
      assert.deepEqual(plain(list.servers.values()), plain(truth.values()), `seed ${seed}, step ${step}`);
      assert.deepEqual(plain(seen.values()), plain(truth.values()), `seed ${seed}, step ${step}`);
    }
    list.close();
    assert.equal(source.readyState, 2);
    assert.equal(list.state, "ended");
  }
});

// A server of events that refuses as often as told.
async function refusing(refusals) {
  const asked = [];
  const server = createServer((request, answer) => {
    asked.push({ method: request.method, at: performance.now() });
    if (refusals-- > 0) return answer.writeHead(503, { "retry-after": "1" }).end("{}");
    answer.writeHead(200, { "content-type": "text/event-stream" });
    answer.write('event: snapshot\nid: 1.1\ndata: {"servers":[]}\n\n');
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { asked, server, url: `http://127.0.0.1:${server.address().port}` };
}

test("after a refusal it tries again when the daemon says", async () => {
  // Each refusal of the stream is followed by the question when to try again.
  const { asked, server, url } = await refusing(4);
  const list = new ServerList(url, { EventSource });
  while (list.state !== "live") await once(list, "state");
  assert.deepEqual(asked.map(({ method }) => method), ["GET", "HEAD", "GET", "HEAD", "GET"]);
  // Not before a second has passed since it was refused.
  assert.ok(asked[2].at - asked[1].at > 990);
  list.close();
  server.closeAllConnections();
  server.close();
});

test("a list that is closed while it waits tries no more", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  context.mock.method(globalThis, "fetch", async () => new Response("", { status: 503, headers: { "retry-after": "7" } }));
  const list = new ServerList("http://list.example.org/", { EventSource: Scripted });
  await Scripted.made.pop().fail(2);
  context.mock.timers.tick(6_999);
  assert.equal(Scripted.made.length, 0, "not before the daemon allows it");
  context.mock.timers.tick(7_001);
  assert.equal(Scripted.made.length, 1, "at most twice as late");
  await Scripted.made.pop().fail(2);
  list.close();
  context.mock.timers.tick(1e9);
  assert.equal(Scripted.made.length, 0);
});

// Answers each question why the stream was refused with this, and sets the clock.
function answering(context, status, headers = {}) {
  context.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1e12 });
  context.mock.method(globalThis, "fetch", async () => new Response(null, { status, headers }));
  const list = new ServerList("http://list.example.org/", { game: "x", EventSource: Scripted });
  return { list, refused: Scripted.made.pop().fail(2) };
}

// A game with a wrong tag was asked for every few seconds.
for (const [status, state] of [[400, "refused"], [401, "refused"], [403, "refused"], [404, "refused"], [200, "connecting"], [408, "connecting"], [429, "connecting"], [500, "connecting"], [502, "connecting"], [503, "connecting"]]) {
  test(`a refusal with status ${status} leaves the list ${state}`, async (context) => {
    const { list, refused } = answering(context, status);
    await refused;
    assert.equal(list.state, state);
    context.mock.timers.tick(1e9);
    assert.equal(Scripted.made.length, state === "refused" ? 0 : 1);
    Scripted.made.length = 0;
    list.close();
    assert.equal(list.state, "ended");
  });
}

const date = (seconds) => new Date(1e12 + seconds * 1000).toUTCString();
for (const [after, seconds] of [["7", 7], [date(9), 9], ["99999999", 3600], [date(1e7), 3600], ["0", 5], ["-3", 5], [date(-9), 5], ["soon", 5]]) {
  test(`after "Retry-After: ${after}" it waits for ${seconds} seconds`, async (context) => {
    const { list, refused } = answering(context, 503, { "retry-after": after });
    await refused;
    context.mock.timers.tick(seconds * 1000 - 1);
    assert.equal(Scripted.made.length, 0);
    context.mock.timers.tick(seconds * 1000 + 1);
    assert.equal(Scripted.made.length, 1);
    Scripted.made.length = 0;
    list.close();
  });
}

// A real daemon, if DAEMON is the path of one.
const program = process.env.DAEMON;

async function start(state, http) {
  const settings = ["--listen", "127.0.0.1:0", "--state-dir", state, "--http", http, "--announce", "on"];
  const fast = ["--tick", "20ms", "--min-interval", "20ms", "--announces-per-prefix", "1000000", "--announces-at-once", "1000000"];
  const child = spawn(program, [...settings, ...fast], { stdio: ["ignore", "pipe", "ignore"], env: {} });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /http:\/\/[^/\s]+/.exec(line);
    if (url) return { child, url: url[0] };
  }
  throw new Error("the daemon has ended");
}

const authorization = `Bearer ${"a".repeat(64)}`;

async function announce(url, port, info) {
  const headers = { authorization, "content-type": "application/json" };
  const path = `${url}/api/v1/servers/go/${port}`;
  const answer = await fetch(path, info ? { method: "PUT", headers, body: JSON.stringify(info) } : { method: "DELETE", headers });
  assert.ok(answer.ok || answer.status === 429, await answer.text());
}

// Waits until the daemon lists so many servers, and the list has the same.
async function agreed(list, url, seen, count) {
  for (;;) {
    const { servers } = await (await fetch(`${url}/api/v1/servers?game=go&limit=1000`)).json();
    if (servers.length === count && list.state === "live" && isDeepStrictEqual(plain(list.servers.values()), plain(servers))) {
      return assert.deepEqual(plain(seen.values()), plain(servers));
    }
    await setImmediate();
  }
}

test("a real daemon's list is the same here, also after its restart", { skip: !program }, async () => {
  const below = numbers(7);
  const state = await mkdtemp(join(tmpdir(), "metaserve-"));
  let { child, url } = await start(state, "127.0.0.1:0");
  const list = new ServerList(url, { game: "go", EventSource });
  const seen = folded(list);
  const listed = new Set();
  const play = async (steps) => {
    for (let step = 0; step < steps; step++) {
      const port = 1 + below(40);
      if (listed.has(port) && below(3) === 0) {
        await announce(url, port);
        listed.delete(port);
      } else {
        await announce(url, port, { name: `<b>${below(1e6)}\u{1f3ae}`, players: below(9) });
        listed.add(port);
      }
    }
    await agreed(list, url, seen, listed.size);
  };
  await play(300);
  child.kill("SIGKILL");
  await once(child, "exit");
  while (list.state !== "connecting") await once(list, "state");
  listed.clear();
  ({ child, url } = await start(state, new URL(url).host));
  await play(300);
  list.close();
  child.kill();
  await once(child, "exit");
  await rm(state, { recursive: true });
});

test("a real daemon refuses a wrong game for good", { skip: !program }, async () => {
  const state = await mkdtemp(join(tmpdir(), "metaserve-"));
  const { child, url } = await start(state, "127.0.0.1:0");
  const list = new ServerList(url, { game: "x".repeat(1000), EventSource });
  while (list.state !== "refused") await once(list, "state");
  list.close();
  child.kill();
  await once(child, "exit");
  await rm(state, { recursive: true });
});

test("the example of the README follows a real daemon", { skip: !program }, async (context) => {
  const state = await mkdtemp(join(tmpdir(), "metaserve-"));
  const { child, url } = await start(state, "127.0.0.1:0");
  await announce(url, 7, { name: "The castle" });
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const example = readme.match(/```js\n(.*?)```/s)[1].replace("https://list.example.org", url).replace("my-game", "go");
  const file = new URL("example.tmp.mjs", import.meta.url);
  await writeFile(file, `${example}\nexport { list };`);
  const said = [];
  context.mock.method(console, "log", (it) => said.push(it));
  Object.assign(globalThis, { EventSource });
  const drawn = new Promise((done) => (globalThis.draw = (servers) => servers.size && done(servers)));
  const { list } = await import(file).finally(() => rm(file));
  assert.deepEqual([...(await drawn).values()].map(({ info }) => info.name), ["The castle"]);
  assert.deepEqual(said, ["live"]);
  list.close();
  child.kill();
  await once(child, "exit");
  await rm(state, { recursive: true });
});
