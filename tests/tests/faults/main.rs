//! Tests of faults in real networks: namespaces joined by pairs of virtual Ethernet. nftables and
//! tbf lose and delay their packets. A relay in between does what the kernel cannot, by seed. Needs
//! root, iproute2, nftables and nats-server; `tests/live.sh` runs it. All tests together take about
//! 100 seconds, most of which is waiting until silence is noticed.
//!
//! Every test records the truth ([`truth::Truth`]): each server's last heartbeat, its address, and
//! when it ended. Each line that a client prints is compared with it.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "it says how long things took")]

mod clusters;
mod deaths;
mod machine;
mod names;
mod net;
mod partitions;
mod rebinding;
mod stopped;
mod threads;
mod truth;
mod weather;
mod world;

/// The daemon's binary.
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// Servers, clients and bad networks; see `src/peer.rs`.
const PEER: &str = env!("CARGO_BIN_EXE_peer-under-test");

/// Peers of names; see `src/names_peer.rs`.
const NAMES_PEER: &str = env!("CARGO_BIN_EXE_names-peer-under-test");
