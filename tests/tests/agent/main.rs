//! The agent's promises to operators of game servers, tested from outside: one file for each
//! promise.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod commands;
mod crowd;
mod daemons;
mod deploy;
mod game_server;
mod hostile;
mod identity;
mod process;
mod push;
mod reasons;
mod reload;
mod service;

/// The daemon's binary.
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// The agent's binary.
const AGENT: &str = env!("CARGO_BIN_EXE_metaserve-agent-under-test");

/// Settings with which lists change quickly.
const FAST: [&str; 4] = ["--tick", "20ms", "--min-interval", "20ms"];
