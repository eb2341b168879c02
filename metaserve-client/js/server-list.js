// Follows the list of a metaserve daemon, in browsers and in Node.

export class ServerList extends EventTarget {
  servers = new Map();
  state = "connecting";

  constructor(url, { game = "", EventSource = globalThis.EventSource } = {}) {
    super();
    const path = `${url}`.replace(/\/?$/, "/api/v1/events?game=") + encodeURIComponent(game);
    let events, timer, epoch;

    const tell = (type, detail) => this.dispatchEvent(new CustomEvent(type, { detail }));
    const become = (state) => {
      if (this.state !== state) tell("state", (this.state = state));
    };

    // A snapshot has no `removed`: it is the whole list.
    const take = ({ lastEventId, data }) => {
      const { servers, removed } = JSON.parse(data);
      const change = { added: [], updated: [], removed: [] };
      const ids = new Set(removed ?? servers.map(({ id }) => id));
      const before = epoch;
      [epoch] = lastEventId.split(".");
      for (const [id, server] of this.servers)
        // After a restart of the daemon, its ids are those of other servers.
        if (epoch !== before || ids.has(id) === !!removed) {
          this.servers.delete(id);
          change.removed.push(server);
        }
      for (const server of servers) {
        const known = this.servers.get(server.id);
        // A snapshot repeats what has not changed.
        if (JSON.stringify(known) === JSON.stringify(server)) continue;
        this.servers.set(server.id, server);
        change[known ? "updated" : "added"].push(server);
      }
      become("live");
      tell("change", change);
    };

    const listen = () => {
      events = new EventSource(path);
      events.onopen = () => epoch && become("live");
      events.onerror = async () => {
        become("connecting");
        // It reconnects by itself, but not after a refusal such as 503, of which it does not say
        // when to try again.
        if (events.readyState < 2) return;
        const answer = await fetch(path, { method: "HEAD" }).catch(() => {});
        const seconds = Math.min(answer?.headers.get("retry-after") || 5, 3600);
        // Not all come back at the same moment.
        if (this.state !== "ended") timer = setTimeout(listen, seconds * 1000 * (1 + Math.random()));
      };
      events.addEventListener("snapshot", take);
      events.addEventListener("delta", take);
    };

    this.close = () => {
      events.close();
      clearTimeout(timer);
      become("ended");
    };
    listen();
  }
}
