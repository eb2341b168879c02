//! What happens to servers, and what receives it.

use super::{Server, Stamp};
use crate::Game;
use std::sync::Arc;

/// What has happened to a server.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is in the list as it is here.
    Listed(Server),
    /// It is not in the list any more.
    Gone,
}

/// Takes the changes of the servers of one game, such as a feed.
pub trait Sink: Send + Sync {
    /// Something has happened to the server with this number. Changes of one server come one
    /// after the other, in their order.
    ///
    /// The registry has locked the server during this call: the sink must return at once, and must
    /// not call the registry.
    fn change(&self, number: u64, change: Change);

    /// Other members of a cluster may show this server as it is not here, or one that is not here.
    /// Nothing has changed here by that. As with [`change`](Self::change), the sink must return at
    /// once.
    fn touch(&self, number: u64) {
        let _ = number;
    }
}

/// In a cluster, what a list depends on besides the changes that members state of their servers.
/// When it changes, more may be different between two members than changes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// Two members with the same view take the same members into account, and hide the same. None
    /// if the list is not complete.
    pub view: Option<u64>,
    /// The time of the change: what is different since then is told of as usual.
    pub since: Stamp,
    /// It is about a member that came at this time. The lists of those who do not know it differ
    /// as before. Zero if it is about everything.
    pub joined: Stamp,
}

/// Receives the changes of all games: gives a [`Sink`] for each game.
pub trait Sinks: Send + Sync {
    /// The sink for the changes of `game`: asked for when its first server registers, and held
    /// until its last one is gone. As with [`Sink::change`], it must not call the registry.
    fn sink(self: Arc<Self>, game: &Game) -> Arc<dyn Sink>;

    /// The changes between this and [`end`](Self::end) belong together: if that matters, none is
    /// shown without the others. They come soon; other changes may come in between. Several may
    /// have begun at a time.
    fn begin(&self) {}

    /// The changes since [`begin`](Self::begin) are complete.
    fn end(&self) {}

    /// Whether changes should be shown by now, and are not since some of those that belong together
    /// are incomplete. More of them had better begin when this is over, if they take long.
    fn is_held_up(&self) -> bool {
        false
    }

    /// In a cluster, what the list depends on is another one. What has changed by that has begun,
    /// and is not complete.
    fn depends(&self, on: Basis) {
        let _ = on;
    }
}
