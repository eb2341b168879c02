//! Every bound the daemon holds its peers to.

use std::{fmt::Debug, ops::RangeInclusive, time::Duration};

/// Declares limits: a field with its default and its bounds, and the name that it has as a setting
/// (with dashes), in metrics and in the log.
macro_rules! limits {
    ($(
        $(#[doc = $explanation:literal])*
        $limit:ident $name:literal, $value_name:literal,
        $field:ident: $kind:ty = $default:expr, $bounds:expr;
    )*) => {
        /// Every bound, with its unit, its default, and what happens to a peer that crosses it.
        /// With the feature `program` they are [settings](crate::program::settings) of a program.
        ///
        /// [`Limits::check`] names what is out of range, and the few combinations that contradict
        /// each other.
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

            /// What it is set to: a count, bytes, or seconds.
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
    /// Let at most this many peers in at a time: servers, clients and relays together, at some
    /// 33 KB for a server and 45 KB for a client. When all places are taken, a newcomer from
    /// addresses with less than their fair share takes the place of another; any other is told
    /// that there is no capacity
    MaxConnections "max_connections", "COUNT", max_connections: usize = 50_000, 1..=1_000_000;

    /// Let at most this many game servers and relays in at a time, so that there is room for
    /// clients; addresses share the places fairly. With --max-connections its default is two
    /// fifths of those
    MaxServers "max_servers", "COUNT", max_servers: usize = 20_000, 1..=1_000_000;

    /// Let at most this many game clients in at a time, so that there is room for servers; shared
    /// as well. With --max-connections its default is four fifths of those
    MaxClients "max_clients", "COUNT", max_clients: usize = 40_000, 1..=1_000_000;

    /// Let at most this many game servers in from one IPv4 address or one IPv6 network of 64 bits
    MaxServersPerPrefix "max_servers_per_prefix", "COUNT",
    max_servers_per_prefix: usize = 256, 1..=1_000_000;

    /// Let at most this many game clients in from one IPv4 address or one IPv6 network of 64 bits
    MaxClientsPerPrefix "max_clients_per_prefix", "COUNT",
    max_clients_per_prefix: usize = 1_024, 1..=1_000_000;

    /// Above this many handshakes in progress, require address validation of new peers (QUIC
    /// Retry, one more round trip); 0 for always
    RetryAboveHandshakes "retry_above_handshakes", "COUNT",
    retry_above_handshakes: usize = 256, 0..=1_000_000;

    /// Above this many handshakes begun in a second, require address validation as well; half of
    /// what one processor can do, by default
    RetryAbovePerSecond "retry_above_per_second", "COUNT",
    retry_above_per_second: u32 = 500, 0..=1_000_000;

    /// Above this many handshakes in progress, do not answer new peers at all
    MaxHandshakes "max_handshakes", "COUNT", max_handshakes: usize = 4_096, 1..=1_000_000;

    /// Give a peer this long for its handshake, again for its first message, and as long for the
    /// head of an HTTP request
    HelloTimeout "hello_timeout", "DURATION",
    hello_timeout: Duration = Duration::from_secs(10), Duration::from_secs(1)..=Duration::from_secs(60);

    /// Take a peer for gone after this much silence. Games show that they are alive every 5 s, and
    /// give a daemon up themselves after a minute
    IdleTimeout "idle_timeout", "DURATION",
    idle_timeout: Duration = Duration::from_secs(15),
    Limits::MIN_IDLE_TIMEOUT..=crate::time::CLIENT_IDLE_TIMEOUT;

    /// Accept heartbeats of at most this many bytes; each is sent to every client
    MaxHeartbeat "max_heartbeat", "BYTES",
    max_heartbeat_bytes: usize = 8 * 1024, 1..=Limits::MAX_HEARTBEAT_BYTES;

    /// Change a server in the list at most once in this time, on average; of several heartbeats
    /// the newest counts
    MinInterval "min_interval", "DURATION",
    min_interval: Duration = Duration::from_secs(1), Duration::ZERO..=Duration::from_secs(60);

    /// Accept this many heartbeats of one server in one --min-interval, on average; ten times as
    /// many at once. A server that sends more is warned, then closed
    HeartbeatsPerInterval "heartbeats_per_interval", "COUNT",
    heartbeats_per_interval: u32 = 32, 1..=1_000_000;

    /// Let a relay list at most this many servers
    MaxServersPerRelay "max_servers_per_relay", "COUNT",
    max_servers_per_relay: usize = 20_000, 1..=1_000_000;

    /// Let at most this many games have servers at a time
    MaxGames "max_games", "COUNT", max_games: usize = 10_000, 1..=1_000_000;

    /// List at most this many servers of one IPv4 address or one IPv6 network of 64 bits, and four
    /// times as many of the /24 or /48 around it; more may connect, and wait for a row
    MaxListedPerPrefix "max_listed_per_prefix", "COUNT",
    max_listed_per_prefix: usize = 64, 1..=1_000_000;

    /// Give up a client's stream when the client takes nothing for this long, or less than 8 KiB a
    /// second on average; it is given a snapshot when it reads again
    StallTimeout "stall_timeout", "DURATION",
    stall_timeout: Duration = Duration::from_secs(10), Duration::from_millis(1)..=Duration::from_secs(600);

    /// Hold at most this many bytes that a client has not acknowledged. The default feeds a client
    /// that is 100 ms away with more than a megabyte a second
    SendWindow "send_window", "BYTES",
    send_window_bytes: u32 = 128 * 1024,
    Limits::MIN_SEND_WINDOW_BYTES..=Limits::MAX_SEND_WINDOW_BYTES;

    /// Serve at most this many HTTP connections at a time, at some 20 KB each; the next is
    /// answered with status 503
    MaxHttpConnections "max_http_connections", "COUNT",
    max_http_connections: usize = 5_000, 0..=1_000_000;

    /// Let at most this many HTTP clients listen to events at a time, so that there is room for
    /// other requests; the next is answered with status 503
    MaxListeners "max_listeners", "COUNT", max_listeners: usize = 4_000, 0..=1_000_000;
}

/// What a limit counts or measures.
trait Figure: Copy + Debug + PartialOrd {
    fn figure(self) -> f64;
}

impl Figure for usize {
    #[expect(clippy::cast_precision_loss, reason = "for people to look at")]
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

/// Two limits contradict each other, or one is out of its range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLimits {
    /// A limit below the lowest or above the highest that makes sense.
    #[error("{limit} of {value} is out of range: choose {bounds}")]
    OutOfRange {
        /// Its name.
        limit: &'static str,
        /// What was asked for.
        value: String,
        /// What makes sense.
        bounds: String,
    },
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

    /// Whether these limits can be held together.
    ///
    /// # Errors
    /// The first that is out of range, or the contradiction, in words that name a way out.
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
                .contains("choose 6s to 60s")
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
