//! The lobby of a legacy protocol as the tasks around it see it: a pure state machine.

use std::{
    hash::Hash,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;

use super::ConnectionId;

/// The state of a lobby. It has no socket, no clock and no source of random numbers.
pub trait Lobby: Sized + Send + 'static {
    /// An action of a peer, or the result of something that the lobby asked for on its behalf.
    type Event: Send + 'static;
    /// Something that happens to the lobby other than by its peers. Use
    /// [`Infallible`](std::convert::Infallible) if nothing does.
    type News: Clone + Send + 'static;
    /// Names a game while it is listed.
    type GameId: Copy + Eq + Hash + Into<u64> + Send;
    /// A game, as it is passed on to the registry.
    type Game: Send;
    /// Work that the lobby asks for without waiting for it.
    type Errand: Send;

    /// Returns the event that says that a peer is gone. It is the last event of that peer.
    fn ended() -> Self::Event;

    /// Returns what to do after peer `who` did `what`. Events of unknown peers have no effect: the
    /// lobby may have closed them in the meantime.
    fn handle(&mut self, who: ConnectionId, what: Self::Event, now: Instant) -> Effects<Self>;

    /// Returns what to do about `news`. `wall` is the wall-clock time, by which bans end.
    fn hear(&mut self, news: Self::News, now: Instant, wall: SystemTime) -> Effects<Self>;

    /// Returns how far `who` has got in the lobby.
    fn standing(&self, who: ConnectionId) -> Standing;

    /// Returns how many players are logged in; `None` if the protocol has no players. Called after
    /// each message of a peer.
    fn players(&self) -> Option<usize> {
        None
    }

    /// Returns the news that the lobby needs to hear at regular times.
    fn chores(&self) -> Vec<Chore<Self::News>>;
}

/// The things that a lobby wants done, in this order.
pub type Effects<L> = Vec<Effect<<L as Lobby>::GameId, <L as Lobby>::Game, <L as Lobby>::Errand>>;

/// One thing that a lobby wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<Id, Game, Errand> {
    /// Send this message in one piece.
    Send(ConnectionId, Bytes),
    /// Close the connection after everything sent to it has been delivered. The lobby has
    /// already forgotten it.
    Close(ConnectionId),
    /// Give the registry this description of a game.
    List(Id, Game),
    /// Remove a game from the registry.
    Unlist(Id),
    /// Do work that only this protocol needs.
    Errand(Errand),
}

/// News that a lobby hears at regular times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chore<News> {
    /// How long after the start it is heard for the first time.
    pub first: Duration,
    /// The least time after that until it is heard again.
    pub every: Duration,
    /// The news itself.
    pub news: News,
}

impl<News> Chore<News> {
    /// Once per period; the first time is one period after the start.
    pub const fn every(period: Duration, news: News) -> Self {
        Self {
            first: period,
            every: period,
            news,
        }
    }
}

/// How far a peer has got in a lobby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not logged in yet.
    Outside,
    /// Logged in.
    Inside,
    /// Closed or about to be closed. Nothing more from it counts.
    Closing,
}

/// The addresses of both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The peer's address.
    pub peer: IpAddr,
    /// Our own address.
    pub local: SocketAddr,
}
