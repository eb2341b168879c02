//! How far a client's list goes.

#[cfg(feature = "registry")]
use crate::{Game, protocol::codec};
use bincode::{BorrowDecode, Encode};

/// A point in the history of what one subscription shows of a daemon's list.
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
    /// Which subscription, in which run of the daemon, the revision belongs to.
    pub epoch: u64,
    /// The last change that the list contains.
    pub revision: u64,
}

#[cfg(feature = "registry")]
impl Cursor {
    /// The epoch that clients of one game, or of all games, are sent when the list's own epoch is
    /// `list`. A cursor of another subscription has another epoch, and so is unknown.
    ///
    /// `docs/reference/protocol.md`, "Epochs and revisions".
    pub(crate) fn epoch(list: u64, game: Option<&Game>) -> u64 {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        hash.update(b"metaserve cursor 1\0");
        hash.update(&list.to_le_bytes());
        hash.update(&codec::encode(game.map(Game::as_str)));
        let digest = hash.finish();
        digest
            .as_ref()
            .first_chunk()
            .map_or(0, |first| u64::from_le_bytes(*first))
    }
}

#[cfg(all(test, feature = "registry"))]
mod tests {
    use super::*;

    /// Members of one cluster agree on it, whatever their version: computed once by
    /// `printf 'metaserve cursor 1\0\1\0\0\0\0\0\0\0\1\5chess' | sha256sum`.
    #[test]
    fn an_epoch_belongs_to_one_list_and_one_subscription() {
        let [chess, go] = ["chess", "go"].map(|tag| Game::new(tag).unwrap());
        assert_eq!(Cursor::epoch(1, Some(&chess)), 0xb112229449a0d7ad);
        assert_eq!(Cursor::epoch(1, None), 0xac190696b22459ae);
        let epochs = [
            Cursor::epoch(1, None),
            Cursor::epoch(1, Some(&chess)),
            Cursor::epoch(1, Some(&go)),
            Cursor::epoch(2, None),
        ];
        let different: std::collections::BTreeSet<_> = epochs.into_iter().collect();
        assert_eq!(different.len(), epochs.len());
    }
}
