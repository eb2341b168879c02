//! One feed and its followers.

use super::{
    followers::Followers,
    frame::Frame,
    history::History,
    kind::Kind,
    run::Run,
    ticker::{Ticker, Ticking},
};
use crate::{
    Game,
    bounds::Position,
    list::{Change, Cursor, Readers, Revision, Server, Sink},
    time,
};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};
use tokio::{sync::watch, time::timeout_at};

/// The live list of one game, or of all.
#[derive(Debug)]
pub struct Feed {
    this: Weak<Self>,
    run: Arc<Run>,
    ticker: Arc<Ticker<Self>>,
    /// The feed of all games, if this is the one of a single game: it has the same changes.
    all: Option<Arc<Self>>,
    /// Locked after `shown`.
    pending: Mutex<Pending>,
    shown: Mutex<Shown>,
    followers: Followers,
}

/// What has changed since the last tick.
#[derive(Debug, Default)]
struct Pending {
    changes: HashMap<u64, Change>,
    /// In a cluster, what other members may have shown otherwise.
    touched: HashSet<u64>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.touched.is_empty()
    }
}

/// What clients are shown, as of the last tick.
#[derive(Debug)]
struct Shown {
    /// Which list clients are told that it is.
    epoch: u64,
    /// It has become another list since the last tick, so the next one has a revision of its own.
    renewed: bool,
    history: History,
    /// When changes were last taken in; none before the first time.
    flushed: Option<Instant>,
    /// The revision after that.
    flushed_to: Revision,
    /// The revision before that: the cursor of clients that follow closely.
    previous: Revision,
    /// The frames of this tick, by the cursor that they are for; none is a newcomer's.
    frames: HashMap<Option<Revision>, Arc<Frame>>,
}

/// The most different frames of one tick besides the tick's own delta. A client that would need
/// another gets the snapshot, so what is kept for clients that fall behind is bounded.
const MAX_CATCH_UPS: usize = 16;

impl Feed {
    /// An empty feed of one game, which also passes its changes on to the feed of `all` games; or
    /// the feed of all games.
    pub(super) fn new(
        run: Arc<Run>,
        ticker: Arc<Ticker<Self>>,
        game: Option<&Game>,
        all: Option<Arc<Self>>,
    ) -> Arc<Self> {
        Self::read_by(Readers::Clients, run, ticker, game, all)
    }

    /// The feed of the servers that are connected here, for the other members of a cluster.
    pub(super) fn own(run: Arc<Run>, ticker: Arc<Ticker<Self>>) -> Arc<Self> {
        Self::read_by(Readers::Members, run, ticker, None, None)
    }

