//! A request as a peer that says one thing.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::Reply;
use crate::peers::{ConnectionId, Errands, Lobby, Outbox, Owner};

/// The most bytes of an answer. They are short words.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Has the owner of a lobby handle a request, and returns its answer; `None` if the owner has
/// ended. `next` numbers the requests of this lobby.
pub(crate) async fn ask<E: Errands>(
    owner: &Owner<E>,
    next: &AtomicU64,
    what: <E::Lobby as Lobby>::Event,
) -> Option<Reply> {
    let who = ConnectionId(next.fetch_add(1, Ordering::Relaxed));
    let _farewell = owner.announce(who).await?;
    let outbox = Arc::new(Outbox::new(MAX_ANSWER_BYTES));
    owner.enter(who, what, outbox.clone()).await;
    let answer = tokio::select! {
        answer = outbox.next() => answer,
        () = owner.ended() => None,
    };
    Reply::decode(answer?)
}
