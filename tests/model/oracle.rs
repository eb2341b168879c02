//! What each feed has shown so far, and what a list that follows it may contain.

use super::{
    Verdict,
    steps::GAMES,
    truth::{Rows, Truth, Who},
};
use metaserve::{
    Game,
    feed::{Feed, Feeds, Frame},
    protocol::client::Compression,
};
use metaserve_client::Snapshot;
use proptest::prelude::*;
use std::{
    collections::{HashMap, hash_map::Entry},
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

/// The tick of all feeds.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Up to this many clients are woken at once; with more, some may learn of a tick later than
/// others.
const FEW_CLIENTS: usize = 64;

/// The most frames that a feed keeps in one tick: the delta of the tick, a snapshot, and 16 for
/// late clients.
const MAX_FRAMES: usize = 18;

/// The beginning of each heartbeat: the name of the server in the model.
pub(super) const WHO_BYTES: usize = size_of::<Who>();

/// Judges lists.
pub(super) struct Oracle {
    pub(super) truth: Truth,
    /// Whether the truth may have changed since the last look.
    changed: bool,
    /// When it was last seen to have changed.
    changed_at: Duration,
    epochs: HashMap<Option<Game>, u64>,
    shown: HashMap<Option<Game>, Shown>,
    /// The server of each number in this epoch, and the number of each server.
    servers: HashMap<u64, Who>,
    numbers: HashMap<Who, u64>,
    now: Duration,
}

/// The state that one feed shows.
struct Shown {
    /// Its address is not reused as long as this exists.
    feed: Weak<Feed>,
    /// The state that it must show soon.
    wanted: Rc<Rows>,
    /// Since when it shows an older state.
    late_since: Option<Duration>,
    rows: Rc<Rows>,
    revision: u64,
    /// The previous revision, which clients that follow closely have.
    previous: u64,
    all: HashMap<u64, Rc<Rows>>,
    /// The frames given out since the last change, by cursor.
    given: HashMap<Option<u64>, Arc<Frame>>,
}

/// The tag of a game.
pub(super) fn game(number: u8) -> Game {
    Game::new(&format!("game {number}")).expect("a tag")
}

fn lists() -> impl Iterator<Item = Option<Game>> {
    [None]
        .into_iter()
        .chain((0..GAMES).map(|number| Some(game(number))))
}

impl Oracle {
    /// Judges the frames for clients of `feeds`, which are empty.
    pub(super) fn new(feeds: &Feeds, now: Duration) -> Self {
        let shown = |of: Option<Game>| {
            let revision = feeds.of(of.as_ref()).revision().0;
            let rows = Rc::new(Rows::new());
            let shown = Shown {
                feed: Weak::new(),
                wanted: rows.clone(),
                late_since: None,
                rows: rows.clone(),
                revision,
                previous: revision,
                all: [(revision, rows)].into(),
                given: HashMap::new(),
            };
            (of, shown)
        };
        Self {
            truth: Truth::default(),
            changed: false,
            changed_at: now,
            epochs: lists()
                .map(|of| (of.clone(), feeds.of(of.as_ref()).epoch()))
                .collect(),
            shown: lists().map(shown).collect(),
            servers: HashMap::new(),
            numbers: HashMap::new(),
            now,
        }
    }

    /// The truth, for a change.
    pub(super) fn change(&mut self) -> &mut Truth {
        self.changed = true;
        &mut self.truth
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn epoch(&self, of: &Option<Game>) -> u64 {
        self.epochs[of]
    }

    /// The epoch of a list that shows something else.
    pub(super) fn other_epoch(&self, of: &Option<Game>) -> u64 {
        let other = lists().find(|other| other != of);
        self.epochs[&other.expect("there are several")]
    }

    pub(super) fn revision(&self, of: &Option<Game>) -> u64 {
        self.shown[of].revision
    }

    /// Notes the truth. Call it before time passes.
    pub(super) fn look(&mut self) {
        if self.now <= self.changed_at + TICK {
            // A feed may be flushed that has nothing new to show; its frames are dropped as well.
            self.shown
                .values_mut()
                .for_each(|shown| shown.given.clear());
        }
        if !std::mem::take(&mut self.changed) {
            return;
        }
        self.changed_at = self.now;
        for (of, shown) in &mut self.shown {
            let wanted = self.truth.rows(of.as_ref());
            shown.given.clear();
            let late = wanted != *shown.rows;
            shown.late_since = late.then(|| shown.late_since.unwrap_or(self.now));
            shown.wanted = Rc::new(wanted);
        }
    }

    /// Time has passed while the feeds ran: accepted changes must be shown within a tick.
    pub(super) fn passed(&mut self, time: Duration, feeds: &Feeds) -> Verdict {
        self.now += time;
        for (of, shown) in &mut self.shown {
            let revision = feeds.of(of.as_ref()).revision().0;
            if revision != shown.revision {
                let same = shown.rows == shown.wanted && !shown.rows.is_empty();
                prop_assert!(!same, "{of:?}: a revision without a change");
                let wanted = shown.wanted.clone();
                shown.publish(of, revision, wanted)?;
                shown.late_since = None;
            }
            if let Some(since) = shown.late_since {
                let late = self.now - since;
                prop_assert!(late < TICK, "{of:?}: a change is not shown after {late:?}");
            }
        }
        Ok(())
    }

    /// A client subscribes to a feed. If the feed was not in use, it is new and shows nothing.
    pub(super) fn subscribed(&mut self, of: &Option<Game>, feed: &Arc<Feed>) -> Verdict {
        let shown = self.shown.get_mut(of).expect("every feed is known");
        if !std::ptr::eq(shown.feed.as_ptr(), Arc::as_ptr(feed)) {
            shown.feed = Arc::downgrade(feed);
            shown.given.clear();
        }
        let revision = feed.revision();
        if revision.0 != shown.revision {
            let rows = shown.rows.clone();
            prop_assert!(
                rows.is_empty(),
                "{of:?}: a new feed, although the old one has servers"
            );
            shown.publish(of, revision.0, rows)?;
        }
        Ok(())
    }

    /// A client at `cursor` is given `frame`. `follows`: it has received every frame before.
    pub(super) fn given(
        &mut self,
        of: &Option<Game>,
        cursor: Option<u64>,
        frame: &Arc<Frame>,
        follows: bool,
        clients: usize,
    ) -> Verdict {
        let shown = self.shown.get_mut(of).expect("every feed is known");
        let epoch = self.epochs[of];
        prop_assert_eq!((frame.epoch(), frame.to().0), (epoch, shown.revision));
        let from = frame.from().map(|from| from.0);
        prop_assert!(
            from.is_none() || from == cursor,
            "for another cursor than {:?}",
            cursor
        );
        // The snapshot of a tick is shared, whatever the cursor.
        match shown.given.entry(from) {
            Entry::Occupied(before) => {
                prop_assert!(
                    Arc::ptr_eq(before.get(), frame),
                    "encoded twice for {from:?}"
                );
            }
            Entry::Vacant(vacant) => drop(vacant.insert(frame.clone())),
        }
        let frames = shown.given.len();
        prop_assert!(frames <= MAX_FRAMES, "{frames} frames are kept in one tick");
        let close = follows && cursor == Some(shown.previous) && clients <= FEW_CLIENTS;
        if close && from.is_none() {
            let (delta, snapshot) = shown.weigh();
            prop_assert!(
                delta > snapshot,
                "a snapshot for a client that follows closely, and a delta has {delta} bytes of \
                 {snapshot}"
            );
        }
        let sizes = [Compression::None, Compression::Zstd].map(|it| frame.bytes(it).len());
        prop_assert!(sizes[1] <= sizes[0], "compressed to more: {sizes:?}");
        Ok(())
    }

    /// Asserts that a list is what its feed has shown at that revision.
    pub(super) fn check(&mut self, of: &Option<Game>, list: &Snapshot) -> Verdict {
        prop_assert_eq!(list.epoch(), self.epochs[of]);
        let shown = &self.shown[of];
        let Some(rows) = shown.all.get(&list.revision()) else {
            let revision = list.revision();
            return Err(TestCaseError::fail(format!(
                "{of:?} was never at {revision}"
            )));
        };
        prop_assert_eq!(list.len(), rows.len(), "a different number of servers");
        for server in list.servers() {
            let name = server.heartbeat.first_chunk::<WHO_BYTES>();
            let who = Who::from_le_bytes(*name.expect("a name"));
            let number = server.id.number();
            prop_assert_eq!(
                *self.servers.entry(number).or_insert(who),
                who,
                "one number for two servers"
            );
            prop_assert_eq!(
                *self.numbers.entry(who).or_insert(number),
                number,
                "two numbers for one server"
            );
            let Some(row) = rows.get(&who) else {
                return Err(TestCaseError::fail(format!("not in the list: {server:?}")));
            };
            prop_assert_eq!(&server.addresses, &row.addresses);
            prop_assert_eq!(Some(&server.address), row.addresses.first());
            prop_assert_eq!(&server.heartbeat, &row.heartbeat);
            prop_assert_eq!((&server.game, server.identity), (&row.game, row.identity));
        }
        Ok(())
    }

    /// Nothing has happened for a long time: asserts that a list is the current truth.
    pub(super) fn check_settled(&mut self, of: &Option<Game>, list: &Snapshot) -> Verdict {
        let shown = &self.shown[of];
        prop_assert_eq!(
            &*shown.rows,
            &self.truth.rows(of.as_ref()),
            "the feed is not the truth"
        );
        prop_assert_eq!(list.revision(), shown.revision, "a list is behind");
        self.check(of, list)
    }
}

impl Shown {
    fn publish(&mut self, of: &Option<Game>, revision: u64, rows: Rc<Rows>) -> Verdict {
        prop_assert!(
            revision > self.revision,
            "{of:?}: back from {} to {revision}",
            self.revision
        );
        self.previous = std::mem::replace(&mut self.revision, revision);
        self.rows = rows.clone();
        self.all.insert(revision, rows);
        self.given.clear();
        Ok(())
    }

    /// Upper bounds for the size of the last tick's delta, and for that of a snapshot, in bytes.
    fn weigh(&self) -> (usize, usize) {
        let before = &self.all[&self.previous];
        let changed = self
            .rows
            .iter()
            .filter(|(who, row)| before.get(who) != Some(row));
        let gone = before
            .keys()
            .filter(|who| !self.rows.contains_key(who))
            .count();
        let whole = |bytes, row: &Rc<super::truth::Row>| bytes + 32 + row.heartbeat.len();
        (
            changed.map(|(_, row)| row).fold(3 * gone, whole),
            self.rows.values().fold(0, whole),
        )
    }
}