    fn read_by(
        readers: Readers,
        run: Arc<Run>,
        ticker: Arc<Ticker<Self>>,
        game: Option<&Game>,
        all: Option<Arc<Self>>,
    ) -> Arc<Self> {
        let begin = run.revisions.last();
        let shown = Shown {
            epoch: Cursor::epoch(run.epoch(), game),
            renewed: false,
            history: History::new(readers, begin),
            flushed: None,
            flushed_to: begin,
            previous: begin,
            frames: HashMap::new(),
        };
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            run,
            ticker,
            all,
            pending: Mutex::default(),
            shown: Mutex::new(shown),
            followers: Followers::default(),
        })
    }

    fn take(&self, number: u64, change: Option<Change>) {
        let mut pending = self.pending.lock();
        let calm = pending.is_empty();
        // What it was before the last of several changes may have been shown elsewhere.
        let touched = match change {
            Some(change) => pending.changes.insert(number, change).is_some(),
            None => true,
        };
        if touched && self.run.cluster.is_some() {
            pending.touched.insert(number);
        }
        let calm = calm && !pending.is_empty();
        drop(pending);
        if calm && let Some(this) = self.this.upgrade() {
            self.ticker.add(this);
        }
    }

    /// The last change that the list contains.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.shown.lock().history.revision()
    }

    /// Which list the revisions belong to: that of this game, or of all, in this run of the feeds.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.shown.lock().epoch
    }

    /// Becomes another list, of which nobody knows anything.
    pub(super) fn set_epoch(&self, epoch: u64) {
        let mut shown = self.shown.lock();
        shown.epoch = epoch;
        shown.renewed = true;
        shown.frames.clear();
        drop(shown);
        // Followers are woken when it is flushed, which changes nothing else.
        if let Some(this) = self.this.upgrade() {
            self.ticker.add(this);
        }
    }

    /// All servers in the list as of the last tick, in no order.
    #[must_use]
    pub fn servers(&self) -> Vec<Server> {
        self.shown.lock().history.servers().cloned().collect()
    }

    /// The first servers after a position, or of all, as of the last tick: `most` at most, in
    /// [fair order](crate::bounds::Order). For answers that are cut short.
    #[must_use]
    pub fn servers_in_order(
        &self,
        after: Option<Position>,
        most: usize,
    ) -> Vec<(Position, Server)> {
        let shown = self.shown.lock();
        let servers = shown.history.in_order(after).take(most);
        servers.map(|(at, server)| (at, server.clone())).collect()
    }

    /// The number of servers in the list as of the last tick.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shown.lock().history.servers().len()
    }

    /// Whether the list was empty as of the last tick.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The frame for followers at `cursor`: a delta if the cursor is known and the delta is
    /// shorter, else the snapshot. The same for all of them until the next tick.
    #[must_use]
    pub fn frame(&self, cursor: Option<Revision>) -> Arc<Frame> {
        self.make(&mut self.shown.lock(), cursor)
    }

    /// The same, for clients that know a point of a list, which may be another one.
    fn frame_at(&self, cursor: Option<Cursor>) -> Arc<Frame> {
        let mut shown = self.shown.lock();
        let cursor = cursor.filter(|cursor| cursor.epoch == shown.epoch);
        self.make(&mut shown, cursor.map(|cursor| Revision(cursor.revision)))
    }

    fn make(&self, shown: &mut Shown, cursor: Option<Revision>) -> Arc<Frame> {
        if let Some(frame) = shown.frames.get(&cursor) {
            return frame.clone();
        }
        let close = cursor == Some(shown.previous);
        let room = close || shown.frames.len() < MAX_CATCH_UPS;
        if let Some(delta) = cursor
            .filter(|_| room)
            .and_then(|from| shown.history.since(from))
        {
            let kind = if close { Kind::Delta } else { Kind::CatchUp };
            let frame = Arc::new(Frame::delta(self.run.clone(), shown.epoch, kind, delta));
            shown.frames.insert(cursor, frame.clone());
            return frame;
        }
        if let Some(snapshot) = shown.frames.get(&None) {
            return snapshot.clone();
        }
        let servers = shown.history.servers().cloned().collect();
        let snapshot = Frame::snapshot(
            self.run.clone(),
            shown.epoch,
            shown.history.revision(),
            servers,
        );
        let snapshot = Arc::new(snapshot);
        shown.frames.insert(None, snapshot.clone());
        snapshot
    }

    /// The frame for clients that know `given` of another member of the cluster, and whose lists
    /// differ from this one at most in what was touched after `since`.
    fn frame_elsewhere(&self, given: Cursor, since: Revision) -> Elsewhere {
        let mut shown = self.shown.lock();
        let revision = Revision(given.revision);
        if given.epoch != shown.epoch {
            return Elsewhere::Snapshot;
        }
        if let Some(frame) = shown.frames.get(&Some(revision)) {
            return Elsewhere::Frame(frame.clone());
        }
        let pending = self.pending.lock();
        if shown.history.revision() <= revision {
            // The client's revisions have to increase. But no revision may be later than a change
            // that its list has not.
            if !pending.is_empty() {
                return Elsewhere::NextTick;
            }
            shown.history.advance(self.run.revisions.now());
        }
        let numbers = pending.changes.keys().chain(&pending.touched).copied();
        let room = shown.frames.len() < MAX_CATCH_UPS;
        let delta = room.then(|| shown.history.since_elsewhere(revision, since, numbers));
        drop(pending);
        let Some(delta) = delta.flatten() else {
            if room {
                // Others that come with the same need not ask again.
                let snapshot = self.make(&mut shown, None);
                shown.frames.insert(Some(revision), snapshot);
            }
            return Elsewhere::Snapshot;
        };
        let frame = Frame::delta(self.run.clone(), shown.epoch, Kind::CatchUp, delta);
        let frame = Arc::new(frame);
        shown.frames.insert(Some(revision), frame.clone());
        Elsewhere::Frame(frame)
    }

    /// Follows the list: from `known` on if that is of this epoch and not too old, else from a
    /// snapshot.
    #[must_use]
    pub fn subscribe(self: &Arc<Self>, known: Option<Cursor>) -> Subscription {
        let known = known.filter(|known| known.epoch == self.epoch());
        let is_elsewhere = |known: &Cursor| self.run.is_elsewhere(Revision(known.revision));
        Subscription {
            woken: self.followers.join(self.revision()),
            feed: self.clone(),
            elsewhere: known.filter(is_elsewhere).map(|known| (known, None)),
            cursor: known,
            first: true,
        }
    }
}

