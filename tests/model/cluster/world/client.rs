//! A client, which goes from member to member.

use super::{super::Verdict, member::Member};
use bytes::Bytes;
use futures::FutureExt;
use metaserve::{
    Game,
    feed::{Content, Feed, Frame, Subscription},
    list::{Cursor, Placement, Server},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

/// What it sees of a server.
type Seen = (Arc<Placement>, Bytes);

pub(super) struct Client {
    game: Option<Game>,
    feed: Arc<Feed>,
    subscription: Subscription,
    list: BTreeMap<u64, Seen>,
    known: Option<Cursor>,
    /// It waits for the first frame of this member, after it was at another one.
    arrives: bool,
    moves: bool,
}

fn seen(server: &Server) -> (u64, Seen) {
    let placement = Placement {
        // Not for clients.
        claims: Default::default(),
        ..Placement::clone(&server.placement)
    };
    (
        server.number,
        (Arc::new(placement), server.heartbeat.clone()),
    )
}

impl Client {
    pub(super) fn new(member: &Member, game: Option<Game>) -> Self {
        let feed = member.feed(game.as_ref());
        Self {
            game,
            subscription: feed.subscribe(None),
            feed,
            list: BTreeMap::new(),
            known: None,
            arrives: true,
            moves: false,
        }
    }

    /// Reads what there is. Its first frame makes its list that of the member. Returns whether that
    /// frame was a delta, if it has come now, to a client that has moved.
    pub(super) async fn read(&mut self) -> Result<Option<bool>, TestCaseError> {
        // All are woken, one group after the other.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut by_delta = None;
        while let Some(frame) = self.subscription.next().now_or_never() {
            self.apply(&frame)?;
            if mem::take(&mut self.arrives) {
                by_delta = self.moves.then(|| frame.from().is_some());
                self.check()?;
            }
        }
        if !self.arrives {
            self.check()?;
        }
        Ok(by_delta)
    }

    /// It has read everything that there is.
    fn check(&self) -> Verdict {
        let shown: BTreeMap<_, _> = self.feed.servers().iter().map(seen).collect();
        prop_assert_eq!(&self.list, &shown, "its list is not that of the member");
        Ok(())
    }

    fn apply(&mut self, frame: &Frame) -> Verdict {
        match frame.content() {
            Content::Snapshot { servers, .. } => self.list = servers.iter().map(seen).collect(),
            Content::Delta(delta) => {
                let known = self.known.map(|known| known.revision);
                prop_assert_eq!(Some(delta.from.0), known, "it does not fit");
                prop_assert!(
                    delta.to > delta.from || Some(delta.to.0) == known,
                    "back from {delta:?}"
                );
                for number in &delta.removed {
                    self.list.remove(number);
                }
                self.list.extend(delta.placed.iter().map(seen));
                for server in &delta.updated {
                    let known = self.list.get_mut(&server.number);
                    prop_assert!(known.is_some(), "{server:?} was never placed");
                    known.expect("it is there").1 = server.heartbeat.clone();
                }
            }
        }
        self.known = Some(Cursor {
            epoch: frame.epoch(),
            revision: frame.to().0,
        });
        Ok(())
    }

    /// Goes on at a member.
    pub(super) fn go_on(&mut self, member: &Member) {
        let before = self.feed.clone();
        self.feed = member.feed(self.game.as_ref());
        self.moves = self.known.is_some() && !Arc::ptr_eq(&before, &self.feed);
        self.subscription = self.feed.subscribe(self.known);
        self.arrives = true;
    }
}
