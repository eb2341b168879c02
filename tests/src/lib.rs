//! The test harness: real daemons, real game servers and clients, and waiting for events.
//!
//! Everything runs on loopback, on ports that the operating system chooses. Tests never wait for
//! time to pass: each wait is for an event, and [`PATIENCE`] only turns a hang into a failure.
#![forbid(unsafe_code)]

pub mod crowd;
mod daemon;
mod flood;
pub mod http;
mod manager;
pub mod names;
mod nats;
mod peers;
mod program;
mod readme;
mod tap;
mod two_sockets;
mod weather;

pub use daemon::{Daemon, Killed, failing_start};
pub use flood::{Flood, first_packet, flood};
pub use manager::Manager;
pub use names::RawNames;
pub use nats::Nats;
pub use peers::{Follower, RawClient, closed, constant, known, raw_peer, say, words};
pub use program::{Ended, dropped, run};
pub use tap::Tap;
pub use two_sockets::TwoSockets;
pub use weather::Weather;

use std::time::Duration;

/// How long to wait for an event before the test fails.
///
/// Shorter than the longest idle timeout, so that events that must not depend on an idle timeout
/// do not.
pub const PATIENCE: Duration = Duration::from_secs(50);

/// Settings for a daemon to which more peers connect from one address than in practice.
pub const FROM_ONE_ADDRESS: [&str; 4] = [
    "--max-servers-per-prefix",
    "50000",
    "--max-clients-per-prefix",
    "50000",
];

/// Waits for an event.
///
/// # Panics
/// When it does not come in time.
pub async fn patiently<T>(what: &str, event: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(PATIENCE, event).await;
    in_time.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
