//! The harness: real daemons, real game servers and clients, and waiting for events.
//!
//! Everything runs on loopback and on ports that the operating system chooses. Nothing waits for
//! time to pass: each wait is for an event, and [`PATIENCE`] only turns a hang into a failure.
#![forbid(unsafe_code)]

pub mod crowd;
mod daemon;
mod flood;
pub mod http;
mod peers;
mod program;
mod readme;
mod two_sockets;
mod weather;

pub use daemon::{Daemon, Killed, failing_start};
pub use flood::{Flood, first_packet, flood};
pub use peers::{Follower, RawClient, closed, constant, known, raw_peer, say, words};
pub use program::{Ended, dropped, run};
pub use two_sockets::TwoSockets;
pub use weather::Weather;

use std::time::Duration;

/// After which a wait is given up, and the test fails.
///
/// Below the longest idle timeout, so that what is not to be noticed by silence is not.
pub const PATIENCE: Duration = Duration::from_secs(50);

/// Settings for a daemon to which more peers come from one address than would in real life.
pub const FROM_ONE_ADDRESS: [&str; 4] = [
    "--max-servers-per-prefix",
    "50000",
    "--max-clients-per-prefix",
    "50000",
];

/// Waits for an event, and fails when it does not come.
///
/// # Panics
/// When it does not come.
pub async fn patiently<T>(what: &str, event: impl Future<Output = T>) -> T {
    let in_time = tokio::time::timeout(PATIENCE, event).await;
    in_time.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}
