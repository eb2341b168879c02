//! Where requests to a list are answered.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{http::HeaderMap, response::Response};
use metaserve::time::wall_clock;

use super::{Event, ShownOf, WebList, server::Errands};
use crate::{
    metrics::Tally,
    peers::{ConnectionId, Outbox, Owner},
    web::{Page, Reply},
};

/// The most bytes of an answer. They are short words.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Answers the requests to one list.
pub(crate) struct Counter<L: WebList> {
    owner: Owner<Errands<L>>,
    page: Page<ShownOf<L>>,
    /// Numbers the requests.
    next: AtomicU64,
    tally: Tally,
}

impl<L: WebList> Counter<L> {
    pub(super) fn new(owner: Owner<Errands<L>>, page: Page<ShownOf<L>>, tally: Tally) -> Self {
        let next = AtomicU64::new(0);
        Self {
            owner,
            page,
            next,
            tally,
        }
    }

    /// Counts for the protocol.
    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Has the list answer a request, which has come just now; `None` if the list has ended.
    pub(crate) async fn ask(&self, asked: L::Asked) -> Option<Reply> {
        let what = Event::Asks(Box::new(asked), wall_clock());
        let who = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let _farewell = self.owner.announce(who).await?;
        let outbox = Arc::new(Outbox::new(MAX_ANSWER_BYTES));
        self.owner.enter(who, what, outbox.clone()).await;
        let answer = tokio::select! {
            answer = outbox.next() => answer,
            () = self.owner.ended() => None,
        };
        Reply::decode(answer?)
    }

    /// Answers a request for the list, with these headers.
    pub(crate) async fn list(&self, headers: &HeaderMap) -> Response {
        self.page.answer(headers).await
    }
}
