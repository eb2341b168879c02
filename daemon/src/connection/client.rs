//! A game client: one frame after the other, as fast as it reads.

use super::talk::{first_message, game, lost, malformed, open_stream};
use crate::{metrics::Way, rules::Limit, shared::Shared};
use bytes::Bytes;
use metaserve::{
    Close, CloseCode,
    protocol::{
        client::{MAX_SUBSCRIBE_BYTES, Subscribe},
        codec,
    },
    time::now,
};
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;

/// Serves one game client until it goes.
pub(super) async fn serve(connection: &quinn::Connection, shared: &Shared) -> Result<(), Close> {
    let (_reader, subscribe) = first_message(connection, shared, MAX_SUBSCRIBE_BYTES).await?;
    let subscribe: Subscribe<'_> = codec::decode(&subscribe).map_err(malformed)?;
    let game = subscribe.game.map(game).transpose()?;
    let feed = shared.feeds.of(game.as_ref());
    let mut subscription = feed.subscribe(subscribe.known);
    let stall_timeout = shared.rules().limits.stall_timeout;
    let mut out = open_stream(connection).await?;
    loop {
        let frame = tokio::select! {
            frame = subscription.next() => frame,
            error = connection.closed() => return Err(lost(error)),
        };
        let bytes = frame.bytes(subscribe.compression);
        shared.metrics.sent(Way::Quic, &frame, bytes.len());
        // Only the bytes are kept while they are written, and others hold them too.
        drop(frame);
        match write(&mut out, bytes, stall_timeout).await {
            Ok(Written::AtOnce) => {}
            Ok(Written::AsItWasTaken) => shared.metrics.reached(Limit::SendWindow),
            Err(Unwritten::Lost(error)) => return Err(lost(error)),
            Err(Unwritten::Stopped) => {
                return Err(Close::new(
                    CloseCode::Goodbye,
                    "the client has stopped the list",
                ));
            }
            Err(Unwritten::Stalled) => {
                shared.metrics.reached(Limit::StallTimeout);
                tracing::debug!("too slow: its stream is reset, a snapshot follows");
                out = restart(connection, out).await?;
                subscription.restart();
            }
        }
    }
}

enum Written {
    /// There was room for all of it.
    AtOnce,
    /// The client had to make room first, by taking what it had not taken yet.
    AsItWasTaken,
}

enum Unwritten {
    /// Nothing was taken for the whole stall timeout, or too little altogether.
    Stalled,
    /// The client does not want the stream.
    Stopped,
    Lost(quinn::ConnectionError),
}

/// The slowest reader that is served: 8 KiB a second. Who takes a byte now and then would otherwise
/// hold a frame, and with it the list as it once was, for ever.
const MIN_BYTES_PER_SECOND: usize = 8 * 1024;

/// Writes a frame as slowly as the client takes it, if that is not too slow altogether.
async fn write(
    out: &mut quinn::SendStream,
    frame: Bytes,
    stall_timeout: Duration,
) -> Result<Written, Unwritten> {
    let patience = stall_timeout + Duration::from_secs((frame.len() / MIN_BYTES_PER_SECOND) as u64);
    let given_up_at = now() + patience;
    let whole = frame.len();
    let mut written = Written::AtOnce;
    let mut rest = [frame];
    while !rest[0].is_empty() {
        let progress = out.write_chunks(&mut rest);
        match timeout_at(given_up_at.min(now() + stall_timeout), progress).await {
            Ok(Ok(taken)) if taken.bytes < whole => written = Written::AsItWasTaken,
            Ok(Ok(_)) => {}
            Ok(Err(quinn::WriteError::ConnectionLost(error))) => {
                return Err(Unwritten::Lost(error));
            }
            Ok(Err(_)) => return Err(Unwritten::Stopped),
            Err(_) => return Err(Unwritten::Stalled),
        }
    }
    Ok(written)
}

/// Gives up a stream that is not being read, so that nothing is held for it, and waits for the
/// client to notice: it is allowed one stream, so the next can be opened only then.
async fn restart(
    connection: &quinn::Connection,
    mut out: quinn::SendStream,
) -> Result<quinn::SendStream, Close> {
    // It fails when the client has stopped the stream meanwhile, which is as good.
    let _ = out.reset(CloseCode::TooSlow.into());
    drop(out);
    connection.open_uni().await.map_err(lost)
}

async fn timeout_at<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout_at(deadline.into(), future).await
}
