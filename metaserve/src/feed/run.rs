//! What all feeds have in common.

use super::kind::Encoded;
use crate::list::Revisions;

/// One run of the feeds, within which revisions can be compared.
#[derive(Debug)]
pub(super) struct Run {
    /// The list's own epoch, which nobody is told: each feed tells another one.
    pub(super) epoch: u64,
    pub(super) revisions: Revisions,
    pub(super) encoded: Encoded,
}

impl Run {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            revisions: Revisions::default(),
            encoded: Encoded::default(),
        }
    }
}
