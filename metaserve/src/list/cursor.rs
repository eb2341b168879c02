//! How far somebody's list goes.

use bincode::{BorrowDecode, Encode};

/// A point in the history of one daemon's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, BorrowDecode)]
pub struct Cursor {
    /// Which run of the daemon the revision belongs to.
    pub epoch: u64,
    /// The last change that the list contains.
    pub revision: u64,
}
