//! How far somebody's list goes.

use bincode::{BorrowDecode, Encode};

/// A point in the history of one daemon's list.
///
/// ```
/// # #[cfg(feature = "registry")]
/// # {
/// use metaserve::{feed::Feeds, list::Cursor};
///
/// let feed = Feeds::new().of(None);
/// // A client that reconnects sends the cursor of its list, to be given only what has changed since.
/// let known = Cursor { epoch: feed.epoch(), revision: feed.revision().0 };
/// let subscription = feed.subscribe(Some(known));
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, BorrowDecode)]
pub struct Cursor {
    /// Which run of the daemon the revision belongs to.
    pub epoch: u64,
    /// The last change that the list contains.
    pub revision: u64,
}
