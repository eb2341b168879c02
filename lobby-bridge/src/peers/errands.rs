//! What one protocol needs beyond messages and listings.

use super::{ConnectionId, lobby::Lobby};

/// Runs the errands of a lobby. It belongs to the lobby's owner, so nothing in it may wait: what
/// takes time is a task of its own, which tells the [`Owner`](super::Owner) how it ended.
pub(crate) trait Errands: Sized + Send + 'static {
    /// Whose errands they are.
    type Lobby: Lobby;
    /// What tasks tell it.
    type Note: Send + 'static;

    /// Runs an errand. Returns the peer, if there is one, of which nothing counts before the
    /// owner hears of it again.
    fn run(&mut self, errand: <Self::Lobby as Lobby>::Errand) -> Option<ConnectionId>;

    /// Takes a note, and returns what the lobby is to know of it.
    fn noted(&mut self, note: Self::Note) -> Option<(ConnectionId, <Self::Lobby as Lobby>::Event)>;

    /// A peer is gone: nothing is done for it any more.
    fn ended(&mut self, who: ConnectionId);
}
