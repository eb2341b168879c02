//! Every bound the daemon holds its peers to.

use std::time::Duration;

/// Every bound, with its unit, its default, and what happens to a peer that crosses it.
///
/// All fields are independent; [`Limits::check`] names the few combinations that contradict
/// each other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at one time, of all roles. Default 50,000, at some 33 KB for a server
    /// and 45 KB for a client. When all places are taken, a newcomer from a branch of addresses
    /// with less than its fair share ([`bounds`](crate::bounds)) takes the place of another of
    /// its pool; any other is told *over capacity*.
    pub max_connections: usize,
    /// Game servers and relays at one time. Default 20,000: fewer than connections, so that there
    /// is room for clients. Beyond, as with `max_connections`.
    pub max_servers: usize,
    /// Game clients at one time. Default 40,000: fewer than connections, so that there is room
    /// for servers. Beyond, as with `max_connections`.
    pub max_clients: usize,
    /// Game servers at one time from one IPv4 address or one IPv6 /64. Default 256, which is more
    /// than one machine runs. The next one is told *over capacity*.
    pub max_servers_per_prefix: usize,
    /// Game clients at one time from one IPv4 address or one IPv6 /64. Default 1,024, which is
    /// room for the households behind one address. The next one is told *over capacity*.
    pub max_clients_per_prefix: usize,
    /// Handshakes under way at one time, beyond which new peers first have to prove their
    /// address (QUIC Retry, which costs an honest peer a round trip). Default 256.
    pub retry_above_handshakes: usize,
    /// Handshakes begun in one second, beyond which new peers first have to prove their address
    /// as well. Default 500, which is about half of what one processor can do.
    pub retry_above_per_second: u32,
    /// Handshakes under way at one time, beyond which new ones are dropped unanswered.
    /// Default 4,096.
    pub max_handshakes: usize,
    /// For the handshake, and again for the peer's first message; for the head of an HTTP
    /// request. Default 10 s, from 1 s to 60 s; then *too slow*.
    pub hello_timeout: Duration,
    /// Silence after which a peer is taken for gone. Default 15 s, from
    /// [`MIN_IDLE_TIMEOUT`](Self::MIN_IDLE_TIMEOUT) to
    /// [`CLIENT_IDLE_TIMEOUT`](crate::time::CLIENT_IDLE_TIMEOUT).
    pub idle_timeout: Duration,
    /// Bytes in one heartbeat. Default 8,192, at most
    /// [`MAX_HEARTBEAT_BYTES`](Self::MAX_HEARTBEAT_BYTES); then *oversize heartbeat*.
    pub max_heartbeat_bytes: usize,
    /// The least time between two changes of one server in the list, on average
    /// ([`Pacing`](crate::Pacing)); of several heartbeats in between, the newest is kept. Default
    /// 1 s.
    pub min_interval: Duration,
    /// Heartbeats that one server may send in one `min_interval`, lastingly. Default 32; ten
    /// times as many at once. At half of that it gets a notice, at the end *rate limited*.
    pub heartbeats_per_interval: u32,
    /// Servers that one relay may list. Default 20,000; more are refused with a notice.
    pub max_servers_per_relay: usize,
    /// Games that may have servers at one time. Default 10,000; a server of a further one is told
    /// *over capacity*.
    pub max_games: usize,
    /// Servers of one IPv4 address or IPv6 /64 in the list at one time, and of four times as many
    /// in one IPv4 /24 or IPv6 /48. Default 64. The next one waits for a row, and is told so with
    /// a notice.
    pub max_listed_per_prefix: usize,
    /// How long a client may take nothing while a frame is waiting for it; for the whole frame it
    /// has as long again as 8 KiB a second take. Default 10 s. Then
    /// its stream is reset (which frees what was held for it), and when it reads again it is
    /// given a snapshot.
    pub stall_timeout: Duration,
    /// Bytes that a slow reader may leave unacknowledged: what is held for it. Default 128 KiB,
    /// which feeds a client that is 100 ms away with more than a megabyte a second; from
    /// [`MIN_SEND_WINDOW_BYTES`](Self::MIN_SEND_WINDOW_BYTES) to
    /// [`MAX_SEND_WINDOW_BYTES`](Self::MAX_SEND_WINDOW_BYTES).
    pub send_window_bytes: u32,
    /// HTTP connections at one time. Default 5,000, at some 20 KB each; the next is told so with
    /// status 503.
    pub max_http_connections: usize,
    /// Listeners to server-sent events at one time. Default 4,000: fewer than connections, so
    /// that there is room for other requests. The next is told so with status 503.
    pub max_listeners: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 50_000,
            max_servers: 20_000,
            max_clients: 40_000,
            max_servers_per_prefix: 256,
            max_clients_per_prefix: 1_024,
            retry_above_handshakes: 256,
            retry_above_per_second: 500,
            max_handshakes: 4_096,
            hello_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15),
            max_heartbeat_bytes: 8 * 1024,
            min_interval: Duration::from_secs(1),
            heartbeats_per_interval: 32,
            max_servers_per_relay: 20_000,
            max_games: 10_000,
            max_listed_per_prefix: 64,
            stall_timeout: Duration::from_secs(10),
            send_window_bytes: 128 * 1024,
            max_http_connections: 5_000,
            max_listeners: 4_000,
        }
    }
}

