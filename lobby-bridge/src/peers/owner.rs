//! The one task that owns a lobby. All other tasks send it events. It handles one event after the
//! other, and carries out what the lobby decides without ever waiting for a peer.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use metaserve::time::{now, sleep_until, wall_clock};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    ConnectionId,
    errands::Errands,
    lobby::{Chore, Effect, Effects, Lobby, Standing},
    outbox::{Outbox, Overflow},
    pulse::Heart,
};
use crate::{
    metrics::{LeftOut, Tally},
    publish::{Key, Listing, Listings},
};

/// The length of the queue, in addition to one slot per peer for the event of its end.
const QUEUED_EVENTS: usize = 256;

type Event<E> = <<E as Errands>::Lobby as Lobby>::Event;
type News<E> = <<E as Errands>::Lobby as Lobby>::News;
type GameId<E> = <<E as Errands>::Lobby as Lobby>::GameId;
type Game<E> = <<E as Errands>::Lobby as Lobby>::Game;

/// Where messages of a lobby to one peer go. It never waits.
pub(crate) trait Outlet: Send + Sync {
    /// Adds a message. After an error nothing more is sent, and the peer counts as gone.
    fn push(&self, message: Bytes) -> Result<(), Overflow>;

    /// Called when the lobby has closed the peer: it is disconnected after the messages already
    /// here were sent.
    fn finish(&self);
}

impl Outlet for Outbox {
    fn push(&self, message: Bytes) -> Result<(), Overflow> {
        Self::push(self, message)
    }

    fn finish(&self) {
        Self::finish(self);
    }
}

enum Command<E: Errands> {
    Enters(ConnectionId, Event<E>, Arc<dyn Outlet>),
    Happened(ConnectionId, Event<E>),
    Said(ConnectionId, Event<E>, oneshot::Sender<(Standing, usize)>),
    Ended(ConnectionId),
    Heard(News<E>),
    Noted(E::Note),
}

/// The handle through which tasks talk to the owner. After the owner has ended, events are lost,
/// and questions are answered as for a peer that is being closed.
pub(crate) struct Owner<E: Errands> {
    commands: mpsc::Sender<Command<E>>,
}

impl<E: Errands> Clone for Owner<E> {
    fn clone(&self) -> Self {
        let commands = self.commands.clone();
        Self { commands }
    }
}

impl<E: Errands> Owner<E> {
    /// Makes a queue for this many peers at one time. [`Desk::run`] is the owner's task.
    pub(crate) fn new(peers: usize) -> (Self, Desk<E>) {
        let (commands, receiver) = mpsc::channel(peers + QUEUED_EVENTS);
        (Self { commands }, Desk { commands: receiver })
    }

    /// Makes sure that the end of a peer will be announced. `None` if the owner has ended.
    pub(crate) async fn announce(&self, who: ConnectionId) -> Option<Farewell<E>> {
        let slot = self.commands.clone().reserve_owned().await.ok()?;
        let slot = Some(slot);
        Some(Farewell { who, slot })
    }

    /// Announces a peer. From this event on, the lobby can send it messages.
    pub(crate) async fn enter(&self, who: ConnectionId, what: Event<E>, to: Arc<dyn Outlet>) {
        self.tell(Command::Enters(who, what, to)).await;
    }

    /// Tells the lobby of an event, and does not wait for its effects.
    pub(crate) async fn happened(&self, who: ConnectionId, what: Event<E>) {
        self.tell(Command::Happened(who, what)).await;
    }

    /// Has the lobby execute what a peer sent, and waits for that. Each peer therefore has at most
    /// one frame in progress, and one that sends many delays only itself. Also returns how many
    /// bytes the peer was sent in answer, which is what all others were sent as well.
    pub(crate) async fn said(&self, who: ConnectionId, what: Event<E>) -> (Standing, usize) {
        let (done, standing) = oneshot::channel();
        self.tell(Command::Said(who, what, done)).await;
        standing.await.unwrap_or((Standing::Closing, 0))
    }

