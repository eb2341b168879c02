//! From a first packet to a connection with a role.

use crate::{Shared, admission::Verdict, connection, metrics::Handshake};
use metaserve::{Close, CloseCode, Role};
use quinn::crypto::rustls::HandshakeData;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Accepts peers until it is dropped. Each gets a task of its own, which `closing` ends.
pub(crate) async fn run(shared: Arc<Shared>, closing: CancellationToken, tasks: TaskTracker) {
    while let Some(incoming) = shared.endpoint.accept().await {
        match shared
            .admission
            .first_packet(incoming.remote_address_validated())
        {
            Verdict::Accept(permit) => {
                let peer = connection::canonical(incoming.remote_address());
                let span = tracing::info_span!(
                    "connection",
                    %peer,
                    role = tracing::field::Empty,
                    game = tracing::field::Empty
                );
                let serve = serve(incoming, permit, shared.clone(), closing.clone());
                tasks.spawn(serve.instrument(span));
            }
            // It fails only for a peer that is validated already, which none here is.
            Verdict::Validate => {
                shared.metrics.handshake(Handshake::Retried);
                drop(incoming.retry());
            }
            Verdict::Ignore => {
                shared.metrics.handshake(Handshake::Ignored);
                incoming.ignore();
            }
        }
    }
}

/// One peer, from handshake to goodbye.
async fn serve(
    incoming: quinn::Incoming,
    handshaking: OwnedSemaphorePermit,
    shared: Arc<Shared>,
    closing: CancellationToken,
) {
    let connection = tokio::select! {
        connection = handshake(incoming, &shared) => connection,
        // Who is not in yet tries again by himself.
        () = closing.cancelled() => return,
    };
    let connection = match connection {
        Ok(connection) => connection,
        Err(error) => {
            shared.metrics.handshake(Handshake::Failed);
            return tracing::info!("handshake failed: {error}");
        }
    };
    shared.metrics.handshake(Handshake::Accepted);
    let Some(role) = role(&connection) else {
        // rustls lets nobody through without one of our identifiers.
        return Close::new(CloseCode::ProtocolViolation, "unknown ALPN").close(&connection);
    };
    tracing::Span::current().record("role", tracing::field::display(role));
    let Some(_place) = shared.admission.connection() else {
        let limit = shared.config.limits.max_connections;
        let reason = format!("all {limit} places of this daemon are taken: try again later");
        tracing::warn!("refused: all {limit} places are taken (--max-connections)");
        shared.metrics.closed(role, CloseCode::OverCapacity);
        return Close::new(CloseCode::OverCapacity, reason).close(&connection);
    };
    drop(handshaking);
    let _counted = shared.metrics.connected(role);
    tracing::debug!("connected");
    let result = tokio::select! {
        result = connection::serve(role, &connection, &shared) => result,
        () = closing.cancelled() => {
            Err(Close::new(CloseCode::ShuttingDown, "the daemon is stopping: come back soon"))
        }
    };
    if let Some(code) = say_goodbye(&connection, result) {
        shared.metrics.closed(role, code);
    }
}

async fn handshake(
    incoming: quinn::Incoming,
    shared: &Shared,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let connecting = incoming.accept()?;
    let in_time = tokio::time::timeout(shared.config.limits.hello_timeout, connecting).await;
    in_time.unwrap_or(Err(quinn::ConnectionError::TimedOut))
}

fn role(connection: &quinn::Connection) -> Option<Role> {
    let data = connection
        .handshake_data()?
        .downcast::<HandshakeData>()
        .ok()?;
    Role::from_alpn(data.protocol.as_deref()?)
}

/// Tells the peer why this is the end, and the operator. Gives the code, if the end is ours.
fn say_goodbye(connection: &quinn::Connection, result: Result<(), Close>) -> Option<CloseCode> {
    let close = result
        .err()
        .unwrap_or_else(|| Close::new(CloseCode::Goodbye, "goodbye"));
    let ours = connection.close_reason().is_none().then_some(close.code);
    match close.code {
        _ if connection.close_reason().is_some() => tracing::debug!("gone: {close}"),
        CloseCode::Goodbye | CloseCode::ShuttingDown => tracing::debug!("closed: {close}"),
        code => tracing::warn!(code = code.name(), "closed: {}", close.reason),
    }
    close.close(connection);
    ours
}
