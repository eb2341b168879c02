//! A client, which goes from member to member.

use super::{super::Verdict, member::Member};
use bytes::Bytes;
use futures::FutureExt;
use metaserve::{
    feed::{Content, Feed, Frame, Kind, Subscription},
    list::{Cursor, Placement, Server},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// What it sees of a server.
type Seen = (Arc<Placement>, Bytes);

pub(super) struct Client {
    feed: Arc<Feed>,
    subscription: Subscription,
    list: BTreeMap<u64, Seen>,
    known: Option<Cursor>,
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
    pub(super) fn new(member: &Member) -> Self {
        let feed = member.feed();
        Self {
            subscription: feed.subscribe(None),
            feed,
            list: BTreeMap::new(),
            known: None,
        }
    }

    pub(super) fn read(&mut self) -> Verdict {
        while let Some(frame) = self.subscription.next().now_or_never() {
            self.apply(&frame)?;
        }
        Ok(())
    }

    fn apply(&mut self, frame: &Frame) -> Verdict {
        match frame.content() {
            Content::Snapshot { servers, .. } => self.list = servers.iter().map(seen).collect(),
            Content::Delta(delta) => {
                let known = self.known.map(|known| known.revision);
                prop_assert_eq!(Some(delta.from.0), known, "it does not fit");
                prop_assert!(delta.to >= delta.from, "back from {delta:?}");
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

    /// Goes on at a member. Its first frame makes its list that of the member. Returns whether it
    /// was a delta.
    pub(super) async fn go_on(&mut self, member: &Member) -> Result<bool, TestCaseError> {
        let before = self.feed.clone();
        self.feed = member.feed();
        self.subscription = self.feed.subscribe(self.known);
        let frame = self.subscription.next().await;
        self.apply(&frame)?;
        let shown: BTreeMap<_, _> = self.feed.servers().iter().map(seen).collect();
        prop_assert_eq!(&self.list, &shown, "its list is not that of the member");
        Ok(frame.kind() == Kind::CatchUp && !Arc::ptr_eq(&before, &self.feed))
    }
}
