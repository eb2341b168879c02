//! Two pipes joined: bytes both ways, unchanged and in order, no faster than they are taken.

use std::{io, time::Duration};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    connection::{Frames, Shared},
    pipe::Half,
};

/// How one direction came to its end.
enum End {
    /// Everything that was sent was delivered, and the end of the stream after it.
    Delivered,
    /// The receiver is gone or does not take it.
    Lost,
}

/// Joins two pipes until both have ended. When one ends, everything it has sent is delivered
/// and then the end of its stream; the other may go on until it ends, or is silent for
/// `half_close_silence`. Both are counted as open until the first has ended, and among the pipes
/// that there may be until both have.
pub(super) async fn couple(a: Half, b: Half, shared: &Shared) {
    // Whatever else is in a half is held until both have ended.
    let Half {
        introduction: a_is,
        connection: mut a,
        permit: _a,
    } = a;
    let Half {
        introduction: b_is,
        connection: mut b,
        permit: _b,
    } = b;
    let farewells = (a.farewell.take(), b.farewell.take());
    let one_has_ended = CancellationToken::new();
    let (from_a, from_b, ()) = tokio::join!(
        carry(a.frames, b.write, a_is, &one_has_ended, shared),
        carry(b.frames, a.write, b_is, &one_has_ended, shared),
        // The end of one is the end of both, whatever is still on its way.
        async {
            one_has_ended.cancelled().await;
            drop(farewells);
        },
    );
    tracing::info!(from_a, from_b, "the pair of pipes has ended");
}

/// Carries one direction to its end and returns how many bytes were delivered.
async fn carry(
    mut from: Frames,
    mut to: OwnedWriteHalf,
    introduction: Bytes,
    one_has_ended: &CancellationToken,
    shared: &Shared,
) -> u64 {
    let _ends = one_has_ended.clone().drop_guard();
    let early = std::mem::take(&mut from.buffer);
    let mut delivered = 0;
    let first = introduction.chain(early);
    let end = copy(
        &mut from.read,
        &mut to,
        first,
        &mut delivered,
        one_has_ended,
        shared,
    )
    .await;
    if let End::Lost = end {
        // Unread bytes would make the kernel reset the connection, and with it destroy what
        // the sender has still to read from us.
        one_has_ended.cancel();
        from.discard(shared).await;
    }
    delivered
}

async fn copy(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    mut first: impl Buf,
    delivered: &mut u64,
    one_has_ended: &CancellationToken,
    shared: &Shared,
) -> End {
    let limits = &shared.limits;
    let mut buffer = Vec::new();
    while first.has_remaining() {
        let piece = first.chunk();
        let length = piece.len();
        if write(to, piece, one_has_ended, limits.half_close_stall)
            .await
            .is_err()
        {
            return End::Lost;
        }
        *delivered += length as u64;
        first.advance(length);
    }
    buffer.resize(limits.pipe_buffer_bytes, 0);
    loop {
        let read = tokio::select! {
            biased;
            read = from.read(&mut buffer) => read,
            () = silence(one_has_ended, limits.half_close_silence) => Ok(0),
            () = shared.shutdown.cancelled() => Ok(0),
        };
        // What a failed connection has sent before is delivered like that of an orderly one.
        let Ok(length @ 1..) = read else { break };
        if write(
            to,
            &buffer[..length],
            one_has_ended,
            limits.half_close_stall,
        )
        .await
        .is_err()
        {
            return End::Lost;
        }
        *delivered += length as u64;
    }
    match timeout(limits.linger, to.shutdown()).await {
        Ok(Ok(())) => End::Delivered,
        _ => End::Lost,
    }
}

/// Writes all of `bytes`. Without limit of time while both are there: a slow receiver slows
/// its partner, and nobody else.
async fn write(
    to: &mut OwnedWriteHalf,
    bytes: &[u8],
    one_has_ended: &CancellationToken,
    stall: Duration,
) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = tokio::select! {
            biased;
            written = to.write(rest) => written?,
            () = silence(one_has_ended, stall) => return Err(io::ErrorKind::TimedOut.into()),
        };
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        rest = &rest[written..];
    }
    Ok(())
}

/// Ends `time` after the later of now and the moment in which one of the pair has ended.
async fn silence(one_has_ended: &CancellationToken, time: Duration) {
    one_has_ended.cancelled().await;
    sleep(time).await;
}