    /// Tells the lobby of news.
    pub(crate) async fn heard(&self, news: News<E>) {
        self.tell(Command::Heard(news)).await;
    }

    /// Tells the lobby of news, if there is room for it in the queue. Returns whether there was.
    pub(crate) fn try_heard(&self, news: News<E>) -> bool {
        self.commands.try_send(Command::Heard(news)).is_ok()
    }

    /// Sends a report to the lobby's errands.
    pub(crate) async fn note(&self, note: E::Note) {
        self.tell(Command::Noted(note)).await;
    }

    /// Completes when the owner has ended. Cancel safe.
    pub(crate) async fn ended(&self) {
        self.commands.closed().await;
    }

    async fn tell(&self, command: Command<E>) {
        let _ = self.commands.send(command).await;
    }
}

/// Announces the end of a peer when dropped, on every path. Its slot in the owner's queue is
/// reserved from the beginning, so dropping does not have to wait.
pub(crate) struct Farewell<E: Errands> {
    who: ConnectionId,
    slot: Option<mpsc::OwnedPermit<Command<E>>>,
}

impl<E: Errands> Drop for Farewell<E> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.send(Command::Ended(self.who));
        }
    }
}

/// The owner's end of the queue.
pub(crate) struct Desk<E: Errands> {
    commands: mpsc::Receiver<Command<E>>,
}

/// Turns a game into a listing; `None` if the game cannot be listed.
pub(crate) type Lister<E> = Box<dyn Fn(&Game<E>) -> Option<Listing> + Send>;

/// The things that the owner needs in addition to its queue.
pub(crate) struct Means<E: Errands> {
    pub(crate) lobby: E::Lobby,
    pub(crate) errands: E,
    /// Events for the lobby in addition to its chores.
    pub(crate) news: BoxStream<'static, News<E>>,
    /// The name of the protocol in the keys of listings.
    pub(crate) protocol: &'static str,
    pub(crate) listings: Listings,
    pub(crate) listing: Lister<E>,
    pub(crate) tally: Tally,
}

impl<E: Errands> Desk<E> {
    /// Owns the lobby until `shutdown`, and publishes its games.
    pub(crate) async fn run(
        mut self,
        means: Means<E>,
        mut heart: Heart,
        shutdown: CancellationToken,
    ) {
        let mut chores = Chores::new(means.lobby.chores());
        let mut state = State {
            means,
            outlets: HashMap::new(),
            held: HashMap::new(),
            listed: HashSet::new(),
        };
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => state.execute(command),
                    None => return,
                },
                Some(news) = state.means.news.next() => state.hear(news),
                () = heart.beat() => {}
                () = sleep_until(chores.next()) => {
                    for news in chores.due(now()) {
                        state.hear(news);
                    }
                }
                () = shutdown.cancelled() => return,
            }
        }
    }
}

/// When the lobby hears which chore. A late chore is not repeated to catch up: the next one comes a
/// whole period later.
struct Chores<News>(Vec<(Instant, Chore<News>)>);

impl<News: Clone> Chores<News> {
    fn new(chores: Vec<Chore<News>>) -> Self {
        let start = now();
        let chores = chores.into_iter();
        Self(chores.map(|chore| (start + chore.first, chore)).collect())
    }

    fn next(&self) -> Option<Instant> {
        self.0.iter().map(|(due, _)| *due).min()
    }

    fn due(&mut self, now: Instant) -> Vec<News> {
        let due = self.0.iter_mut().filter(|(due, _)| *due <= now);
        due.map(|(due, chore)| {
            *due = now + chore.every;
            chore.news.clone()
        })
        .collect()
    }
}

struct State<E: Errands> {
    means: Means<E>,
    outlets: HashMap<ConnectionId, Arc<dyn Outlet>>,
    /// Peers of which nothing is executed until an errand is done, and who waits for that.
    held: HashMap<ConnectionId, Option<oneshot::Sender<(Standing, usize)>>>,
    listed: HashSet<GameId<E>>,
}

