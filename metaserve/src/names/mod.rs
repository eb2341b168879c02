//! Names: who owns a name now, start it if nobody does.
//!
//! ```text
//!  peers ──▶ Event ──▶ Names::handle(event, now) ──▶ Effect: Ready, Close, Reserve
//!                         │
//!            Names::take(peer) ──▶ Answer, one at a time, as fast as the peer reads
//! ```
//!
//! [`Names`] is the whole state of one daemon, without sockets, clock or locks. A [`Key`] is claimed
//! by one connection at a time. Each claim has an epoch, which is larger than that of every earlier
//! claim: whoever writes on behalf of a claim writes its epoch as well, and the store refuses a
//! smaller one.
//!
//! * **Epochs** come from [blocks](Block) that the caller has reserved in a file, the [`Mark`], so
//!   that they grow over restarts. Without a block nothing new is granted.
//! * **Proofs**: a claim is granted with a [`Proof`], a keyed hash of key and epoch. For the settle
//!   time after a start ([`SETTLE`]) only the bearer of a proof is granted its key, with the epoch
//!   that it had. A proof of a greater or equal epoch displaces the holder, at any time. After the
//!   daemon [stood still](Event::StoodStill) the same holds for the keys that were held.
//! * **Orders**: who resolves an absent key can have it started. The host with the most free slots
//!   gets an order; if it refuses, leaves or is silent, the next one. There is one order for a key,
//!   however many ask. A silent host may still claim the key, so if there is no next one, those who
//!   ask wait for it.
//! * **Watches**: a peer that reads slowly gets the latest state of each key, not each change, and
//!   after [`MAX_CHANGES`] of them a new snapshot. For the settle time after a start it is told the
//!   keys that are held again, and only then that these are all.
//!
//! A contender for a held key does not wait in a queue: it is told who holds the key, and may watch
//! it.

mod changes;
mod claims;
mod core;
mod epochs;
mod event;
mod hosts;
mod key;
mod limits;
mod mark;
mod orders;
mod peer;
mod prefixes;
mod proof;
mod settle;
mod starting;
#[cfg(test)]
mod tests;
mod watch;

pub use core::Names;
pub use epochs::{BLOCK, Block};
pub use event::{Answer, Effect, Event, Held, OrderEnd, PeerId, Refusal, Said, Start};
pub use key::{InvalidKey, Key, Prefix};
pub use limits::NamesLimits;
pub use mark::{DaemonId, Mark, MarkProblem};
pub use peer::Totals;
pub use proof::{Proof, Proofs};

use std::time::Duration;

/// How long after its start a daemon grants keys to former holders only: 15 s. It begins when it is
/// known whether epochs can be reserved. The libraries reconnect at most 2 s apart.
pub const SETTLE: Duration = Duration::from_secs(15);

/// The longest value of a claim and the longest payload of an order, in bytes: 8 KiB.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;

/// The longest time that a start may take: 5 minutes. A longer one is cut to it.
pub const MAX_WITHIN: Duration = Duration::from_secs(300);

/// How many changed keys a watch holds for a peer that does not read. After more it starts anew.
pub const MAX_CHANGES: usize = 1_024;

/// How many answers wait for a peer that does not read, besides those that its open requests can
/// still cause. The caller reads nothing from a peer with as many: [`Names::accepts`].
pub const MAX_UNREAD: usize = 256;

/// How many bytes of values and payloads these answers may have, before nothing more is read from
/// the peer: 256 KiB.
pub const MAX_UNREAD_BYTES: usize = 256 * 1024;

/// How long a daemon that could not reserve epochs waits until it tries again.
pub const RESERVE_AGAIN: Duration = Duration::from_secs(1);

/// The longest reason that a host gives and a peer is told, in bytes.
pub const MAX_WHY_BYTES: usize = 512;
