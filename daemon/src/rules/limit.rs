//! The names of the limits: one for the setting, the metric and the log.

use metaserve::Limits;

macro_rules! limits {
    ($($limit:ident $name:literal = $value:expr;)*) => {
        /// A limit that may be reached.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Limit {
            $($limit,)*
        }

        impl Limit {
            pub(crate) const ALL: &[Self] = &[$(Self::$limit,)*];

            /// As in metrics.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$limit => $name,)*
                }
            }

            /// As on the command line.
            pub(crate) fn setting(self) -> String {
                format!("--{}", self.name().replace('_', "-"))
            }

            /// What it is set to: a count, bytes, or seconds.
            #[expect(clippy::cast_precision_loss, reason = "for people to look at")]
            pub(crate) fn value(self, limits: &Limits) -> f64 {
                let value: fn(&Limits) -> f64 = match self {
                    $(Self::$limit => $value,)*
                };
                value(limits)
            }
        }
    };
}

limits! {
    MaxConnections "max_connections" = |it| it.max_connections as f64;
    MaxServers "max_servers" = |it| it.max_servers as f64;
    MaxClients "max_clients" = |it| it.max_clients as f64;
    MaxServersPerPrefix "max_servers_per_prefix" = |it| it.max_servers_per_prefix as f64;
    MaxClientsPerPrefix "max_clients_per_prefix" = |it| it.max_clients_per_prefix as f64;
    RetryAboveHandshakes "retry_above_handshakes" = |it| it.retry_above_handshakes as f64;
    RetryAbovePerSecond "retry_above_per_second" = |it| it.retry_above_per_second.into();
    MaxHandshakes "max_handshakes" = |it| it.max_handshakes as f64;
    HelloTimeout "hello_timeout" = |it| it.hello_timeout.as_secs_f64();
    IdleTimeout "idle_timeout" = |it| it.idle_timeout.as_secs_f64();
    MaxHeartbeat "max_heartbeat" = |it| it.max_heartbeat_bytes as f64;
    MinInterval "min_interval" = |it| it.min_interval.as_secs_f64();
    HeartbeatsPerInterval "heartbeats_per_interval" = |it| it.heartbeats_per_interval.into();
    MaxGames "max_games" = |it| it.max_games as f64;
    MaxListedPerPrefix "max_listed_per_prefix" = |it| it.max_listed_per_prefix as f64;
    MaxServersPerRelay "max_servers_per_relay" = |it| it.max_servers_per_relay as f64;
    StallTimeout "stall_timeout" = |it| it.stall_timeout.as_secs_f64();
    SendWindow "send_window" = |it| it.send_window_bytes.into();
    MaxHttpConnections "max_http_connections" = |it| it.max_http_connections as f64;
    MaxListeners "max_listeners" = |it| it.max_listeners as f64;
}
