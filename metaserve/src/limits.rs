//! The limits of the daemon for its peers.

use std::{fmt::Debug, ops::RangeInclusive, time::Duration};

/// Declares limits: for each the name in metrics and in the log (and with dashes as a setting),
/// the field, its default and its bounds.
macro_rules! limits {
    ($(
        $(#[doc = $explanation:literal])*
        $limit:ident $name:literal, $value_name:literal,
        $field:ident: $kind:ty = $default:expr, $bounds:expr;
    )*) => {
        /// All limits, each with its unit, its default, and what happens to a peer that exceeds
        /// it. With the feature `program` they are [settings](crate::program::settings) of a
        /// program.
        ///
        /// [`Limits::check`] reports values out of range, and the few contradictory combinations.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "program", derive(clap::Args))]
        #[cfg_attr(feature = "program", command(next_help_heading = "Limits"))]
        #[non_exhaustive]
        pub struct Limits {
            $(
                $(#[doc = $explanation])*
                #[cfg_attr(feature = "program", arg(
                    long = $name.replace('_', "-"),
                    value_name = $value_name,
                    default_value = <$kind as crate::program::settings::Quantity>::write($default),
                    value_parser = crate::program::settings::within::<$kind>($bounds)
                ))]
                pub $field: $kind,
            )*
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// A limit that may be reached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the fields of `Limits` explain them")]
        pub enum Limit {
            $($limit,)*
        }

        impl Limit {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$limit,)*];

            /// Its name in metrics and in the log; as a setting it has dashes.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$limit => $name,)*
                }
            }

            /// Its name on the command line.
            #[must_use]
            pub fn setting(self) -> String {
                format!("--{}", self.name().replace('_', "-"))
            }

            /// Its value: a count, bytes, or seconds.
            #[must_use]
            pub fn value(self, limits: &Limits) -> f64 {
                match self {
                    $(Self::$limit => limits.$field.figure(),)*
                }
            }
        }

        impl Limits {
            fn check_bounds(&self) -> Result<(), InvalidLimits> {
                $(within(Limit::$limit, self.$field, $bounds)?;)*
                Ok(())
            }
        }
    };
}

