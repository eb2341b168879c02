//! Faults, in real networks: namespaces joined by pairs of virtual Ethernet, whose packets nftables
//! and tbf lose and delay; what the kernel cannot do to them a relay in between does, by seed.
//! Needs root, iproute2 and nftables; `tests/live.sh` runs it. All at once take about 100 seconds,
//! most of which is waiting for silence to be noticed.
//!
//! Every test has a truth beside it ([`truth::Truth`]): what each server has said last, where it is,
//! when it ended. Each line that a client prints is held against it.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::disallowed_methods, reason = "it says how long things took")]

mod deaths;
mod machine;
mod net;
mod partitions;
mod rebinding;
mod stopped;
mod truth;
mod weather;
mod world;

/// The daemon's binary.
const DAEMON: &str = env!("CARGO_BIN_EXE_metaserve-daemon-under-test");

/// Servers, clients and weather; see `src/peer.rs`.
const PEER: &str = env!("CARGO_BIN_EXE_peer-under-test");
