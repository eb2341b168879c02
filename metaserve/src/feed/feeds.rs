//! All feeds of a daemon: one for each game, and one for all games.

use super::{
    elsewhere::{Beat, Heard},
    kind::{Form, Kind},
    run::Run,
    single::Feed,
    ticker::Ticker,
};
use crate::{
    Game,
    list::{Basis, Clock, Cursor, Sink, Sinks},
    time,
};
use dashmap::DashMap;
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The feeds of all games: given to a [`Registry`](crate::registry::Registry), they tell clients
/// of its servers. Changes reach clients only while [`run`](Self::run) runs.
///
/// ```
/// use metaserve::{Game, feed::{Feeds, Kind}, protocol::client::Compression, registry::Registry};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let feeds = Feeds::new();
/// let registry = Registry::new(100, vec![feeds.clone()]);
/// let game: Game = "chess".parse()?;
///
/// // One subscription for each client. The first frame is the whole list.
/// let mut subscription = feeds.of(Some(&game)).subscribe(None);
/// assert_eq!(subscription.next().await.kind(), Kind::Snapshot);
///
/// let server = registry.register(&game, "192.0.2.1:7777".parse()?, None)?;
/// server.heartbeat("2/8 players".into());
/// let delta = tokio::select! {
///     frame = subscription.next() => frame,
///     () = feeds.run(Duration::from_millis(10)) => unreachable!("it runs until it is dropped"),
/// };
/// assert_eq!(delta.kind(), Kind::Delta);
/// let bytes = delta.bytes(Compression::None); // what the client is sent
/// # assert!(!bytes.is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Feeds {
    games: DashMap<Game, Weak<Feed>>,
    all: Arc<Feed>,
    /// At this many known feeds, those that nobody holds any more are looked for.
    sweep_at: AtomicUsize,
    run: Arc<Run>,
    ticker: Arc<Ticker<Feed>>,
}

/// Up to this many feeds are kept whether or not somebody holds them: they are small.
const FEW_FEEDS: usize = 64;

impl Feeds {
    /// Empty feeds, with an epoch of their own.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(Run::new(fastrand::u64(1..)))
    }

    /// The same for a member of a cluster: revisions are drawn from its `clock`, and clients that
    /// come from another member are told only what is different here, if that is known from what
    /// [`beat_of`](Self::beat_of) and [`heard`](Self::heard) were told.
    #[must_use]
    pub fn clustered(clock: Arc<Clock>) -> Arc<Self> {
        Self::with(Run::clustered(fastrand::u64(1..), clock))
    }

    fn with(run: Run) -> Arc<Self> {
        let run = Arc::new(run);
        let ticker = Arc::new(Ticker::new());
        Arc::new(Self {
            games: DashMap::new(),
            all: Feed::new(run.clone(), ticker.clone(), None, None),
            sweep_at: AtomicUsize::new(FEW_FEEDS),
            run,
            ticker,
        })
    }

    /// The feed of one game, or of all games. It is forgotten when it has neither servers nor
    /// followers.
    pub fn of(&self, game: Option<&Game>) -> Arc<Feed> {
        let Some(game) = game else {
            return self.all.clone();
        };
        if let Some(feed) = self.games.get(game).and_then(|known| known.upgrade()) {
            return feed;
        }
        self.sweep();
        let mut known = self.games.entry(game.clone()).or_default();
        known.upgrade().unwrap_or_else(|| {
            let feed = Feed::new(
                self.run.clone(),
                self.ticker.clone(),
                Some(game),
                Some(self.all.clone()),
            );
            *known = Arc::downgrade(&feed);
            feed
        })
    }

    /// Forgets feeds that nobody holds, each time as many again have been made.
    fn sweep(&self) {
        if self.games.len() >= self.sweep_at.load(Ordering::Relaxed) {
            self.games.retain(|_, feed| feed.strong_count() > 0);
            let next = FEW_FEEDS.max(2 * self.games.len());
            self.sweep_at.store(next, Ordering::Relaxed);
        }
    }

    /// Turns changes into frames, once per `tick` for all clients, until it is dropped.
    ///
    /// Best polled by a thread that is no worker of the runtime, such as the one that is blocked
    /// on it: clients that are woken then queue behind what waits on the workers already.
    ///
    /// Cancel-safe: changes wait for the next `run`. One at a time is meant to run.
    pub async fn run(&self, tick: Duration) {
        self.run_observed(tick, |_| {}).await;
    }

    /// As [`run`](Self::run), and tells `observe` how long the work of each tick took.
    pub async fn run_observed(&self, tick: Duration, observe: impl FnMut(Duration)) {
        self.ticker.run(tick, observe).await;
    }

    /// Turns all changes so far into frames, without waiting for the tick: whoever subscribes
    /// afterwards begins with them. Returns false if some of them belong to a group that is not
    /// complete yet: then it is to be called again.
    #[must_use]
    pub fn settle(&self) -> bool {
        self.ticker.settle(time::now())
    }

    /// Takes over the epoch of the list of a cluster. If it is another one, clients are given a
    /// snapshot next. Clients are told the [epochs](Feed::epoch) of feeds, which follow from it.
    pub fn set_epoch(&self, epoch: u64) {
        if self.run.epoch() == epoch {
            return;
        }
        self.run.set_epoch(epoch);
        self.all.set_epoch(Cursor::epoch(epoch, None));
        for known in &self.games {
            if let Some(feed) = known.upgrade() {
                feed.set_epoch(Cursor::epoch(epoch, Some(known.key())));
            }
        }
    }

    /// What the list depends on, to be said in the next beat. None without a cluster.
    #[must_use]
    pub fn basis(&self) -> Option<Basis> {
        self.run.cluster.as_ref()?.elsewhere.lock().basis()
    }

    /// Whoever speaks under this name, with this tag, has said this in a beat; nobody else may speak
    /// under it. A tag of two names counts for neither. Without a cluster it has no effect.
    pub fn beat_of(&self, name: &str, tag: u16, beat: Beat, now: Instant) {
        if let Some(cluster) = &self.run.cluster {
            let at = cluster.clock.now();
            cluster.elsewhere.lock().beat(name, tag, beat, at, now);
            cluster.news.send_replace(());
        }
    }

    /// How far others are heard: the least [`upto`](Beat::upto) of all members that count, of
    /// each the last with which everything that it had stated before was applied. Without a cluster
    /// it has no effect.
    pub fn heard(&self, heard: Heard) {
        if let Some(cluster) = &self.run.cluster
            && cluster.elsewhere.lock().heard(heard)
        {
            cluster.news.send_replace(());
        }
    }

    /// How many frames were encoded so far: each at most once per tick, game, and state from
    /// which clients follow.
    #[must_use]
    pub fn encoded(&self, form: Form, kind: Kind) -> u64 {
        self.run.encoded.get(form, kind)
    }
}

