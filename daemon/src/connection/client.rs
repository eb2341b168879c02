//! A game client: sends one frame after the other, as fast as the client reads.

use super::talk::{Unwritten, first_message, lost, note, open_stream, told, write};
use crate::{metrics::Way, rules::Limit, shared::Shared};
use metaserve::{
    Close, CloseCode, Role,
    feed::Subscription,
    protocol::{
        client::Compression,
        session::daemon::{Quiet, Written, subscription},
    },
    stream::Incoming,
};

/// Serves one game client until it goes, or `moves` tells that it may not be where it is now.
pub(super) async fn serve(
    connection: &quinn::Connection,
    moves: impl Future<Output = Close>,
    shared: &Shared,
) -> Result<(), Close> {
    tokio::select! {
        result = list(connection, shared) => result,
        close = moves => Err(close),
    }
}

/// Reads what a client subscribes to, and sends it.
async fn list(connection: &quinn::Connection, shared: &Shared) -> Result<(), Close> {
    let (subscribe, incoming, rest) = first_message(Role::Client, connection, shared).await?;
    let told = |fault| told(fault, shared);
    let subscribe = subscription(&subscribe).map_err(told)?;
    let quiet = Quiet::new(&rest).map_err(told)?;
    subscribe.game.iter().for_each(note);
    let feed = shared.feeds.of(subscribe.game.as_ref());
    let subscription = feed.subscribe(subscribe.known);
    let following = async {
        // A list without the servers of other members would look as if they had all left.
        shared.joined().await;
        follow(connection, shared, subscription, subscribe.compression).await
    };
    tokio::select! {
        result = following => result,
        close = hear(connection, shared, incoming, &quiet) => Err(close),
    }
}

/// Waits until the client sends anything more, or is gone. Returns how to close the connection.
async fn hear(
    connection: &quinn::Connection,
    shared: &Shared,
    mut incoming: Incoming<'_>,
    quiet: &Quiet,
) -> Close {
    loop {
        match incoming.next().await.map(|piece| quiet.handle(&piece)) {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => break,
            Ok(Err(fault)) => return told(fault, shared),
            Err(error) => return lost(error),
        }
    }
    match connection.accept_uni().await {
        Ok(_) => told(Quiet::broken(), shared),
        Err(error) => lost(error),
    }
}

async fn follow(
    connection: &quinn::Connection,
    shared: &Shared,
    mut subscription: Subscription,
    compression: Compression,
) -> Result<(), Close> {
    let stall_timeout = shared.rules().limits.stall_timeout;
    let mut out = open_stream(connection).await?;
    loop {
        let frame = tokio::select! {
            frame = subscription.next() => frame,
            error = connection.closed() => return Err(lost(error)),
        };
        let bytes = frame.bytes(compression);
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

/// Gives up a stream that is not being read, so that nothing is held for it, and waits for the
/// client to notice: it is allowed one stream, so the next can be opened only then.
async fn restart(
    connection: &quinn::Connection,
    mut out: quinn::SendStream,
) -> Result<quinn::SendStream, Close> {
    // It fails if the client has stopped the stream, which has the same effect.
    let _ = out.reset(CloseCode::TooSlow.into());
    drop(out);
    connection.open_uni().await.map_err(lost)
}
