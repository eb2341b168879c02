//! The messages that wait for one peer: bounded in bytes, filled without waiting.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How many bytes a message counts as, in addition to its own.
const OVERHEAD_BYTES: usize = 64;

/// Small messages are written together up to this size, which fits into one segment on any
/// usual path. Launchers parse each segment by itself, so a write ends where a message ends.
const SEGMENT_BYTES: usize = 1_200;

/// See the [module](self). One task adds messages, another takes them.
#[derive(Debug)]
pub(crate) struct Outbox {
    limit: usize,
    state: Mutex<State>,
    changed: Notify,
    finished: CancellationToken,
    abandoned: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Bytes>,
    charged: usize,
    finished: bool,
}

/// The peer did not read what was sent to it before. Nothing more will be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            state: Mutex::default(),
            changed: Notify::new(),
            finished: CancellationToken::new(),
            abandoned: CancellationToken::new(),
        }
    }

    /// Adds a message, unless the outbox is finished. If the limit is exceeded, the outbox is
    /// emptied and abandoned, and its peer has to be disconnected.
    pub(crate) fn push(&self, message: Bytes) -> Result<(), Overflow> {
        let mut state = self.lock();
        if state.finished {
            return Ok(());
        }
        state.charged += message.len() + OVERHEAD_BYTES;
        if state.charged > self.limit {
            *state = State {
                finished: true,
                ..State::default()
            };
            self.abandoned.cancel();
            return Err(Overflow);
        }
        state.queue.push_back(message);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Accepts no more messages. Those already here are still sent.
    pub(crate) fn finish(&self) {
        self.lock().finished = true;
        self.finished.cancel();
        self.changed.notify_one();
    }

    /// Completes when the peer must be disconnected after the remaining messages were sent.
    pub(crate) async fn finished(&self) {
        self.finished.cancelled().await;
    }

    /// Completes when the peer must be disconnected without sending the remaining messages.
    pub(crate) async fn abandoned(&self) {
        self.abandoned.cancelled().await;
    }

    /// Returns the next bytes to write, which end where a message ends, or `None` when the outbox
    /// is finished and empty. Cancel safe.
    pub(crate) async fn next(&self) -> Option<Bytes> {
        loop {
            match self.take() {
                Some(bytes) => return Some(bytes),
                None if self.lock().finished => return None,
                None => self.changed.notified().await,
            }
        }
    }

    fn take(&self) -> Option<Bytes> {
        let mut state = self.lock();
        let first = state.pop()?;
        let fits = |state: &State, held: usize| {
            state
                .queue
                .front()
                .is_some_and(|next| held + next.len() <= SEGMENT_BYTES)
        };
        if !fits(&state, first.len()) {
            return Some(first);
        }
        let mut segment = BytesMut::from(&first[..]);
        while fits(&state, segment.len()) {
            segment.extend(state.pop());
        }
        Some(segment.freeze())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pop(&mut self) -> Option<Bytes> {
        let message = self.queue.pop_front()?;
        self.charged -= message.len() + OVERHEAD_BYTES;
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Bytes {
        vec![b'x'; bytes].into()
    }

    #[tokio::test]
    async fn messages_leave_in_order_and_are_never_split() {
        let outbox = Outbox::new(10_000);
        for text in [":>>A:1", ":>>B:2"] {
            outbox.push(text.into()).unwrap();
        }
        outbox.push(message(2_000)).unwrap();
        outbox.push(message(1_000)).unwrap();
        outbox.push(message(1_000)).unwrap();
        outbox.finish();
        let mut writes = Vec::new();
        while let Some(bytes) = outbox.next().await {
            writes.push(bytes);
        }
        assert_eq!(writes[0], ":>>A:1:>>B:2");
        let sizes: Vec<usize> = writes.iter().map(Bytes::len).collect();
        assert_eq!(sizes, [12, 2_000, 1_000, 1_000]);
    }

    #[tokio::test]
    async fn unread_messages_are_bounded() {
        let outbox = Outbox::new(1_000);
        assert_eq!(outbox.push(message(400)), Ok(()));
        assert_eq!(outbox.push(message(400)), Ok(()));
        assert_eq!(outbox.push(message(9)), Err(Overflow));
        assert!(outbox.abandoned.is_cancelled());
        assert_eq!(outbox.next().await, None, "nothing is kept");
        assert_eq!(outbox.push(message(1)), Ok(()), "nothing more is added");
        assert_eq!(outbox.next().await, None);
    }

    #[tokio::test]
    async fn reading_makes_room() {
        let outbox = Outbox::new(1_000);
        for _ in 0..100 {
            assert_eq!(outbox.push(message(936)), Ok(()));
            assert_eq!(outbox.next().await.map(|bytes| bytes.len()), Some(936));
        }
        assert_eq!(outbox.push(message(300)), Ok(()));
        assert_eq!(outbox.push(message(300)), Ok(()));
        assert!(outbox.next().await.is_some());
        assert_eq!(outbox.push(message(937)), Err(Overflow));
    }

    #[tokio::test]
    async fn segments_are_filled_up_to_the_limit() {
        let outbox = Outbox::new(10_000);
        for bytes in [600, 600, 1, 1_198, 2] {
            outbox.push(message(bytes)).unwrap();
        }
        let mut sizes = Vec::new();
        outbox.finish();
        while let Some(bytes) = outbox.next().await {
            sizes.push(bytes.len());
        }
        assert_eq!(sizes, [1_200, 1_199, 2]);
    }

    #[test]
    fn tiny_messages_count_with_their_overhead() {
        let outbox = Outbox::new(1024 * 1024);
        let pushed = (0..50_000)
            .take_while(|_| outbox.push(message(1)).is_ok())
            .count();
        assert_eq!(pushed, 1024 * 1024 / 65);
    }
}
