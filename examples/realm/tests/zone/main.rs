//! Zone hosts, the scheduler and roles, with a daemon, hosts and a log in this process.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod common;
mod roles;
mod run;
mod start;
mod wake;
