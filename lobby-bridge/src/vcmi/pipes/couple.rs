//! Two joined pipes: bytes go both ways, unchanged, in order, and no faster than they are read.

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

/// How one direction ended.
enum End {
    /// Everything that was sent was delivered, and so was the end of the stream.
    Delivered,
    /// The receiver is gone or does not read.
    Lost,
}

/// How far a pair has ended.
struct Ends {
    /// One of the two has ended its side or is gone. Data that it sent may still be in transit.
    noticed: CancellationToken,
    /// One direction has ended, with nothing left in transit.
    carried: CancellationToken,
}

/// Joins two pipes until both have ended. When one ends, everything that it sent is delivered, and
/// then the end of its stream. The other may go on until it ends or is silent for
/// `half_close_silence`. For the lobby both are open until the first has ended; both keep their
/// places among the pipes until the second has.
pub(super) async fn couple(a: Half, b: Half, limits: &Limits) {
    // The rest of each half is held until both have ended.
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
        // When one has ended, both count as ended, even if data is still in transit.
        async {
            ends.noticed.cancelled().await;
            drop(farewells);
        },
    );
    tracing::info!(from_a, from_b, "the pair of pipes has ended");
}

/// Carries one direction until it ends. Returns how many bytes were delivered.
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
        // Unread bytes would make the kernel reset the connection, and a reset destroys what the
        // sender has not read from us yet.
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
    /// Delivers `first`, and then everything that arrives.
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
            // Data that arrived before a connection failed is delivered as after an orderly end.
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

    /// Writes all of `bytes`. There is no time limit while both are there: a slow receiver slows
    /// down only its partner. Notices when the partner ends in the meantime.
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

/// Completes `time` after now, or after `token` was cancelled if that is later.
async fn after(token: &CancellationToken, time: Duration) {
    token.cancelled().await;
    sleep(time).await;
}
