//! One client: the daemon's cursor for it, the data in flight, its list, and the game that reads
//! the list.

use super::{Verdict, oracle::Oracle, steps::Claim};
use bytes::Bytes;
use futures::FutureExt;
use metaserve::{
    Game,
    feed::{Feed, Feeds, Frame, Subscription},
    list::Cursor,
    protocol::{
        client::{Compression, ListMessage},
        framing::Deframer,
    },
};
use metaserve_client::{Changes, List, Server, ServerId, Snapshot};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// It reads everything as it comes.
    Follows,
    /// It does not read, and nothing more is written to it.
    Silent,
    /// One more frame is written to it, but not read.
    Stuck,
}

pub(super) struct Client {
    game: Option<Game>,
    compression: Compression,
    /// Whether the game looks at the list after each message.
    eager: bool,
    pace: Pace,
    /// Present while the client is connected.
    subscription: Option<Subscription>,
    /// The revision of the last frame that it was given, or that it claims to know.
    cursor: Option<u64>,
    /// Whether it was given anything on this connection.
    served: bool,
    /// Written, but not read yet.
    on_its_way: Option<Bytes>,
    list: List,
    /// The game that the list is of. After a switch it is the old one for a while.
    list_of: Option<Game>,
    /// The list when the game looked last.
    seen: Snapshot,
    rows: BTreeMap<ServerId, Server>,
}

/// The limit of clients; no list here is longer.
const MAX_LIST_BYTES: usize = 16 << 20;

impl Client {
    pub(super) fn new(game: Option<Game>, compressed: bool, eager: bool) -> Self {
        Self {
            game,
            compression: if compressed {
                Compression::Zstd
            } else {
                Compression::None
            },
            eager,
            pace: Pace::Follows,
            subscription: None,
            cursor: None,
            served: false,
            on_its_way: None,
            list: List::default(),
            list_of: None,
            seen: Snapshot::default(),
            rows: BTreeMap::new(),
        }
    }

    /// Connects with the revision that it knows, or claims to know.
    pub(super) fn connect(&mut self, claim: &Claim, feeds: &Feeds, oracle: &mut Oracle) -> Verdict {
        self.disconnect();
        let feed = feeds.of(self.game.as_ref());
        oracle.subscribed(&self.game, &feed)?;
        let revision = oracle.revision(&self.game);
        let known = |epoch, revision| Some(Cursor { epoch, revision });
        match *claim {
            Claim::Own => {
                let known = self.list.known(self.game.as_ref());
                self.subscription = Some(feed.subscribe(known));
                self.cursor = known
                    .filter(|it| it.epoch == oracle.epoch(&self.game))
                    .map(|it| it.revision);
                return Ok(());
            }
            // It starts with a list that the game kept from before.
            Claim::Past(any) if any % 2 == 0 => {
                self.list = List::resume(self.list.snapshot());
                return self.connect(&Claim::Own, feeds, oracle);
            }
            Claim::Past(any) => {
                return probe(&feed, any % (revision + 1), oracle.epoch(&self.game));
            }
            Claim::Nothing => {}
            Claim::OtherEpoch => {
                let epoch = oracle.other_epoch(&self.game);
                self.subscription = Some(feed.subscribe(known(epoch, revision)));
            }
            Claim::Future(after) => {
                let future = known(oracle.epoch(&self.game), revision.saturating_add(after));
                self.subscription = Some(feed.subscribe(future));
            }
        }
        // The daemon knows none of that, so a snapshot must come.
        self.cursor = None;
        self.list = List::default();
        self.list.known(self.game.as_ref());
        (self.seen, self.rows) = Default::default();
        self.subscription
            .get_or_insert_with(|| feed.subscribe(None));
        Ok(())
    }

    /// Loses the connection, with the data in flight.
    pub(super) fn disconnect(&mut self) {
        (self.subscription, self.on_its_way) = (None, None);
        self.served = false;
        self.pace = Pace::Follows;
    }

    pub(super) fn is_connected(&self) -> bool {
        self.subscription.is_some()
    }

    pub(super) fn switch(&mut self, game: Option<Game>) {
        self.disconnect();
        self.game = game;
    }

    pub(super) fn lag(&mut self, begun: bool) {
        self.pace = if begun { Pace::Stuck } else { Pace::Silent };
    }

    /// The daemon resets the stream: the data in flight is lost.
    pub(super) fn reset(&mut self) {
        if let Some(subscription) = &mut self.subscription {
            subscription.restart();
            (self.cursor, self.on_its_way) = (None, None);
            self.pace = Pace::Follows;
        }
    }

