/** The live list of a metaserve daemon over HTTP. */

/** A number, or its digits if JavaScript cannot hold it: compare ids, do not calculate with them. */
export type ServerId = number | string;

export interface Mod {
  name: string;
  version?: string;
  [field: string]: unknown;
}

export interface Player {
  name: string;
  score?: number;
  team?: string;
  [field: string]: unknown;
}

/**
 * What a game server says of itself. All texts are a stranger's: show them as text, never as
 * markup.
 */
export interface ServerInfo {
  name: string;
  map?: string;
  mode?: string;
  players?: number;
  max_players?: number;
  password?: boolean;
  version?: string;
  mods?: Mod[];
  started?: boolean;
  time_left_seconds?: number;
  region?: string;
  description?: string;
  website?: string;
  tags?: string[];
  player_list?: Player[];
  [field: string]: unknown;
}

export interface Server {
  /** No other server has it until the daemon restarts. */
  readonly id: ServerId;
  /** The tag of its game. */
  readonly game: string;
  /** Where players join, such as `192.0.2.1:27960` or `[2001:db8::1]:27960`. */
  readonly address: string;
  /** All addresses: a server with IPv4 and IPv6 has two. */
  readonly addresses: readonly string[];
  /** The fingerprint of its certificate, if it has one. */
  readonly identity?: string;
  /** `http` if it is announced over HTTP: its identity is then the daemon's word. */
  readonly by?: string;
  /** When its heartbeat last changed, in seconds since 1970. */
  readonly updated?: number;
  /** Whether the member of the cluster that it is connected to is not heard: it may be gone. */
  readonly stale?: boolean;
  /** The length of its heartbeat in bytes. */
  readonly size: number;
  /** What its heartbeat says, if that is a ServerInfo. */
  readonly info?: Readonly<ServerInfo>;
  /** Its heartbeat, if that is anything else. */
  readonly heartbeat_base64?: string;
}

/** What has changed, each server once. After a restart of the daemon, all servers have new ids. */
export interface Change {
  readonly added: readonly Server[];
  readonly updated: readonly Server[];
  /** As they were last. */
  readonly removed: readonly Server[];
}

/**
 * - `connecting`: the list is not here yet, or it may be old.
 * - `live`: it is the daemon's list.
 * - `refused`: the daemon does not answer such a request, for example because `game` is not the tag
 *   of a game, or the URL is not that of a daemon. It is not asked again.
 * - `ended`: it was closed.
 */
export type State = "connecting" | "live" | "refused" | "ended";

/** What a `ServerList` needs of an `EventSource`. */
export interface EventStream {
  onerror: ((event: any) => any) | null;
  readonly readyState: number;
  addEventListener(type: string, listener: (event: any) => any): void;
  close(): void;
}

export interface Options {
  /** Only servers of this game: all without it. */
  game?: string;
  /** For Node, which has none: that of the package `eventsource`. */
  EventSource?: new (url: string) => EventStream;
}

export interface ServerListEvents {
  change: CustomEvent<Change>;
  state: CustomEvent<State>;
}

/** Follows the list from its making until it is closed or refused, through restarts and failures. */
export class ServerList extends EventTarget {
  /** `url` is that of the daemon's page. */
  constructor(url: string | URL, options?: Options);

  /** The servers by their ids. Each change puts another map here, and leaves those before as they were. */
  readonly servers: ReadonlyMap<ServerId, Server>;
  readonly state: State;

  /** Ends it for good: the servers stay as they are. */
  close(): void;

  addEventListener<K extends keyof ServerListEvents>(
    type: K,
    listener: (this: ServerList, event: ServerListEvents[K]) => any,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
