//! Two pipes joined: bytes both ways, unchanged and in order, no faster than they are taken.

use std::{io, sync::Arc, time::Duration};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    super::limits::Limits,
    pairing::{Half, Shared},
};
use crate::peers::{Inbox, ended};

/// How one direction came to its end.
enum End {
    /// Everything that was sent was delivered, and the end of the stream after it.
    Delivered,
    /// The receiver is gone or does not take it.
    Lost,
}

/// How far a pair has come to its end.
struct Ends {
    /// One of the two has ended its side or is gone. What it has sent may be on its way.
    noticed: CancellationToken,
    /// One direction has been carried to its end.
    carried: CancellationToken,
}

/// Joins two pipes until both have ended. When one ends, everything it has sent is delivered
/// and then the end of its stream; the other may go on until it ends, or is silent for
/// `half_close_silence`. Both are counted as open until the first has ended, and among the pipes
/// that there may be until both have.
pub(super) async fn couple(a: Half, b: Half, limits: &Limits) {
    // Whatever else is in a half is held until both have ended.
    let Half {
        introduction: a_is,
        connection: mut a,
        place: _a,
        lost: _,
    } = a;
    let Half {
        introduction: b_is,
        connection: mut b,
        place: _b,
        lost: _,
    } = b;
    let farewells = (a.farewell.take(), b.farewell.take());
    let carried = CancellationToken::new();
    let noticed = carried.child_token();
    let ends = Ends { noticed, carried };
    let shared = Arc::clone(&a.shared);
    let (from_a, from_b, ()) = tokio::join!(
        carry(a.inbox, b.write, a_is, &ends, limits, &shared),
        carry(b.inbox, a.write, b_is, &ends, limits, &shared),
        // The end of one is the end of both, whatever is still on its way.
        async {
            ends.noticed.cancelled().await;
            drop(farewells);
        },
    );
    tracing::info!(from_a, from_b, "the pair of pipes has ended");
}

/// Carries one direction to its end and returns how many bytes were delivered.
async fn carry(
    mut from: Inbox,
    to: OwnedWriteHalf,
    introduction: Bytes,
    ends: &Ends,
    limits: &Limits,
    shared: &Shared,
) -> u64 {
    let _ends = ends.carried.clone().drop_guard();
    let early = std::mem::take(&mut from.buffer);
    let mut way = Way {
        from: &mut from.read,
        to,
        delivered: 0,
        ends,
        limits,
        shutdown: &shared.shutdown,
    };
    let end = way.carry(introduction.chain(early)).await;
    let Way {
        to: _to, delivered, ..
    } = way;
    if let End::Lost = end {
        // Unread bytes would make the kernel reset the connection, and with it destroy what
        // the sender has still to read from us.
        ends.carried.cancel();
        shared.discard(&mut from).await;
    }
    delivered
}

/// One direction of a pair.
struct Way<'a> {
    from: &'a mut OwnedReadHalf,
    to: OwnedWriteHalf,
    delivered: u64,
    ends: &'a Ends,
    limits: &'a Limits,
    shutdown: &'a CancellationToken,
}

impl Way<'_> {
    /// Delivers `first`, and then what comes.
    async fn carry(&mut self, mut first: impl Buf) -> End {
        let limits = self.limits;
        while first.has_remaining() {
            let length = first.chunk().len();
            if self.deliver(first.chunk()).await.is_err() {
                return End::Lost;
            }
            first.advance(length);
        }
        let mut buffer = vec![0; limits.pipe_buffer_bytes];
        loop {
            let read = tokio::select! {
                biased;
                read = self.from.read(&mut buffer) => read,
                () = after(&self.ends.carried, limits.half_close_silence) => Ok(0),
                () = self.shutdown.cancelled() => Ok(0),
            };
            // What a failed connection has sent before is delivered like that of an orderly one.
            let Ok(length @ 1..) = read else { break };
            if self.deliver(&buffer[..length]).await.is_err() {
                return End::Lost;
            }
        }
        match timeout(limits.linger, self.to.shutdown()).await {
            Ok(Ok(())) => End::Delivered,
            _ => End::Lost,
        }
    }

    /// Writes all of `bytes`. Without limit of time while both are there: a slow receiver slows
    /// its partner, and nobody else. That the partner goes meanwhile is noticed.
    async fn deliver(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stall = self.limits.half_close_stall;
        let noticed = &self.ends.noticed;
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = tokio::select! {
                biased;
                written = self.to.write(rest) => written?,
                () = ended(self.from), if !noticed.is_cancelled() => {
                    noticed.cancel();
                    continue;
                }
                () = after(noticed, stall) => return Err(io::ErrorKind::TimedOut.into()),
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.delivered += written as u64;
            rest = &rest[written..];
        }
        Ok(())
    }
}

/// Completes `time` after the later of now and the moment in which `token` was cancelled.
async fn after(token: &CancellationToken, time: Duration) {
    token.cancelled().await;
    sleep(time).await;
}