impl Sinks for Feeds {
    fn sink(self: Arc<Self>, game: &Game) -> Arc<dyn Sink> {
        self.of(Some(game))
    }

    fn begin(&self) {
        self.ticker.begin();
    }

    fn end(&self) {
        self.ticker.end();
    }

    fn is_held_up(&self) -> bool {
        self.ticker.is_held_up()
    }

    fn depends(&self, on: Basis) {
        if let Some(cluster) = &self.run.cluster {
            cluster.elsewhere.lock().depends(on);
        }
    }
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.ticker.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clients that ask for games that nobody plays do not take up memory permanently.
    #[test]
    fn feeds_that_nobody_holds_are_forgotten_when_as_many_again_were_made() {
        let feeds = Feeds::new();
        let ask = |number: usize| feeds.of(Some(&Game::new(&number.to_string()).unwrap()));
        let held: Vec<_> = (0..40).map(ask).collect();
        (40..FEW_FEEDS).for_each(|number| drop(ask(number)));
        assert_eq!(feeds.games.len(), FEW_FEEDS, "a few are small");
        drop(ask(100));
        assert_eq!(feeds.games.len(), 40 + 1);
        // The next time is at twice the 40 that were kept.
        (101..140).for_each(|number| drop(ask(number)));
        assert_eq!(feeds.games.len(), 80);
        drop(ask(200));
        assert_eq!(feeds.games.len(), 40 + 1);
        // Those that are held are the ones that were kept.
        for (number, feed) in held.iter().enumerate() {
            assert!(Arc::ptr_eq(feed, &ask(number)));
        }
        // At few feeds nothing is looked for, however few are held.
        drop(held);
        (300..300 + 39).for_each(|number| drop(ask(number)));
        assert_eq!(feeds.games.len(), 80);
        drop(ask(400));
        assert_eq!(feeds.games.len(), 1);
        (500..500 + FEW_FEEDS - 1).for_each(|number| drop(ask(number)));
        assert_eq!(feeds.games.len(), FEW_FEEDS);
        drop(ask(600));
        assert_eq!(feeds.games.len(), 1);
    }
}
