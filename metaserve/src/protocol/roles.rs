//! What a peer of the daemon may be: the one table of the roles and what differs between them.

use crate::{
    Limits,
    time::{CLIENT_IDLE_TIMEOUT, KEEP_ALIVE},
};
use std::{fmt, time::Duration};

/// What a peer of the daemon is, decided by the ALPN identifier of its connection.
///
/// An identifier carries the protocol's version. An incompatible version gets a new
/// identifier, and a daemon may speak several; a handshake that offers none that the daemon
/// speaks fails with the TLS alert *no application protocol*.
///
/// ```
/// use metaserve::Role;
///
/// assert_eq!(Role::Client.alpn(), b"metaserve-client/1");
/// assert_eq!(Role::from_alpn(b"metaserve-client/1"), Some(Role::Client));
/// assert_eq!(Role::from_alpn(b"metaserve-client/2"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A game server, which sends heartbeats about itself: `metaserve-heartbeat/1`.
    Heartbeat,
    /// A game client, which follows the list: `metaserve-client/1`.
    Client,
    /// A relay, which registers servers on behalf of others: `metaserve-relay/1`.
    Relay,
    /// A peer of names, which claims, resolves, watches or starts them: `metaserve-names/1`. A
    /// daemon without names does not speak it.
    Names,
}

/// The two sides of a list, with a pool of places for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Brings servers to the list, or is one of those that own names.
    Publishes,
    /// Reads the list.
    Follows,
}

/// What a peer sends after its first message.
enum Further {
    /// Nothing.
    Nothing,
    /// Heartbeats, with this many bytes at most besides the heartbeat and extensions
    /// ([`EXTENSIONS_BYTES`]).
    Heartbeats { overhead: usize },
    /// Messages of at most this many bytes.
    Messages(usize),
}

/// All that differs between roles. `docs/reference/protocol.md`, "Connections" and "Frames".
struct Row {
    role: Role,
    name: &'static str,
    alpn: &'static [u8],
    side: Side,
    /// The longest first message, in bytes, where that is another one than those that follow. It
    /// has to come within [`Limits::hello_timeout`]. A relay and a peer of names may stay silent.
    first_message: Option<usize>,
    further: Further,
    /// A peer that sends nothing for this long after its first message gets a notice.
    reminded_after: Option<Duration>,
    /// Whether the operator has to trust the peer's certificate.
    trusted_only: bool,
    /// A stream of the daemon that is not read in time is reset, and another one is opened.
    stream_restarts: bool,
    /// How often the peer sends a keep-alive.
    keep_alive: Duration,
    /// The silence of the daemon after which the peer gives up.
    peer_idle_timeout: Duration,
    /// The silence of the peer after which the daemon gives up, whatever it sends itself.
    silence: Option<Duration>,
}

const TABLE: [Row; 4] = [
    Row {
        role: Role::Heartbeat,
        name: "heartbeat",
        alpn: b"metaserve-heartbeat/1",
        side: Side::Publishes,
        first_message: Some(MAX_FIRST_BYTES),
        further: Further::Heartbeats { overhead: 10 },
        reminded_after: Some(Duration::from_secs(6)),
        trusted_only: false,
        stream_restarts: false,
        keep_alive: KEEP_ALIVE,
        peer_idle_timeout: CLIENT_IDLE_TIMEOUT,
        silence: None,
    },
    Row {
        role: Role::Client,
        name: "client",
        alpn: b"metaserve-client/1",
        side: Side::Follows,
        first_message: Some(MAX_FIRST_BYTES),
        further: Further::Nothing,
        reminded_after: None,
        trusted_only: false,
        stream_restarts: true,
        keep_alive: KEEP_ALIVE,
        peer_idle_timeout: CLIENT_IDLE_TIMEOUT,
        silence: None,
    },
    Row {
        role: Role::Relay,
        name: "relay",
        alpn: b"metaserve-relay/1",
        side: Side::Publishes,
        first_message: None,
        further: Further::Heartbeats { overhead: 128 },
        reminded_after: None,
        trusted_only: true,
        stream_restarts: false,
        keep_alive: KEEP_ALIVE,
        peer_idle_timeout: CLIENT_IDLE_TIMEOUT,
        silence: None,
    },
    Row {
        role: Role::Names,
        name: "names",
        alpn: b"metaserve-names/1",
        side: Side::Publishes,
        first_message: None,
        further: Further::Messages(MAX_FIRST_BYTES),
        reminded_after: None,
        trusted_only: false,
        stream_restarts: false,
        keep_alive: Duration::from_secs(1),
        peer_idle_timeout: NAMES_SILENCE,
        silence: Some(NAMES_SILENCE),
    },
];

/// How long a holder of names may be silent before its claims are free again: 5 s, in which four
/// keep-alives may be lost.
const NAMES_SILENCE: Duration = Duration::from_secs(5);

/// The longest first message of a game server or client, in bytes, what each message of a relay may
/// have at least, and the longest message of a peer of names.
pub const MAX_FIRST_BYTES: usize = 16 * 1024;

/// How many bytes of extensions each further message may have besides its heartbeat.
pub const EXTENSIONS_BYTES: usize = 1024;

