//! Several daemons with one list, over real NATS servers on loopback. Needs Debian's nats-server;
//! `tests/live.sh cluster` runs it.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clocks;
mod connection;
mod families;
mod hostile;
mod joining;
mod keys;
mod large;
mod list;
mod losses;
mod members;
mod names;
mod resuming;
mod returns;

/// The daemon's binary.
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// The time, for figures.
#[expect(clippy::disallowed_methods, reason = "it says how long things took")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