impl<E: Errands> State<E> {
    fn execute(&mut self, command: Command<E>) {
        match command {
            Command::Enters(who, what, to) => {
                self.outlets.insert(who, to);
                self.happened(who, what);
                self.count();
            }
            Command::Happened(who, what) => self.goes_on(who, what),
            Command::Said(who, what, done) => {
                let effects = self.handle(who, what);
                let told = effects.iter().map(|effect| match effect {
                    Effect::Send(to, message) if *to == who => message.len(),
                    _ => 0,
                });
                let told = told.sum();
                self.carry_out(effects);
                match self.held.get_mut(&who) {
                    Some(held) => *held = Some(done),
                    None => drop(done.send((self.means.lobby.standing(who), told))),
                }
                self.count();
            }
            Command::Ended(who) => {
                self.goes_on(who, E::Lobby::ended());
                self.outlets.remove(&who);
                self.means.errands.ended(who);
                self.count();
            }
            Command::Heard(news) => self.hear(news),
            Command::Noted(note) => {
                if let Some((who, what)) = self.means.errands.noted(note) {
                    self.happened(who, what);
                }
            }
        }
    }

    /// Counts the peers that are there.
    fn count(&self) {
        self.means.tally.connections(self.outlets.len());
        if let Some(players) = self.means.lobby.players() {
            self.means.tally.players(players);
        }
    }

    fn happened(&mut self, who: ConnectionId, what: Event<E>) {
        let effects = self.handle(who, what);
        self.carry_out(effects);
    }

    /// Handles an event after which a held peer is executed again.
    fn goes_on(&mut self, who: ConnectionId, what: Event<E>) {
        let held = self.held.remove(&who);
        self.happened(who, what);
        if let Some(done) = held.flatten() {
            let _ = done.send((self.means.lobby.standing(who), 0));
        }
    }

    fn hear(&mut self, news: News<E>) {
        let effects = self.means.lobby.hear(news, now(), wall_clock());
        self.carry_out(effects);
    }

    fn handle(&mut self, who: ConnectionId, what: Event<E>) -> Effects<E::Lobby> {
        self.means.lobby.handle(who, what, now())
    }

    /// Carries out effects, including those of disconnecting peers that do not read.
    fn carry_out(&mut self, mut effects: Effects<E::Lobby>) {
        while !effects.is_empty() {
            let mut stuck = Vec::new();
            for effect in effects {
                match effect {
                    Effect::Send(to, message) => {
                        let outlet = self.outlets.get(&to);
                        if outlet.is_some_and(|outlet| outlet.push(message).is_err()) {
                            stuck.push(to);
                        }
                    }
                    Effect::Close(who) => {
                        if let Some(outlet) = self.outlets.remove(&who) {
                            outlet.finish();
                        }
                    }
                    Effect::List(id, game) => {
                        if let Some(listing) = (self.means.listing)(&game) {
                            self.listed.insert(id);
                            if !self.means.listings.list(self.key(id), listing) {
                                self.means.tally.left_out(LeftOut::Published);
                            }
                        }
                    }
                    Effect::Unlist(id) => {
                        self.listed.remove(&id);
                        self.means.listings.unlist(self.key(id));
                    }
                    Effect::Errand(errand) => {
                        if let Some(who) = self.means.errands.run(errand) {
                            self.held.insert(who, None);
                        }
                    }
                }
            }
            effects = Vec::new();
            for who in stuck {
                self.outlets.remove(&who);
                effects.extend(self.handle(who, E::Lobby::ended()));
            }
        }
    }

    fn key(&self, id: GameId<E>) -> Key {
        Key {
            protocol: self.means.protocol,
            id: id.into(),
        }
    }
}

impl<E: Errands> Drop for State<E> {
    /// Removes all games from the list, however the owner ends.
    fn drop(&mut self) {
        for id in std::mem::take(&mut self.listed) {
            self.means.listings.unlist(self.key(id));
        }
    }
}
