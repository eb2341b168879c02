//! Tests that players of old games and native clients see the same list through the bridge.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod aleph_one;
mod metrics;
mod myth;
mod process;
mod quake;
mod vcmi;

/// The daemon's binary.
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// The bridge's binary.
const BRIDGE: &str = env!("CARGO_BIN_EXE_metaserve-lobby-bridge-under-test");