/// Two limits contradict each other, or one is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// A heartbeat limit of zero or above the protocol's own.
    #[error(
        "a heartbeat limit of {0} bytes is out of range: choose 1 to {max}",
        max = Limits::MAX_HEARTBEAT_BYTES
    )]
    MaxHeartbeat(usize),
    /// An idle timeout that keep-alives cannot hold.
    #[error(
        "an idle timeout of {0:?} is too short: peers show that they are alive every \
         {keep_alive:?}, so choose {min:?} or more",
        keep_alive = crate::time::KEEP_ALIVE,
        min = Limits::MIN_IDLE_TIMEOUT
    )]
    IdleTimeout(Duration),
    /// An idle timeout that peers do not have.
    #[error(
        "an idle timeout of {0:?} is too long: games take a daemon for gone after {longest:?} of \
         silence themselves, so choose that or less",
        longest = crate::time::CLIENT_IDLE_TIMEOUT
    )]
    LongIdleTimeout(Duration),
    /// An interval longer than a server stays listed.
    #[error(
        "a minimal interval of {min_interval:?} is longer than the idle timeout of \
         {idle_timeout:?}: lower the one or raise the other"
    )]
    MinInterval {
        /// The interval asked for.
        min_interval: Duration,
        /// The idle timeout asked for.
        idle_timeout: Duration,
    },
    /// A hello timeout that honest peers cannot meet, or that lets idle ones stay.
    #[error("a hello timeout of {0:?} is out of range: choose 1s to 60s")]
    HelloTimeout(Duration),
    /// A send window that feeds nobody, or holds too much.
    #[error(
        "a send window of {0} bytes is out of range: choose {min} to {max}",
        min = Limits::MIN_SEND_WINDOW_BYTES,
        max = Limits::MAX_SEND_WINDOW_BYTES
    )]
    SendWindow(u32),
    /// Nobody would ever be let in, or be served.
    #[error("a {0} of 0 would serve nobody: choose more")]
    Zero(&'static str),
}

impl Limits {
    /// The most that `max_heartbeat_bytes` may be: 1 MiB. A heartbeat is sent to every client.
    pub const MAX_HEARTBEAT_BYTES: usize = 1024 * 1024;

    /// The least that `idle_timeout` may be: 6 s, the [keep-alive](crate::time::KEEP_ALIVE)
    /// interval and a second for its way. Three keep-alives (15 s) survive the loss of two.
    pub const MIN_IDLE_TIMEOUT: Duration = Duration::from_secs(6);

    /// The least that `send_window_bytes` may be: 16 KiB, about a dozen packets.
    pub const MIN_SEND_WINDOW_BYTES: u32 = 16 * 1024;

    /// The most that `send_window_bytes` may be: 16 MiB for each client that does not read.
    pub const MAX_SEND_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

    /// Divides `max_connections` between servers and clients, as the defaults do: servers may
    /// have two fifths and clients four, so that each has a fifth at least that the other cannot
    /// take.
    pub fn share_out(&mut self, max_connections: usize) {
        self.max_connections = max_connections;
        self.max_servers = (max_connections * 2 / 5).max(1);
        self.max_clients = (max_connections * 4 / 5).max(1);
    }

    const HELLO_TIMEOUTS: std::ops::RangeInclusive<Duration> =
        Duration::from_secs(1)..=Duration::from_secs(60);

