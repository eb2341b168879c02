// <metaserve-list>: the live list as a table. Text of a heartbeat is only ever set as textContent,
// within a <bdi>: it is never markup, and it cannot change the direction of the text around it.
import { matches, order, shown } from "./columns.js";
import { ServerList } from "./server-list.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(`:host{display:block}
table{width:100%;border-collapse:collapse}
th,td{padding:.3em .5em;text-align:start;border-bottom:1px solid #8886;overflow-wrap:anywhere}
th{text-transform:capitalize}
th,[part~=players],[part~=join]{white-space:nowrap}
@media(max-width:40em){[part~=map]{display:none}}
button{all:unset;cursor:pointer}
:focus-visible{outline:2px solid}
[aria-sort] button::after{content:" ▲"/""}
[aria-sort^=d] button::after{content:" ▼"/""}
a{color:inherit}`);

// A link begins with a scheme, which is none that a browser runs.
const allowed = /^(?!\w*script:|data:)[\w+.-]+:/i;

const make = (parent, name, part = "") => {
  const made = document.createElement(name);
  made.part = part;
  parent.append(made);
  return made;
};

// Somebody may be selecting a text that stays the same.
const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

export class MetaserveListElement extends HTMLElement {
  static observedAttributes = ["src", "game", "columns", "join", "sort", "filter", "limit"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    let attributes = {}, list, planned, rows, head, body, status;

    const draw = ({ src, game, columns = "name players map address", limit = 100, sort = "-players", filter = "", join = "" }) => {
      const names = (columns + (join && " join")).match(/\S+/g);
      const by = sort.replace("-", "");
      if (!list) {
        list = new ServerList(src, { game });
        list.addEventListener("change", plan);
        list.addEventListener("state", plan);
        root.replaceChildren();
        const table = make(root, "table", "table");
        head = make(make(table, "thead"), "tr", "row");
        for (const column of names) {
          const button = make(make(head, "th", "header " + column), "button");
          const title = make(button, "slot");
          title.name = title.textContent = column;
          button.onclick = () => this.setAttribute("sort", (attributes.sort === "-" + column ? "" : "-") + column);
        }
        body = make(table, "tbody");
        rows = new Map(); // by game and address, which a restart of the daemon does not change
        status = make(make(root, "p", "state"), "slot");
        status.role = "status";
      }

      for (const title of head.children)
        title.ariaSort = title.part[1] !== by ? null : sort === by ? "ascending" : "descending";

      const { servers, state } = list;
      const found = [...servers.values()].filter((server) => matches(server, filter)).sort(order(by, sort !== by));
      const old = rows;
      rows = new Map();
      found.slice(0, limit).forEach((server, index) => {
        const place = server.game + server.address;
        const row = old.get(place) ?? make(body, "tr", "row");
        old.delete(place);
        rows.set(place, row);
        // Only rows in the wrong place are moved, so that the focus stays where it is.
        if (body.children[index] !== row) body.insertBefore(row, body.children[index]);
        names.forEach((column, index) => {
          const cell = row.children[index] ?? make(row, "td", "cell " + column);
          const text = cell.firstChild ?? make(cell, column === "join" ? "a" : "bdi");
          if (column === "join") {
            if (allowed.test(join)) text.href = join.replace("{address}", server.address);
            say(text, this.querySelector("[slot=join]")?.textContent ?? "join");
          } else say(text, shown(server, column) + (column === "name" && server.info?.password ? " 🔒" : ""));
        });
      });
      old.forEach((row) => row.remove());
      status.name = state !== "live" ? state : found.length ? "" : "empty";
      say(status, status.name);
    };

    // Draws once for all that changes in the same moment.
    const plan = async () => {
      if (planned) return;
      await (planned = 1);
      planned = 0;
      if (this.isConnected) draw(attributes);
    };

    this.change = (name, text) => {
      attributes[name] = text ?? undefined;
      if (!/sort|filter|limit/.test(name)) list = list?.close();
      plan();
    };
  }

  attributeChangedCallback(name, old, text) {
    this.change(name, text);
  }
}

const { prototype } = MetaserveListElement;
prototype.connectedCallback = prototype.disconnectedCallback = prototype.attributeChangedCallback;
customElements.define("metaserve-list", MetaserveListElement);
