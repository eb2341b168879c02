// What is shown of a server, and which servers are shown in which order: for the daemon's page and
// for the element.

// The text of a column.
export const shown = (server, column) => {
  const { info = {} } = server;
  const said = `${server[column] ?? info[column] ?? ""}`;
  return said && column === "players" && info.max_players ? said + " / " + info.max_players : said;
};

const { compare } = new Intl.Collator([], { numeric: true });

// Those of the servers that have each of the words, which are separated by spaces, in one of their
// texts; in the order of a column, or with "-" before its name in the opposite one. Of those that
// are equal in it, older servers come first.
export const select = (servers, words, sort) => {
  const column = sort.replace("-", "");
  return [...servers]
    .filter((server) => {
      const texts = "name map mode game addresses region tags".split(" ").map((column) => shown(server, column));
      return words.toLowerCase().split(" ").every((word) => `${texts}`.toLowerCase().includes(word));
    })
    .sort((one, other) => compare(shown(one, column), shown(other, column)) * (sort === column ? 1 : -1) || compare(one.id, other.id));
};