    /// Whether these limits can be held together.
    ///
    /// # Errors
    /// The first contradiction, in words that name a way out.
    pub fn check(&self) -> Result<(), InvalidLimits> {
        if !(1..=Self::MAX_HEARTBEAT_BYTES).contains(&self.max_heartbeat_bytes) {
            return Err(InvalidLimits::MaxHeartbeat(self.max_heartbeat_bytes));
        }
        if self.idle_timeout < Self::MIN_IDLE_TIMEOUT {
            return Err(InvalidLimits::IdleTimeout(self.idle_timeout));
        }
        if self.idle_timeout > crate::time::CLIENT_IDLE_TIMEOUT {
            return Err(InvalidLimits::LongIdleTimeout(self.idle_timeout));
        }
        if self.min_interval > self.idle_timeout {
            let Self {
                min_interval,
                idle_timeout,
                ..
            } = *self;
            return Err(InvalidLimits::MinInterval {
                min_interval,
                idle_timeout,
            });
        }
        if !Self::HELLO_TIMEOUTS.contains(&self.hello_timeout) {
            return Err(InvalidLimits::HelloTimeout(self.hello_timeout));
        }
        let windows = Self::MIN_SEND_WINDOW_BYTES..=Self::MAX_SEND_WINDOW_BYTES;
        if !windows.contains(&self.send_window_bytes) {
            return Err(InvalidLimits::SendWindow(self.send_window_bytes));
        }
        let zeros = [
            ("limit of connections", self.max_connections == 0),
            ("limit of servers", self.max_servers == 0),
            ("limit of clients", self.max_clients == 0),
            (
                "limit of servers per prefix",
                self.max_servers_per_prefix == 0,
            ),
            (
                "limit of clients per prefix",
                self.max_clients_per_prefix == 0,
            ),
            ("limit of handshakes", self.max_handshakes == 0),
            (
                "limit of heartbeats per interval",
                self.heartbeats_per_interval == 0,
            ),
            ("limit of games", self.max_games == 0),
            (
                "limit of listed servers per prefix",
                self.max_listed_per_prefix == 0,
            ),
            (
                "limit of servers per relay",
                self.max_servers_per_relay == 0,
            ),
            ("stall timeout", self.stall_timeout.is_zero()),
        ];
        if let Some((name, _)) = zeros.into_iter().find(|(_, zero)| *zero) {
            return Err(InvalidLimits::Zero(name));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_together() {
        assert_eq!(Limits::default().check(), Ok(()));
        assert_eq!(Limits::default().max_heartbeat_bytes, 8_192);
    }

    /// Whether these limits hold together, changed in one place.
    fn holds(change: impl FnOnce(&mut Limits)) -> bool {
        let mut limits = Limits::default();
        change(&mut limits);
        limits.check().is_ok()
    }

    #[test]
    fn every_range_ends_where_it_is_said_to() {
        let seconds = Duration::from_secs;
        for (bytes, fits) in [(0, false), (1, true), (1_048_576, true), (1_048_577, false)] {
            assert_eq!(holds(|it| it.max_heartbeat_bytes = bytes), fits, "{bytes}");
        }
        for (bytes, fits) in [
            (16_383, false),
            (16_384, true),
            (16_777_216, true),
            (16_777_217, false),
        ] {
            assert_eq!(holds(|it| it.send_window_bytes = bytes), fits, "{bytes}");
        }
        let almost = seconds(6) - Duration::from_nanos(1);
        for (timeout, fits) in [(almost, false), (seconds(6), true), (seconds(60), true)] {
            assert_eq!(holds(|it| it.idle_timeout = timeout), fits, "{timeout:?}");
        }
        assert!(!holds(|it| it.idle_timeout = seconds(61)));
        for (timeout, fits) in [(0, false), (1, true), (60, true), (61, false)] {
            let timeout = seconds(timeout);
            assert_eq!(holds(|it| it.hello_timeout = timeout), fits, "{timeout:?}");
        }
        assert!(holds(|it| it.min_interval = it.idle_timeout));
        assert!(!holds(|it| it.min_interval = it.idle_timeout + seconds(1)));
    }

    #[test]
    fn nothing_that_serves_nobody_is_taken() {
        let zeros: [fn(&mut Limits); 11] = [
            |it| it.max_connections = 0,
            |it| it.max_servers = 0,
            |it| it.max_clients = 0,
            |it| it.max_servers_per_prefix = 0,
            |it| it.max_clients_per_prefix = 0,
            |it| it.max_handshakes = 0,
            |it| it.heartbeats_per_interval = 0,
            |it| it.max_games = 0,
            |it| it.max_listed_per_prefix = 0,
            |it| it.max_servers_per_relay = 0,
            |it| it.stall_timeout = Duration::ZERO,
        ];
        for zero in zeros {
            assert!(!holds(zero));
        }
    }

    #[test]
    fn the_defaults_are_shared_out_as_any_other_number() {
        let mut limits = Limits::default();
        limits.share_out(limits.max_connections);
        assert_eq!(limits, Limits::default());
        for (connections, servers, clients) in [(1, 1, 1), (100, 40, 80)] {
            limits.share_out(connections);
            let Limits {
                max_servers,
                max_clients,
                ..
            } = limits;
            assert_eq!((max_servers, max_clients), (servers, clients));
            assert_eq!(limits.max_connections, connections);
        }
    }

    #[test]
    fn contradictions_are_named() {
        let short = Limits {
            idle_timeout: Duration::from_secs(2),
            ..Limits::default()
        };
        assert!(
            short
                .check()
                .unwrap_err()
                .to_string()
                .contains("choose 6s or more")
        );
        let rare = Limits {
            min_interval: Duration::from_secs(60),
            ..Limits::default()
        };
        assert!(
            rare.check()
                .unwrap_err()
                .to_string()
                .contains("lower the one")
        );
    }
}
