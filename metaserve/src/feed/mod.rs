//! From changes to frames: once per tick, for everybody.
//!
//! ```text
//!  registry ── list, remove ──▶ pending ── flush, once a tick ──▶ history
//!                                                                    │ since(cursor)
//!  clients ◀── bytes, shared ── Frame, encoded once ◀────────────────┘
//! ```
//!
//! A client is a cursor. Whoever is at the same revision is given the same frame: those who
//! follow closely, the tick's delta; one who is late, one delta of all he has missed; a newcomer,
//! the snapshot. So a tick costs what has changed and a wake-up for each client, and a client who
//! does not read costs nothing but the frame he has begun.

mod followers;
mod frame;
mod history;
#[cfg(feature = "server-info")]
pub mod json;
mod ticker;

pub use frame::{Form, Frame, Kind, frames_encoded};
pub(crate) use ticker::Ticker;

use crate::{
    bounds::Position,
    list::{Cursor, Revision, Revisions, Server},
};
use followers::Followers;
use history::{Change, History};
use std::{
    collections::HashMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::watch;

/// The live list of one game, or of all.
#[derive(Debug)]
pub struct Feed {
    epoch: u64,
    revisions: Arc<Revisions>,
    ticker: Arc<Ticker>,
    pending: Mutex<HashMap<u64, Change>>,
    state: Mutex<State>,
    followers: Followers,
    /// Servers in the registry that belong here, whether listed yet or not.
    members: AtomicUsize,
}

#[derive(Debug)]
struct State {
    history: History,
    /// When changes were last taken in; none before the first time.
    flushed: Option<Instant>,
    /// The revision before that: where those are who follow closely.
    previous: Revision,
    /// The frames of this tick, by the cursor that they are for; none is a newcomer's.
    frames: HashMap<Option<Revision>, Arc<Frame>>,
}

/// The most different frames of one tick besides the tick's own delta. Who would need another is
/// given the snapshot, so that however many fall behind, what is kept for them is bounded.
const MAX_CATCH_UPS: usize = 16;

impl Feed {
    pub(crate) fn new(epoch: u64, revisions: Arc<Revisions>, ticker: Arc<Ticker>) -> Self {
        let begin = revisions.now();
        let state = State {
            history: History::new(begin),
            flushed: None,
            previous: begin,
            frames: HashMap::new(),
        };
        Self {
            epoch,
            revisions,
            ticker,
            pending: Mutex::default(),
            state: Mutex::new(state),
            followers: Followers::default(),
            members: AtomicUsize::new(0),
        }
    }

    /// Counts a server. Returns whether it is the first.
    pub(crate) fn server_joins(&self) -> bool {
        self.members.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Counts a server out. Returns whether it was the last.
    pub(crate) fn server_leaves(&self) -> bool {
        self.members.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether no server belongs here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn list(self: &Arc<Self>, server: Server) {
        self.change(server.number, Change::Listed(server));
    }

    pub(crate) fn remove(self: &Arc<Self>, number: u64) {
        self.change(number, Change::Gone);
    }

    fn change(self: &Arc<Self>, number: u64, change: Change) {
        let mut pending = lock(&self.pending);
        let calm = pending.is_empty();
        pending.insert(number, change);
        drop(pending);
        if calm {
            self.ticker.add(self.clone());
        }
    }

    /// Takes in all changes since the last flush, so that there are new frames to send.
    fn flush(&self, now: Instant) {
        let changes = mem::take(&mut *lock(&self.pending));
        // By age, which is how they follow each other in fair order.
        let mut changes: Vec<_> = changes.into_iter().collect();
        changes.sort_unstable_by_key(|(number, _)| *number);
        let mut state = lock(&self.state);
        state.previous = state.history.revision();
        state.history.apply(changes, || self.revisions.advance());
        state.frames.clear();
        state.flushed = Some(now);
    }

    /// The last change that the list contains.
    #[must_use]
    pub fn revision(&self) -> Revision {
        lock(&self.state).history.revision()
    }

    /// Which run of the registry the revisions belong to.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// All servers in the list as of the last tick, in no order.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        lock(&self.state).history.servers().cloned().collect()
    }

    /// The first servers after a position, or of all, as of the last tick: `most` at most, in
    /// [fair order](crate::bounds::Order). For answers that are cut short.
    #[must_use]
    pub fn servers_in_order(
        &self,
        after: Option<Position>,
        most: usize,
    ) -> Vec<(Position, Server)> {
        let state = lock(&self.state);
        let servers = state.history.in_order(after).take(most);
        servers.map(|(at, server)| (at, server.clone())).collect()
    }

    /// The frame for whoever is at `cursor`: a delta where that is known and shorter, else the
    /// snapshot.
    fn frame(&self, cursor: Option<Revision>) -> Arc<Frame> {
        let mut state = lock(&self.state);
        if let Some(frame) = state.frames.get(&cursor) {
            return frame.clone();
        }
        let close = cursor == Some(state.previous);
        let room = close || state.frames.len() < MAX_CATCH_UPS;
        if let Some(delta) = cursor
            .filter(|_| room)
            .and_then(|from| state.history.since(from))
        {
            let kind = if close { Kind::Delta } else { Kind::CatchUp };
            let frame = Arc::new(Frame::delta(self.epoch, kind, delta));
            state.frames.insert(cursor, frame.clone());
            return frame;
        }
        if let Some(snapshot) = state.frames.get(&None) {
            return snapshot.clone();
        }
        let servers = state.history.servers().cloned().collect();
        let snapshot = Frame::snapshot(self.epoch, state.history.revision(), servers);
        let snapshot = Arc::new(snapshot);
        state.frames.insert(None, snapshot.clone());
        snapshot
    }

    /// Follows the list: from `known` on if that is of this epoch and not too old, else from a
    /// snapshot.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, known: Option<Cursor>) -> Subscription {
        let known = known.filter(|known| known.epoch == self.epoch);
        Subscription {
            woken: self.followers.join(self.revision()),
            feed: self.clone(),
            cursor: known.map(|known| Revision(known.revision)),
            first: true,
        }
    }
}

/// A place in a feed: what one client has been given so far.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    woken: watch::Receiver<Revision>,
    cursor: Option<Revision>,
    first: bool,
}

impl Subscription {
    /// The next frame for this client: at once for the first, which may be empty; then whenever
    /// the list has changed since the last one, all that has happened meanwhile in one frame.
    ///
    /// Cancel-safe: a frame that was not returned is not taken for given.
    pub async fn next(&mut self) -> Arc<Frame> {
        while !self.first
            && self
                .cursor
                .is_some_and(|given| given >= *self.woken.borrow())
        {
            // The sender is in the feed that we hold.
            let _ = self.woken.changed().await;
        }
        let frame = self.feed.frame(self.cursor);
        self.cursor = Some(frame.to());
        self.first = false;
        frame
    }

    /// Forgets what was given: the next frame is a snapshot, at once.
    pub fn restart(&mut self) {
        self.cursor = None;
        self.first = true;
    }
}

/// A panic elsewhere does not make the list unusable: each critical section leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