    pub(super) fn catch_up(&mut self, oracle: &mut Oracle, clients: usize) -> Verdict {
        if let Some(bytes) = self.on_its_way.take() {
            self.read(&bytes, oracle)?;
        }
        let bytes = self.take(oracle, clients)?;
        self.pace = Pace::Follows;
        bytes.map_or(Ok(()), |bytes| self.read(&bytes, oracle))
    }

    /// Writes and reads what the client's pace allows.
    pub(super) fn serve(&mut self, oracle: &mut Oracle, clients: usize) -> Verdict {
        match self.pace {
            Pace::Follows => {
                if let Some(bytes) = self.take(oracle, clients)? {
                    self.read(&bytes, oracle)?;
                }
            }
            Pace::Stuck if self.on_its_way.is_none() => {
                self.on_its_way = self.take(oracle, clients)?;
            }
            Pace::Stuck | Pace::Silent => {}
        }
        Ok(())
    }

    /// The bytes that the daemon writes for this client now.
    fn take(
        &mut self,
        oracle: &mut Oracle,
        clients: usize,
    ) -> Result<Option<Bytes>, TestCaseError> {
        let Some(subscription) = &mut self.subscription else {
            return Ok(None);
        };
        let Some(frame) = subscription.next().now_or_never() else {
            return Ok(None);
        };
        let follows = self.served && self.pace == Pace::Follows;
        oracle.given(&self.game, self.cursor, &frame, follows, clients)?;
        self.cursor = Some(frame.to().0);
        self.served = true;
        let further = subscription.next().now_or_never();
        prop_assert!(further.is_none(), "two frames in one tick: {:?}", further);
        Ok(Some(frame.bytes(self.compression)))
    }

    /// Reads one message, in two pieces.
    fn read(&mut self, bytes: &[u8], oracle: &mut Oracle) -> Verdict {
        let mut deframer = Deframer::default();
        let (begin, rest) = bytes.split_at(bytes.len() / 2);
        deframer.push(begin);
        prop_assert_eq!(deframer.next(MAX_LIST_BYTES), Ok(None));
        deframer.push(rest);
        let message = deframer
            .next(MAX_LIST_BYTES)
            .expect("short enough")
            .expect("all of it");
        let message = ListMessage::decode(&message, MAX_LIST_BYTES);
        let message = message.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (before, game) = (self.list.snapshot(), self.list_of.clone());
        let applied = self.list.apply(message);
        prop_assert!(applied.is_ok(), "{:?}", applied);
        let after = self.list.snapshot();
        self.list_of.clone_from(&self.game);
        let same = before.epoch() == after.epoch() && game == self.game;
        let later = !same || before.revision() <= after.revision();
        prop_assert!(
            later,
            "back from {} to {}",
            before.revision(),
            after.revision()
        );
        oracle.check(&self.game, &after)?;
        if self.eager { self.look() } else { Ok(()) }
    }

    /// The game looks at the list. The reported changes must be the difference from its last look.
    pub(super) fn look(&mut self) -> Verdict {
        let snapshot = self.list.snapshot().since(&self.seen);
        let rows: BTreeMap<_, _> = snapshot.servers().map(|it| (it.id, it.clone())).collect();
        let old = &self.rows;
        let differs = |id: &&ServerId| old.get(*id).is_some_and(|server| *server != rows[*id]);
        let expected = Changes {
            added: rows
                .keys()
                .filter(|id| !old.contains_key(*id))
                .copied()
                .collect(),
            updated: rows.keys().filter(differs).copied().collect(),
            removed: old
                .keys()
                .filter(|id| !rows.contains_key(*id))
                .copied()
                .collect(),
        };
        prop_assert_eq!(snapshot.changes(), &expected);
        (self.seen, self.rows) = (snapshot, rows);
        Ok(())
    }

    /// Asserts that the list is the truth.
    pub(super) fn check_settled(&self, oracle: &mut Oracle) -> Verdict {
        oracle.check_settled(&self.game, &self.list.snapshot())
    }
}

/// Claims to know the list at a revision that this client may never have seen. It must get the
/// changes since then, or everything.
fn probe(feed: &Arc<Feed>, revision: u64, epoch: u64) -> Verdict {
    let known = Cursor { epoch, revision };
    let frame: Option<Arc<Frame>> = feed.subscribe(Some(known)).next().now_or_never();
    let frame = frame.expect("the first frame must come at once");
    prop_assert!(frame.from().is_none_or(|from| from.0 == revision));
    let bytes = frame.bytes(Compression::None);
    prop_assert!(ListMessage::decode(&bytes[4..], MAX_LIST_BYTES).is_ok());
    Ok(())
}
