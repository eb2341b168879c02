// Checked by `npm run types`, not run: how the package is used with types.
import { ServerList, type Change, type Server, type State } from "@metaserve/list";
import { EventSource } from "eventsource";
import type { MetaserveListElement } from "@metaserve/list/element";

const list = new ServerList(new URL("https://list.example.org/"), { game: "my-game", EventSource });
list.addEventListener("change", ({ detail }) => {
  const { added, updated, removed }: Change = detail;
  const all: Server[] = [...added, ...updated, ...removed];
  for (const { id, address, info } of all) console.log(list.servers.get(id), address, info?.name.trim(), info?.players ?? 0);
});
list.addEventListener("state", ({ detail }) => {
  const state: State = detail;
  if (state === "ended") list.close();
});
// @ts-expect-error: there is no such state.
const wrong: State = "over";
// @ts-expect-error: servers are read only.
list.servers.clear();
new ServerList("https://list.example.org/"); // A browser's own EventSource.

const element: MetaserveListElement = document.createElement("metaserve-list");
element.setAttribute("src", "https://list.example.org/");
console.log(wrong);