/// How many unidirectional streams each side opens at a time, in every role. There are no others.
pub const STREAMS: u32 = 1;

/// How long a peer may take to let the daemon open its stream, or to make room there for a welcome
/// or notice.
pub const STREAM_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a peer that leaves waits for the daemon to close the connection. After that the
/// daemon finds out by its idle timeout.
pub const GOODBYE_TIMEOUT: Duration = Duration::from_secs(3);

/// The minimal interval of heartbeats that a server assumes before the daemon's welcome.
pub const ASSUMED_INTERVAL: Duration = Duration::from_secs(1);

/// The longest welcome or notice that a server or relay reads, in bytes: a few sentences.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The slowest reader of a list that is served, in bytes per second: 8 KiB. Otherwise a client that
/// takes a byte now and then would keep a frame, and the list as it once was, in memory.
pub const MIN_BYTES_PER_SECOND: usize = 8 * 1024;

impl Role {
    /// Every role of protocol version 1.
    pub const ALL: [Self; 4] = [Self::Heartbeat, Self::Client, Self::Relay, Self::Names];

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The role's name in logs and metrics, such as `heartbeat`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The ALPN identifier of this role.
    #[must_use]
    pub const fn alpn(self) -> &'static [u8] {
        self.row().alpn
    }

    /// The role that an ALPN identifier stands for, if it is one of ours.
    #[must_use]
    pub fn from_alpn(alpn: &[u8]) -> Option<Self> {
        let row = TABLE.iter().find(|row| row.alpn == alpn)?;
        Some(row.role)
    }

    /// Which side of the list it is on.
    #[must_use]
    pub const fn side(self) -> Side {
        self.row().side
    }

    /// Whether the operator has to trust the peer's certificate.
    #[must_use]
    pub const fn trusted_only(self) -> bool {
        self.row().trusted_only
    }

    /// Whether a peer that reads too slowly gets a new stream instead of being closed.
    #[must_use]
    pub const fn stream_restarts(self) -> bool {
        self.row().stream_restarts
    }

    /// The longest message that a peer may begin with, in bytes.
    #[must_use]
    pub const fn max_first_message(self, limits: &Limits) -> usize {
        match self.row().first_message {
            Some(bytes) => bytes,
            None => self.max_message(limits),
        }
    }

    /// How long after connecting a peer may take for its first message; none if it may stay
    /// silent.
    #[must_use]
    pub const fn first_message_within(self, limits: &Limits) -> Option<Duration> {
        match self.row().first_message {
            Some(_) => Some(limits.hello_timeout),
            None => None,
        }
    }

    /// The longest further message of a peer, in bytes; 0 if it has nothing more to say.
    #[must_use]
    pub const fn max_message(self, limits: &Limits) -> usize {
        let overhead = match self.row().further {
            Further::Nothing => return 0,
            Further::Heartbeats { overhead } => overhead,
            Further::Messages(bytes) => return bytes,
        };
        let bytes = limits.max_heartbeat_bytes + EXTENSIONS_BYTES + overhead;
        match self.row().first_message {
            // It may begin with any of its messages.
            None if bytes < MAX_FIRST_BYTES => MAX_FIRST_BYTES,
            _ => bytes,
        }
    }

    /// A peer that sends nothing for this long after its first message gets a notice.
    #[must_use]
    pub const fn reminded_after(self) -> Option<Duration> {
        self.row().reminded_after
    }

    /// How often a peer sends a keep-alive. The daemon sends none.
    #[must_use]
    pub const fn keep_alive(self) -> Duration {
        self.row().keep_alive
    }

    /// The silence of the daemon after which a peer gives up. QUIC uses the shorter timeout of both
    /// ends for both.
    #[must_use]
    pub const fn peer_idle_timeout(self) -> Duration {
        self.row().peer_idle_timeout
    }

    /// The daemon closes a peer from which no packet has come for this long. QUIC's own timer
    /// starts again when the daemon sends something to a peer that is gone.
    #[must_use]
    pub const fn silence(self) -> Option<Duration> {
        self.row().silence
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_row_and_is_found_by_its_identifier() {
        for role in Role::ALL {
            assert_eq!(Role::from_alpn(role.alpn()), Some(role));
            let identifier = format!("metaserve-{role}/1");
            assert_eq!(role.alpn(), identifier.as_bytes());
        }
        assert_eq!(Role::from_alpn(b"metaserve-client/2"), None);
    }

    #[test]
    fn the_longest_messages_follow_the_heartbeat_limit() {
        let mut limits = Limits::default();
        for (heartbeat, server, relay) in [
            (1, 1_035, 16_384),
            (8_192, 9_226, 16_384),
            (15_232, 16_266, 16_384),
            (15_233, 16_267, 16_385),
            (1_048_576, 1_049_610, 1_049_728),
        ] {
            limits.max_heartbeat_bytes = heartbeat;
            let longest = Role::ALL.map(|role| role.max_message(&limits));
            assert_eq!(longest, [server, 0, relay, 16_384], "{heartbeat}");
            let first = Role::ALL.map(|role| role.max_first_message(&limits));
            assert_eq!(first, [16_384, 16_384, relay, 16_384]);
        }
    }
}
