// Which servers are shown in which order.
import assert from "node:assert/strict";
import { test } from "node:test";
import { select, shown } from "../columns.js";

const server = (id, info, rest) => ({ id, game: "go", address: "192.0.2.1:7", addresses: ["192.0.2.1:7"], size: 9, info, ...rest });
const ids = (servers) => servers.map(({ id }) => id);

test("of servers that are equal, the older one comes first in both directions", () => {
  const servers = [
    server("9007199254740993", { name: "b", players: 3 }),
    server(10, { name: "a", players: 12 }),
    server("9007199254740992", { name: "c", players: 3 }),
    server(9, undefined),
    server(2, { name: "B", players: 3 }),
  ];
  assert.deepEqual(ids(select(servers, "", "-players")), [10, 2, "9007199254740992", "9007199254740993", 9]);
  assert.deepEqual(ids(select(servers, "", "players")), [9, 2, "9007199254740992", "9007199254740993", 10]);
  assert.deepEqual(ids(select([...servers].reverse(), "", "mode")), [2, 9, 10, "9007199254740992", "9007199254740993"]);
});

test("each word is found in any text that the daemon also looks at, and in no other", () => {
  const all = [
    server(1, { name: "Castle", map: "e1m1", region: "Frankfurt", tags: ["alltalk", "no-lag"], description: "hidden" }, { addresses: ["192.0.2.1:7", "[2001:db8::1]:7"] }),
    server(2, undefined),
  ];
  for (const words of ["castle E1M1", " no-lag  frank ", "db8::1", "go 192.0.2.1:7 alltalk"]) assert.deepEqual(ids(select(all, words, "name")), [1], words);
  for (const words of ["hidden", "castle nothing"]) assert.deepEqual(select(all, words, "name"), [], words);
  assert.equal(select(all, "", "name").length, 2);
});

test("players are shown with how many there can be", () => {
  for (const [players, max_players, text] of [[3, 8, "3 / 8"], [0, 8, "0 / 8"], [3, undefined, "3"], [undefined, 8, ""]]) {
    assert.equal(shown(server(1, { players, max_players }), "players"), text);
  }
  assert.equal(shown(server(1, undefined), "players"), "");
});
