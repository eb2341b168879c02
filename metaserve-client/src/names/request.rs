//! The bounds of what requests carry.

use super::error::Failed;
use bytes::Bytes;
use metaserve::{
    names::{MAX_VALUE_BYTES, MAX_WITHIN},
    protocol::names::MAX_TICKET_BYTES,
    time::now,
};
use std::time::{Duration, Instant};

/// How long a request waits for a connection and an answer, unless the program says otherwise: twice
/// as long as a daemon waits for former holders after its start.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// The end of a time that begins now.
pub(super) fn deadline(within: Duration) -> Instant {
    now() + within.min(MAX_WITHIN)
}

pub(super) fn value(what: &'static str, bytes: Bytes) -> Result<Bytes, Failed> {
    bounded(what, bytes, MAX_VALUE_BYTES)
}

pub(super) fn ticket(bytes: Option<Bytes>) -> Result<Option<Bytes>, Failed> {
    let ticket = bytes.map(|bytes| bounded("ticket", bytes, MAX_TICKET_BYTES));
    ticket.transpose()
}

fn bounded(what: &'static str, bytes: Bytes, most: usize) -> Result<Bytes, Failed> {
    match bytes.len() <= most {
        true => Ok(bytes),
        false => Err(Failed::TooLong {
            what,
            most,
            bytes: bytes.len(),
        }),
    }
}
