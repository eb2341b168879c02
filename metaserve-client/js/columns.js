// What is shown of a server, and how servers are sorted and found: for the daemon's page and for
// the element.

// Text without any visible character. The crate `metaserve` has the same rule.
const blank = /^[\s\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

// What a column is sorted by. A server without a name is called by the size of its heartbeat.
export const value = (server, column) => {
  const { info = { name: server.size + " bytes" } } = server;
  const said = server[column] ?? info[column];
  if (column === "name" && blank.test(said)) return "(no name)";
  return said ?? (column === "players" ? -1 : "");
};

export const shown = (server, column) => {
  const said = value(server, column);
  if (column !== "players") return said + "";
  const most = server.info?.max_players;
  return said < 0 ? "" : said + (most >= 0 ? " / " + most : "");
};

// Whether a server has each of the words, which are separated by spaces, in one of its texts.
export const matches = (server, words) => {
  const texts = ["name", "map", "mode", "game", "address", "region", "tags"].map((column) => value(server, column));
  return words.toLowerCase().split(/\s+/).every((word) => `${texts}`.toLowerCase().includes(word));
};

const { compare } = new Intl.Collator(undefined, { numeric: true });

// The order of servers by a column.
export const order = (column, down) => (one, other) =>
  compare(value(one, column), value(other, column)) * (down ? -1 : 1);