limits! {
    /// Admit at most this many peers at a time, servers, clients and relays together; a server
    /// takes about 33 KB and a client 45 KB. When all places are taken, a newcomer from addresses
    /// with less than their fair share replaces another peer; all others are told that the daemon
    /// is over capacity
    MaxConnections "max_connections", "COUNT", max_connections: usize = 50_000, 1..=1_000_000;

    /// Admit at most this many game servers and relays at a time, so that places are left for
    /// clients; the places are shared fairly by address. With --max-connections the default is two
    /// fifths of that
    MaxServers "max_servers", "COUNT", max_servers: usize = 20_000, 1..=1_000_000;

    /// Admit at most this many game clients at a time, so that places are left for servers; the
    /// places are shared fairly as well. With --max-connections the default is four fifths of that
    MaxClients "max_clients", "COUNT", max_clients: usize = 40_000, 1..=1_000_000;

    /// Admit at most this many game servers from one IPv4 address or IPv6 /64
    MaxServersPerPrefix "max_servers_per_prefix", "COUNT",
    max_servers_per_prefix: usize = 256, 1..=1_000_000;

    /// Admit at most this many game clients from one IPv4 address or IPv6 /64
    MaxClientsPerPrefix "max_clients_per_prefix", "COUNT",
    max_clients_per_prefix: usize = 1_024, 1..=1_000_000;

    /// Above this many handshakes in progress, require address validation of new peers (QUIC
    /// Retry, one more round trip); 0 for always
    RetryAboveHandshakes "retry_above_handshakes", "COUNT",
    retry_above_handshakes: usize = 256, 0..=1_000_000;

    /// Above this many new handshakes per second, require address validation as well; the default
    /// is half of what one processor can do
    RetryAbovePerSecond "retry_above_per_second", "COUNT",
    retry_above_per_second: u32 = 500, 0..=1_000_000;

    /// Above this many handshakes in progress, do not answer new peers at all
    MaxHandshakes "max_handshakes", "COUNT", max_handshakes: usize = 4_096, 1..=1_000_000;

    /// Allow a peer this much time for its handshake, again for its first message, and also for
    /// the head of an HTTP request
    HelloTimeout "hello_timeout", "DURATION",
    hello_timeout: Duration = Duration::from_secs(10), Duration::from_secs(1)..=Duration::from_secs(60);

    /// Close a connection after this much silence. Games send a keep-alive every 5 s, and give up
    /// a daemon after a minute of silence
    IdleTimeout "idle_timeout", "DURATION",
    idle_timeout: Duration = Duration::from_secs(15),
    Limits::MIN_IDLE_TIMEOUT..=crate::time::CLIENT_IDLE_TIMEOUT;

    /// Accept heartbeats of at most this many bytes; each is sent to every client
    MaxHeartbeat "max_heartbeat", "BYTES",
    max_heartbeat_bytes: usize = 8 * 1024, 1..=Limits::MAX_HEARTBEAT_BYTES;

    /// Change a server in the list at most once per this time, on average; of several heartbeats
    /// the newest counts
    MinInterval "min_interval", "DURATION",
    min_interval: Duration = Duration::from_secs(1), Duration::ZERO..=Duration::from_secs(60);

    /// Accept this many heartbeats of one server per --min-interval on average, and ten times as
    /// many at once. A server that sends more is warned, then closed
    HeartbeatsPerInterval "heartbeats_per_interval", "COUNT",
    heartbeats_per_interval: u32 = 32, 1..=1_000_000;

    /// Allow a relay to list at most this many servers
    MaxServersPerRelay "max_servers_per_relay", "COUNT",
    max_servers_per_relay: usize = 20_000, 1..=1_000_000;

    /// Allow at most this many games to have servers at a time
    MaxGames "max_games", "COUNT", max_games: usize = 10_000, 1..=1_000_000;

    /// List at most this many servers of one IPv4 address or IPv6 /64, and four times as many of
    /// the /24 or /48 around it. More servers may connect, and wait for a row
    MaxListedPerPrefix "max_listed_per_prefix", "COUNT",
    max_listed_per_prefix: usize = 64, 1..=1_000_000;

    /// Give up the stream of a client that takes nothing for this long, or less than 8 KiB per
    /// second on average; the client gets a snapshot when it reads again
    StallTimeout "stall_timeout", "DURATION",
    stall_timeout: Duration = Duration::from_secs(10), Duration::from_millis(1)..=Duration::from_secs(600);

    /// Keep at most this many bytes that a client has not acknowledged. The default gives a client
    /// with a round trip of 100 ms more than a megabyte per second
    SendWindow "send_window", "BYTES",
    send_window_bytes: u32 = 128 * 1024,
    Limits::MIN_SEND_WINDOW_BYTES..=Limits::MAX_SEND_WINDOW_BYTES;

    /// Serve at most this many HTTP connections at a time, each of about 20 KB; further ones are
    /// answered with status 503
    MaxHttpConnections "max_http_connections", "COUNT",
    max_http_connections: usize = 5_000, 0..=1_000_000;

    /// Allow at most this many HTTP clients to listen to events at a time, so that other requests
    /// are served as well; further ones are answered with status 503
    MaxListeners "max_listeners", "COUNT", max_listeners: usize = 4_000, 0..=1_000_000;

    /// List at most this many servers that are announced over HTTP; further ones are answered with
    /// status 503
    MaxAnnounced "max_announced", "COUNT", max_announced: usize = 10_000, 0..=1_000_000;

    /// Read this many announcements over HTTP per second, on average, from one IPv4 address or IPv6
    /// /64; further ones are answered with status 429. With --announce on, choose at least a fifth
    /// of --max-listed-per-prefix: so often its servers are announced if each has the shortest TTL,
    /// which is every 5 s
    AnnouncesPerPrefix "announces_per_prefix", "COUNT",
    announces_per_prefix: u32 = 16, 1..=1_000_000;

    /// Read this many announcements over HTTP at once from one IPv4 address or IPv6 /64, such as
    /// those of all servers of a host after a restart
    AnnouncesAtOnce "announces_at_once", "COUNT",
    announces_at_once: u32 = 128, 1..=1_000_000;

    /// In a cluster, take at most this many servers from all other members together; the newest of
    /// further ones are left out
    ClusterMaxServers "cluster_max_servers", "COUNT",
    cluster_max_servers: usize = 200_000, 0..=10_000_000;

    /// Of names, hold at most this many claims of all peers together; a claim takes about a
    /// kilobyte, and its value
    MaxClaims "max_claims", "COUNT", max_claims: usize = 100_000, 0..=10_000_000;

    /// Of names, let one peer hold at most this many claims
    MaxClaimsPerPeer "max_claims_per_peer", "COUNT",
    max_claims_per_peer: usize = 10_000, 1..=1_000_000;

    /// Of names, serve at most this many watches of all peers together
    MaxWatches "max_watches", "COUNT", max_watches: usize = 10_000, 0..=1_000_000;

    /// Of names, have at most this many started at a time
    MaxOrders "max_orders", "COUNT", max_orders: usize = 1_000, 0..=1_000_000;

    /// Of names, let one host have at most this many orders that it has not answered
    MaxOrdersPerHost "max_orders_per_host", "COUNT",
    max_orders_per_host: usize = 256, 1..=1_000_000;

    /// Of names, let at most this many requests of all peers together wait for a name to be started
    MaxResolvers "max_resolvers", "COUNT", max_resolvers: usize = 10_000, 0..=1_000_000;

    /// Of names, take at most this many offers of all peers together to start some
    MaxOffers "max_offers", "COUNT", max_offers: usize = 10_000, 0..=1_000_000;

    /// Of names, let one peer have at most this many watches, as many offers, and as many requests
    /// that wait
    MaxRequestsPerPeer "max_requests_per_peer", "COUNT",
    max_requests_per_peer: usize = 256, 1..=1_000_000;

    /// Of names, read this many messages of one peer per second on average. A peer that sends more
    /// is closed
    RequestsPerSecond "requests_per_second", "COUNT",
    requests_per_second: u32 = 1_000, 1..=1_000_000;

    /// Of names, read this many messages of one peer at once, such as all claims of a holder that
    /// has reconnected
    RequestsAtOnce "requests_at_once", "COUNT", requests_at_once: u32 = 25_000, 1..=1_000_000;
}

