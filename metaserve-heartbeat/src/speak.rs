//! A session over one connection, from the first word to the goodbye.

use crate::{Error, notices::Notices};
use futures::{Stream, StreamExt};
use metaserve::{
    Close, CloseCode,
    protocol::{
        roles::GOODBYE_TIMEOUT,
        session::{
            Say, Speaker,
            speaker::{Effect, Event},
        },
    },
    stream::Incoming,
    time::{now, sleep_until},
};
use std::pin::Pin;

/// Speaks until there are no more items (`Ok`), or the connection ends. Calls `welcomed` when the
/// daemon has let us in. A daemon that breaks the protocol is told how.
///
/// Dropping it closes nothing, and forgets no item but the one that is being written; the
/// connection is of no further use.
pub(crate) async fn speak<W, S>(
    connection: &quinn::Connection,
    session: &mut Speaker<W>,
    notices: &mut Notices,
    items: Pin<&mut S>,
    welcomed: impl FnMut(),
) -> Result<(), Error>
where
    S: Stream,
    W: Say<S::Item>,
{
    let ended = speak_open(connection, session, notices, items, welcomed).await;
    if let Some(violation) = ended.as_ref().err().and_then(Error::violation) {
        violation.close(connection);
    }
    ended
}

async fn speak_open<W, S>(
    connection: &quinn::Connection,
    session: &mut Speaker<W>,
    notices: &mut Notices,
    mut items: Pin<&mut S>,
    mut welcomed: impl FnMut(),
) -> Result<(), Error>
where
    S: Stream,
    W: Say<S::Item>,
{
    let mut out = connection.open_uni().await?;
    let mut incoming = Incoming::new(connection);
    session.handle(Event::<S::Item>::Connected, now())?;
    loop {
        while let Some(effect) = session.next(now())? {
            match effect {
                Effect::Send(frame) => {
                    // A stream that cannot be written is a connection that is closed, or about to be.
                    if out.write_chunk(frame).await.is_err() {
                        return Err(connection.closed().await.into());
                    }
                }
                Effect::Welcomed => welcomed(),
                Effect::Hear(notice) => notices.hear(notice),
                Effect::NotUnderstood(variant) => {
                    tracing::debug!("ignored a message of the daemon of unknown variant {variant}");
                }
                Effect::Finish => {
                    goodbye(connection, out).await;
                    return Ok(());
                }
            }
        }
        let event = tokio::select! {
            item = items.next() => {
                tokio::task::consume_budget().await;
                item.map_or(Event::Ended, Event::Say)
            }
            () = sleep_until(session.due(now())) => continue,
            piece = incoming.next() => Event::Piece(piece?),
            ended = connection.closed() => return Err(ended.into()),
        };
        session.handle(event, now())?;
    }
}

/// Ends the stream, which takes what was listed off the list, and waits for the daemon to close.
async fn goodbye(connection: &quinn::Connection, mut out: quinn::SendStream) {
    // It fails when the connection is closed already, which is what it is for.
    let _ = out.finish();
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, connection.closed()).await;
    Close::new(CloseCode::Goodbye, "the server has ended").close(connection);
}

/// Keeps the newest items while there is no connection, until there are no more.
///
/// Cancel-safe.
pub(crate) async fn listen<W, S>(
    session: &mut Speaker<W>,
    notices: &mut Notices,
    mut items: Pin<&mut S>,
) where
    S: Stream,
    W: Say<S::Item>,
{
    while let Some(item) = items.next().await {
        let now = now();
        // There is nothing to do without a connection, and nothing to go wrong, but to hear what
        // was left out.
        let _ = session.handle(Event::Say(item), now);
        while let Ok(Some(Effect::Hear(notice))) = session.next(now) {
            notices.hear(notice);
        }
        tokio::task::consume_budget().await;
    }
}
