//! The stream that a game polls: always the newest state, never a backlog.

use crate::{Error, Freshness, Snapshot};
use futures::{Stream, StreamExt, stream};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::task::AbortOnDropHandle;

/// The live list of servers, as a stream of snapshots; see [`run`](crate::run).
#[must_use = "a stream does nothing unless polled"]
pub struct Snapshots {
    items: Pin<Box<dyn Stream<Item = Result<Snapshot, Error>> + Send>>,
    freshness: Freshness,
}

/// Where the task that follows the list puts its states, until it ends with an error.
pub(crate) struct Latest {
    sender: watch::Sender<Option<Snapshot>>,
    freshness: Freshness,
}

impl Latest {
    /// The list is like this now.
    pub(crate) fn put(&self, snapshot: Snapshot) {
        self.freshness.live();
        self.sender.send_replace(Some(snapshot));
    }

    /// The list is not followed any longer.
    pub(crate) fn lost(&self) {
        self.freshness.lost();
    }
}

enum State<F> {
    /// Not polled yet.
    Idle {
        follow: F,
        latest: watch::Receiver<Option<Snapshot>>,
    },
    /// The task runs, and puts each state of the list into the watch.
    Following {
        latest: watch::Receiver<Option<Snapshot>>,
        task: AbortOnDropHandle<Error>,
    },
    Ended,
}

impl Snapshots {
    /// Runs `follow` in a task of its own from the first poll until the stream is dropped. The
    /// changes of the first item are counted from `begin`.
    pub(crate) fn new<F, Fut>(begin: Snapshot, follow: F) -> Self
    where
        F: FnOnce(Latest) -> Fut + Send + 'static,
        Fut: Future<Output = Error> + Send + 'static,
    {
        let freshness = Freshness::stale();
        let (sender, latest) = watch::channel(None);
        let follow = {
            let freshness = freshness.clone();
            move || follow(Latest { sender, freshness })
        };
        let begin = (State::Idle { follow, latest }, begin);
        let snapshots = stream::unfold(begin, |(state, previous)| next(state, previous));
        let items = snapshots.fuse().boxed();
        Self { items, freshness }
    }

    /// How old the newest item is, to ask at any time.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        self.freshness.clone()
    }
}

/// The next item of the stream, and the state after it.
async fn next<F, Fut>(
    state: State<F>,
    previous: Snapshot,
) -> Option<(Result<Snapshot, Error>, (State<F>, Snapshot))>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = Error> + Send + 'static,
{
    let (mut latest, task) = match state {
        State::Idle { follow, latest } => {
            let task: JoinHandle<Error> = tokio::spawn(follow());
            (latest, AbortOnDropHandle::new(task))
        }
        State::Following { latest, task } => (latest, task),
        State::Ended => return None,
    };
    let live = latest.changed().await.is_ok();
    let newest = latest.borrow_and_update().clone().filter(|_| live);
    if let Some(snapshot) = newest {
        let snapshot = snapshot.since(&previous);
        let previous = snapshot.clone();
        return Some((Ok(snapshot), (State::Following { latest, task }, previous)));
    }
    // The task has dropped its sender: it has ended, with the reason.
    match task.await {
        Ok(error) => Some((Err(error), (State::Ended, previous))),
        // A panic in the caller's functions, or in ours, is propagated to the task that polls.
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        // The runtime is being shut down.
        Err(_) => None,
    }
}

impl Stream for Snapshots {
    type Item = Result<Snapshot, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::List;
    use metaserve::protocol::client::ListMessage;

    fn at(revision: u64) -> Snapshot {
        let message = ListMessage {
            epoch: 1,
            to: revision,
            ..ListMessage::default()
        };
        let mut list = List::default();
        list.apply(message).expect("a snapshot builds on nothing");
        list.snapshot()
    }

    #[tokio::test]
    async fn a_slow_consumer_is_given_the_newest_state_and_then_the_end() {
        let mut snapshots = Snapshots::new(Snapshot::default(), async |latest: Latest| {
            (1..=20).for_each(|revision| latest.put(at(revision)));
            tokio::task::yield_now().await;
            (21..=40).for_each(|revision| latest.put(at(revision)));
            Error::OutOfOrder { from: 0, ours: 0 }
        });
        let mut seen = Vec::new();
        while let Some(Ok(snapshot)) = snapshots.next().await {
            seen.push(snapshot.revision());
        }
        assert_eq!(
            seen.last(),
            Some(&40),
            "the last state is not lost to the end"
        );
        assert!(seen.len() <= 2, "{seen:?}");
        assert!(snapshots.next().await.is_none());
    }
}