/// The value of a limit.
trait Figure: Copy + Debug + PartialOrd {
    fn figure(self) -> f64;
}

impl Figure for usize {
    #[expect(clippy::cast_precision_loss, reason = "a value for people to read")]
    fn figure(self) -> f64 {
        self as f64
    }
}

impl Figure for u32 {
    fn figure(self) -> f64 {
        self.into()
    }
}

impl Figure for Duration {
    fn figure(self) -> f64 {
        self.as_secs_f64()
    }
}

fn within<F: Figure>(
    limit: Limit,
    value: F,
    bounds: RangeInclusive<F>,
) -> Result<(), InvalidLimits> {
    match bounds.contains(&value) {
        true => Ok(()),
        false => Err(InvalidLimits::OutOfRange {
            limit: limit.name(),
            value: format!("{value:?}"),
            bounds: format!("{:?} to {:?}", bounds.start(), bounds.end()),
        }),
    }
}

/// A limit is out of range, or two limits contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// A limit is outside its bounds.
    #[error("{limit} of {value} is out of range: choose {bounds}")]
    OutOfRange {
        /// The name of the limit.
        limit: &'static str,
        /// The value.
        value: String,
        /// The bounds.
        bounds: String,
    },
    /// The interval is longer than a server stays listed without a sign of life.
    #[error(
        "a minimal interval of {min_interval:?} is longer than the idle timeout of \
         {idle_timeout:?}: lower the first or raise the second"
    )]
    MinInterval {
        /// The interval.
        min_interval: Duration,
        /// The idle timeout.
        idle_timeout: Duration,
    },
}

impl Limits {
    /// The highest value of `max_heartbeat_bytes`: 1 MiB. A heartbeat is sent to every client.
    pub const MAX_HEARTBEAT_BYTES: usize = 1024 * 1024;

    /// The lowest value of `idle_timeout`: 6 s, the [keep-alive](crate::time::KEEP_ALIVE) interval
    /// and a second of travel time. With 15 s, a connection survives the loss of two keep-alives.
    pub const MIN_IDLE_TIMEOUT: Duration = Duration::from_secs(6);

    /// The lowest value of `send_window_bytes`: 16 KiB, about a dozen packets.
    pub const MIN_SEND_WINDOW_BYTES: u32 = 16 * 1024;

    /// The highest value of `send_window_bytes`: 16 MiB for each client that does not read.
    pub const MAX_SEND_WINDOW_BYTES: u32 = 16 * 1024 * 1024;

    /// Divides `max_connections` between servers and clients as the defaults do: servers get two
    /// fifths and clients four, so that each pool has at least a fifth that the other cannot take.
    pub fn share_out(&mut self, max_connections: usize) {
        self.max_connections = max_connections;
        self.max_servers = (max_connections * 2 / 5).max(1);
        self.max_clients = (max_connections * 4 / 5).max(1);
    }

    /// Checks whether the limits are valid and consistent.
    ///
    /// # Errors
    /// The first limit that is out of range, or the contradiction, with what to do.
    ///
    /// ```
    /// use metaserve::{Limit, Limits};
    ///
    /// let mut limits = Limits::default();
    /// limits.max_heartbeat_bytes = 4096;
    /// limits.check()?;
    /// assert_eq!(Limit::MaxHeartbeat.setting(), "--max-heartbeat");
    /// assert_eq!(Limit::MaxHeartbeat.value(&limits), 4096.0);
    ///
    /// limits.max_heartbeat_bytes = 0;
    /// assert!(limits.check().is_err());
    /// # Ok::<(), metaserve::InvalidLimits>(())
    /// ```
    pub fn check(&self) -> Result<(), InvalidLimits> {
        self.check_bounds()?;
        let Self {
            min_interval,
            idle_timeout,
            ..
        } = *self;
        match min_interval > idle_timeout {
            true => Err(InvalidLimits::MinInterval {
                min_interval,
                idle_timeout,
            }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
