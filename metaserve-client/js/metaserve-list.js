// <metaserve-list>: the live list as a table. Text of a heartbeat is only ever set as textContent:
// it is never markup, and it cannot change the direction of the text around its cell.
import { select, shown } from "./columns.js";
import { ServerList } from "./server-list.js";

const sheet = new CSSStyleSheet();
sheet.replaceSync(
  ":host{display:block}" +
    "table{width:100%;border-collapse:collapse}" +
    "th,td{padding:.3em .5em;border-bottom:1px solid #8886}" +
    "th{text-align:start;text-transform:capitalize}" +
    "td{overflow-wrap:anywhere}" +
    "[part~=players],a{white-space:nowrap}" +
    "button{all:unset;outline:revert;cursor:pointer}" +
    "[aria-sort] button::after{content:' ▲'/''}" +
    "[aria-sort^=d] button::after{content:' ▼'/''}" +
    "a{color:inherit}",
);

const make = (parent, name, part = name) => {
  const made = document.createElement(name);
  made.part = part;
  return parent.appendChild(made);
};

// Somebody may be selecting a text that stays the same.
const say = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

class MetaserveListElement extends HTMLElement {
  #draw;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const get = (name, usual = "") => this.getAttribute(name) ?? usual;
    const word = (name) => this.querySelector(`[slot="${name}"]`)?.textContent ?? name;
    let list, shape, head, body, status;

    const draw = () => {
      if (!this.isConnected) return (list = shape = list?.close());
      const join = get("join");
      const sort = get("sort", "-players");
      const names = (get("columns", "name players map address") + (join && " join")).match(/\S+/g);
      const wanted = get("src") + " " + get("game") + names;
      if (shape !== wanted) {
        shape = wanted;
        list?.close();
        list = new ServerList(get("src"), { game: get("game") });
        list.addEventListener("change", draw);
        list.addEventListener("state", draw);
        root.replaceChildren();
        const table = make(root, "table");
        head = make(make(table, "thead"), "tr", "row");
        body = make(table, "tbody");
        status = make(root, "output", "state");
      }
      names.forEach((column, index) => {
        const cell = head.children[index] ?? make(head, "th", "header " + column);
        cell.onclick = () => this.setAttribute("sort", (sort === column ? "-" : "") + column);
        cell.ariaSort = sort === column ? "ascending" : sort === "-" + column ? "descending" : null;
        say(cell.firstChild ?? make(cell, "button"), word(column));
      });

      const old = {};
      [...body.children].forEach((row) => (old[row.place] = row));
      const rows = select(list.servers.values(), get("filter"), sort).slice(0, get("limit", 100)).map((server) => {
        const place = server.game + server.address; // which a restart of the daemon does not change
        const row = old[place] ?? make(body, "tr", "row");
        row.place = place;
        delete old[place];
        names.forEach((column, index) => {
          const cell = row.children[index] ?? make(row, "td", "cell " + column);
          if (column === "join") {
            const link = cell.firstChild ?? make(cell, "a");
            link.href = join.replace("{address}", server.address);
            if (/script|data/.test(link.protocol)) link.remove();
            say(link, word(column));
          } else say(cell, (column === "name" && server.info?.password ? "🔒 " : "") + shown(server, column));
        });
        return row;
      });
      [...body.children].forEach((row) => rows.includes(row) || row.remove());
      // Only rows in the wrong place are moved, so that the focus stays where it is.
      rows.forEach((row, index) => {
        if (body.children[index] !== row) body.insertBefore(row, body.children[index]);
      });
      say(status, word(list.state !== "live" ? list.state : rows.length ? "" : "empty"));
    };

    new MutationObserver(draw).observe(this, { attributes: true });
    this.#draw = draw;
  }

  connectedCallback() {
    this.#draw();
  }
  disconnectedCallback() {
    this.#draw();
  }
}

try {
  customElements.define("metaserve-list", MetaserveListElement);
} catch {
  // It is loaded twice.
}
