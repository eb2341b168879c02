//! Version 1 of the wire protocol: the messages of each role, and their bytes.
//!
//! ```text
//!  heartbeat   server ── Hello, Heartbeat, Heartbeat, … ──▶ daemon     one stream
//!              server ◀── Welcome, Notice, … ───────────── daemon     one stream
//!
//!  client      client ── Subscribe ──────────────────────▶ daemon     one stream
//!              client ◀── Snapshot or Delta, Delta, … ──── daemon     one stream
//!
//!  relay       relay ── Upsert, Remove, … ───────────────▶ daemon     one stream
//!              relay ◀── Welcome, Notice, … ────────────── daemon     one stream
//! ```
//!
//! Each stream is unidirectional and lasts as long as the connection. It is a sequence of
//! frames: four bytes of length, little-endian, then one message. Messages are bincode 2 in its
//! standard configuration, written and read only by [`codec`], under a limit. After its last field
//! a message may have [`extensions`]. The page `docs/reference/protocol.md` gives every byte, and a
//! test reads its examples.

pub mod client;
pub mod close;
#[cfg(feature = "registry")]
pub mod cluster;
pub mod codec;
pub mod ended;
pub mod extensions;
pub mod framing;
pub mod heartbeat;
#[cfg(feature = "names")]
pub mod names;
pub mod relay;
pub mod roles;
pub mod session;

#[cfg(test)]
mod tests;