impl Sink for Feed {
    fn change(&self, number: u64, change: Change) {
        if let Some(all) = &self.all {
            all.take(number, Some(change.clone()));
        }
        self.take(number, Some(change));
    }

    fn touch(&self, number: u64) {
        if let Some(all) = &self.all {
            all.take(number, None);
        }
        self.take(number, None);
    }
}

impl Ticking for Feed {
    fn flushed(&self) -> Option<Instant> {
        self.shown.lock().flushed
    }

    fn flush(&self, now: Instant, held: impl Fn() -> bool) -> bool {
        let mut shown = self.shown.lock();
        let mut pending = self.pending.lock();
        // Asked for under this lock: what belongs together begins before its first change is here.
        if held() {
            return false;
        }
        let Pending { changes, touched } = mem::take(&mut *pending);
        // Also under this lock: what is added later has later revisions than any beat before.
        let renewed = mem::take(&mut shown.renewed);
        let most = changes.len() + touched.len() + usize::from(renewed);
        let mut next = self.run.revisions.draw(most);
        drop(pending);
        // By age, which is their fair order.
        let mut changes: Vec<_> = changes.into_iter().collect();
        changes.sort_unstable_by_key(|(number, _)| *number);
        shown.previous = shown.flushed_to;
        shown.history.apply(changes, touched, &mut next);
        if renewed {
            shown.history.advance(next());
        }
        shown.flushed_to = shown.history.revision();
        shown.frames.clear();
        shown.flushed = Some(now);
        true
    }

    fn wake(&self) {
        self.followers.wake(self.revision());
    }
}

/// A place in a feed: what one client has been given so far.
#[derive(Debug)]
pub struct Subscription {
    feed: Arc<Feed>,
    woken: watch::Receiver<Revision>,
    cursor: Option<Cursor>,
    /// Where it comes from, if that is another member of the cluster, and how long it waits at most
    /// until this one has caught up.
    elsewhere: Option<(Cursor, Option<Instant>)>,
    first: bool,
}

/// What is there for a client that comes from another member of the cluster.
enum Elsewhere {
    Frame(Arc<Frame>),
    /// Nothing before the next tick.
    NextTick,
    /// Only the whole list.
    Snapshot,
}

/// How long a client that comes from another member waits at most until this one has all that the
/// other one had. Then it takes a snapshot.
const PATIENCE: Duration = Duration::from_secs(2);

impl Subscription {
    /// The next frame for this client: at once for the first, which may be empty; then whenever
    /// the list has changed since the last one, with all changes since then in one frame. For a
    /// client that comes from another member of a cluster, the first one comes when this member has
    /// all that the other one had, or after 2 s.
    ///
    /// Cancel-safe: a frame that was not returned is not taken for given.
    pub async fn next(&mut self) -> Arc<Frame> {
        if let Some((known, until)) = &mut self.elsewhere {
            let until = *until.get_or_insert_with(|| time::now() + PATIENCE);
            let known = *known;
            let frame = self.frame_elsewhere(known, until).await;
            self.elsewhere = None;
            self.cursor = None;
            if let Some(frame) = frame {
                return self.given(frame);
            }
        }
        while !self.first
            && self
                .cursor
                .is_some_and(|given| given.revision >= self.woken.borrow().0)
        {
            // The sender is in the feed that we hold.
            let _ = self.woken.changed().await;
        }
        let frame = self.feed.frame_at(self.cursor);
        self.given(frame)
    }

    /// The first frame for a client that comes from another member: none if it takes a snapshot.
    async fn frame_elsewhere(&mut self, known: Cursor, until: Instant) -> Option<Arc<Frame>> {
        let given = Revision(known.revision);
        loop {
            let since = self.feed.run.since(given, until).await?;
            match self.feed.frame_elsewhere(known, since) {
                Elsewhere::Frame(frame) => return Some(frame),
                Elsewhere::Snapshot => return None,
                Elsewhere::NextTick => {
                    timeout_at(until.into(), self.woken.changed())
                        .await
                        .ok()?
                        .ok()?;
                }
            }
        }
    }

    fn given(&mut self, frame: Arc<Frame>) -> Arc<Frame> {
        self.cursor = Some(Cursor {
            epoch: frame.epoch(),
            revision: frame.to().0,
        });
        self.first = false;
        frame
    }

    /// Forgets what was given: the next frame is a snapshot, at once.
    pub fn restart(&mut self) {
        self.elsewhere = None;
        self.cursor = None;
        self.first = true;
    }
}

#[cfg(test)]
mod tests;
