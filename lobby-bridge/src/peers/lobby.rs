//! What a lobby of a legacy protocol is to the tasks around it: a pure state machine.

use std::{
    hash::Hash,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;

use super::ConnectionId;

/// The state of a lobby. It has no socket, clock or randomness of its own.
pub trait Lobby: Sized + Send + 'static {
    /// What a peer did, or what became of something that was asked for it.
    type Event: Send + 'static;
    /// What happens to the lobby beside its peers. Use [`Infallible`](std::convert::Infallible)
    /// if nothing does.
    type News: Clone + Send + 'static;
    /// Names a game while it is listed.
    type GameId: Copy + Eq + Hash + Into<u64> + Send;
    /// A game as the registry is told of it.
    type Game: Send;
    /// What the lobby asks for and does not wait for.
    type Errand: Send;

    /// The event of a peer that is gone. It is the last one of that peer.
    fn ended() -> Self::Event;

    /// What is to be done when `who` did `what`. Events of unknown peers have no effect: the lobby
    /// may have closed them meanwhile.
    fn handle(&mut self, who: ConnectionId, what: Self::Event, now: Instant) -> Effects<Self>;

    /// What is to be done about `news`. `wall` is the time by which bans end.
    fn hear(&mut self, news: Self::News, now: Instant, wall: SystemTime) -> Effects<Self>;

    /// Where the lobby stands with `who`.
    fn standing(&self, who: ConnectionId) -> Standing;

    /// What the lobby has to hear again and again.
    fn chores(&self) -> Vec<Chore<Self::News>>;
}

/// What a lobby wants to have done, in this order.
pub type Effects<L> = Vec<Effect<<L as Lobby>::GameId, <L as Lobby>::Game, <L as Lobby>::Errand>>;

/// What a lobby wants to have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<Id, Game, Errand> {
    /// Send this message, whole.
    Send(ConnectionId, Bytes),
    /// Close the connection when everything sent to it has been delivered. The lobby has
    /// forgotten it already.
    Close(ConnectionId),
    /// Tell the registry this about a game.
    List(Id, Game),
    /// Tell the registry that a game is gone.
    Unlist(Id),
    /// Do what only this protocol needs.
    Errand(Errand),
}

/// News that a lobby hears regularly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chore<News> {
    /// How long after the start it hears them for the first time.
    pub first: Duration,
    /// How long after that, at least, it hears them again.
    pub every: Duration,
    /// What it hears.
    pub news: News,
}

impl<News> Chore<News> {
    /// Once per period, for the first time after one period.
    pub const fn every(period: Duration, news: News) -> Self {
        Self {
            first: period,
            every: period,
            news,
        }
    }
}

/// Where a lobby stands with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On its way in.
    Outside,
    /// Logged in.
    Inside,
    /// Closed, or about to be; nothing more from it counts.
    Closing,
}

/// Both ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Theirs.
    pub peer: IpAddr,
    /// Ours.
    pub local: SocketAddr,
}
