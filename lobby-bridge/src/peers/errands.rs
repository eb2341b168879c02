//! The work of one protocol that is neither a message nor a listing.

use std::{convert::Infallible, marker::PhantomData};

use super::{ConnectionId, lobby::Lobby};

/// Runs the errands of a lobby. It belongs to the task that owns the lobby, so it must never wait.
/// Work that takes time runs in a task of its own, which reports the result to the
/// [`Owner`](super::Owner).
pub(crate) trait Errands: Sized + Send + 'static {
    /// The lobby that asks for these errands.
    type Lobby: Lobby;
    /// The reports of the tasks.
    type Note: Send + 'static;

    /// Runs an errand. If it returns a peer, the owner executes nothing more of that peer until
    /// an event about it arrives.
    fn run(&mut self, errand: <Self::Lobby as Lobby>::Errand) -> Option<ConnectionId>;

    /// Takes a report, and returns the event that the lobby is told because of it.
    fn noted(&mut self, note: Self::Note) -> Option<(ConnectionId, <Self::Lobby as Lobby>::Event)>;

    /// Called when a peer is gone. Everything still running for it stops.
    fn ended(&mut self, who: ConnectionId);
}

/// The errands of a lobby that has none.
impl<L: Lobby<Errand = Infallible>> Errands for PhantomData<L> {
    type Lobby = L;
    type Note = Infallible;

    fn run(&mut self, errand: Infallible) -> Option<ConnectionId> {
        match errand {}
    }

    fn noted(&mut self, note: Infallible) -> Option<(ConnectionId, L::Event)> {
        match note {}
    }

    fn ended(&mut self, _: ConnectionId) {}
}
