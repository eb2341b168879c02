// Follows the list of a metaserve daemon, in browsers and in Node.

export class ServerList extends EventTarget {
  servers = new Map();
  state = "connecting";

  constructor(url, { game = "", EventSource: Events = EventSource } = {}) {
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
      const old = this.servers;
      const now = (this.servers = new Map(removed && old));
      removed?.forEach((id) => now.delete(id));
      servers.forEach((server) => now.set(server.id, server));
      // After a restart of the daemon, its ids are those of other servers.
      const known = epoch === (epoch = lastEventId.split(".")[0]) ? old : new Map();
      become("live");
      tell("change", {
        added: servers.filter(({ id }) => !known.has(id)),
        // A snapshot repeats what has not changed.
        updated: servers.filter((server) => JSON.stringify(known.get(server.id) ?? server) !== JSON.stringify(server)),
        removed: [...old.values()].filter(({ id }) => old !== known || !now.has(id)),
      });
    };

    const listen = () => {
      events = new Events(path);
      events.onerror = async () => {
        become("connecting");
        // It reconnects by itself, but not after a refusal, of which it says nothing.
        if (events.readyState < 2) return;
        const answer = await fetch(path, { method: "HEAD" }).catch(() => {});
        if (this.state === "ended") return;
        // The request is wrong, and would be the next time.
        if (/40[0-6]/.test(answer?.status)) return become("refused");
        const after = answer?.headers.get("retry-after");
        const wait = after * 1e3 || new Date(after) - new Date();
        // Not all come back at the same moment.
        timer = setTimeout(listen, Math.min(wait > 0 ? wait : 5e3, 36e5) * (1 + Math.random()));
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
