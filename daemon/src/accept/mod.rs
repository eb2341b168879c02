//! Accepting peers: from the first packet to a connection with a role.

use crate::{
    admission::{self, Obstacle, Seat, Slot, Vacancy, Verdict},
    connection,
    metrics::{BannedAt, Handshake},
    rules::Limit,
    shared::Shared,
};
use metaserve::{Close, CloseCode, Role, address::canonical, printable, time::now};
use quinn::crypto::rustls::HandshakeData;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Accepts the peers of one shard until it is dropped. Each gets a task of its own, which
/// `closing` ends.
pub(crate) async fn run(
    endpoint: quinn::Endpoint,
    shared: Arc<Shared>,
    closing: CancellationToken,
    tasks: TaskTracker,
) {
    while let Some(incoming) = endpoint.accept().await {
        let peer = canonical(incoming.remote_address());
        let validated = incoming.remote_address_validated();
        let metrics = &shared.metrics;
        let rules = shared.rules();
        let banned = rules.banned(peer.ip()).is_some();
        let verdict = shared.admission.first_packet(
            &rules.limits,
            rules.trusted.origin(peer.ip()),
            banned,
            validated,
            now(),
        );
        match verdict {
            Verdict::Accept(place) => {
                let span = tracing::info_span!(
                    "connection",
                    %peer,
                    role = tracing::field::Empty,
                    game = tracing::field::Empty
                );
                // Boxed so that the state of the handshake is freed when it is over, and not kept
                // for the whole connection.
                let entering = Box::pin(enter(incoming, place, shared.clone()));
                let serve = serve(entering, shared.clone(), closing.clone());
                tasks.spawn(serve.instrument(span));
            }
            // `retry` fails only for a peer that is already validated, and this one is not.
            Verdict::Validate(limit) => {
                metrics.handshake(Handshake::Retried);
                metrics.reached(limit);
                drop(incoming.retry());
            }
            Verdict::Refuse(obstacle) => {
                metrics.handshake(Handshake::Refused);
                match obstacle {
                    Obstacle::Banned => metrics.banned(BannedAt::FirstPacket),
                    Obstacle::Full(limit) => metrics.reached(limit),
                }
                incoming.refuse();
            }
            Verdict::Ignore => {
                metrics.handshake(Handshake::Ignored);
                metrics.reached(Limit::MaxHandshakes);
                incoming.ignore();
            }
        }
    }
}

/// A peer that has completed the handshake and was admitted.
struct Entered {
    connection: quinn::Connection,
    role: Role,
    /// The address of the handshake. Completing a handshake requires receiving packets there;
    /// packets after it may claim any source address.
    peer: SocketAddr,
    seat: Seat,
}

/// Shakes hands with a peer and admits it, or tells it why it is not admitted.
async fn enter(
    incoming: quinn::Incoming,
    _handshaking: Slot,
    shared: Arc<Shared>,
) -> Option<Entered> {
    let peer = canonical(incoming.remote_address());
    let connection = match handshake(incoming, &shared).await {
        Ok(connection) => connection,
        Err(error) => {
            shared.metrics.handshake(Handshake::Failed);
            tracing::info!("handshake failed: {}", printable(&error.to_string()));
            return None;
        }
    };
    shared.metrics.handshake(Handshake::Accepted);
    let Some(role) = role(&connection) else {
        // rustls completes no handshake without one of our ALPN identifiers.
        Close::new(CloseCode::ProtocolViolation, "unknown ALPN").close(&connection);
        return None;
    };
    tracing::Span::current().record("role", tracing::field::display(role));
    match admit(&connection, peer.ip(), role, &shared) {
        Ok(seat) => Some(Entered {
            connection,
            role,
            peer,
            seat,
        }),
        Err(close) => {
            shared.metrics.closed(role, close.code);
            close.close(&connection);
            None
        }
    }
}

/// Serves one peer, from handshake to goodbye.
async fn serve(
    entering: impl Future<Output = Option<Entered>> + Unpin,
    shared: Arc<Shared>,
    closing: CancellationToken,
) {
    let Some(mut entered) = (tokio::select! {
        entered = entering => entered,
        // A peer that is not admitted yet reconnects by itself.
        () = closing.cancelled() => None,
    }) else {
        return;
    };
    let Entered {
        connection,
        role,
        peer,
        seat,
    } = &mut entered;
    let (connection, role, peer) = (&*connection, *role, &*peer);
    let _counted = shared.metrics.connected(role);
    tracing::debug!("connected");
    let lost = seat.losing();
    let result = tokio::select! {
        result = connection::serve(role, connection, peer, seat, &shared) => result,
        () = lost.cancelled() => Err(crowded_out(role, &shared)),
        close = connection::unwelcome(role, connection, peer, &shared) => Err(close),
        () = closing.cancelled() => {
            Err(Close::new(CloseCode::ShuttingDown, "the daemon is stopping: reconnect soon"))
        }
    };
    if let Some(code) = say_goodbye(connection, result, &shared) {
        shared.metrics.closed(role, code);
    }
}

/// Gives a connection from this address a place, or the close to send instead.
fn admit(
    connection: &quinn::Connection,
    address: IpAddr,
    role: Role,
    shared: &Shared,
) -> Result<Seat, Close> {
    let rules = shared.rules();
    // Logged at debug level: a banned peer may try often.
    let banned = |_: &Close| tracing::debug!("refused: {address} is banned");
    shared.not_banned(address).inspect_err(banned)?;
    let origin = match role.trusted_only() {
        true => {
            let relay = connection::authorise(connection, &rules);
            admission::origin_of_relay(relay.inspect_err(tell_operator)?)
        }
        false => rules.trusted.origin(address),
    };
    let admitted = shared.admission.connection(&rules.limits, role, origin);
    let (seat, vacancy) = admitted.map_err(|no_place| {
        let (why, setting) = (no_place.why, no_place.limit.setting());
        tracing::warn!("refused: {why} ({setting})");
        shared.metrics.reached(no_place.limit);
        Close::new(CloseCode::OverCapacity, format!("{why}: try again later"))
    })?;
    if vacancy == Vacancy::TakenOver {
        shared.metrics.crowded_out(role.into());
    }
    Ok(seat)
}

/// The close for a peer whose place was given to another peer.
fn crowded_out(role: Role, shared: &Shared) -> Close {
    let room = admission::room(&shared.rules().limits, role);
    let places = room.pool.min(room.together);
    let reason = format!(
        "all {places} places are taken, and the network of this address has more than its fair share: \
         this connection is the newest one of the address with the most"
    );
    Close::new(CloseCode::OverCapacity, reason)
}

async fn handshake(
    incoming: quinn::Incoming,
    shared: &Shared,
) -> Result<quinn::Connection, quinn::ConnectionError> {
    let connecting = incoming.accept()?;
    let in_time = tokio::time::timeout(shared.rules().limits.hello_timeout, connecting).await;
    in_time.unwrap_or_else(|_| {
        shared.metrics.reached(Limit::HelloTimeout);
        Err(quinn::ConnectionError::TimedOut)
    })
}

fn role(connection: &quinn::Connection) -> Option<Role> {
    let data = connection
        .handshake_data()?
        .downcast::<HandshakeData>()
        .ok()?;
    Role::from_alpn(data.protocol.as_deref()?)
}

/// Closes the connection and tells the peer and the operator why. Returns the code if the daemon
/// closed it.
fn say_goodbye(
    connection: &quinn::Connection,
    result: Result<(), Close>,
    shared: &Shared,
) -> Option<CloseCode> {
    let close = result
        .err()
        .unwrap_or_else(|| Close::new(CloseCode::Goodbye, "goodbye"));
    let before = connection.close_reason();
    if before == Some(quinn::ConnectionError::TimedOut) {
        shared.metrics.reached(Limit::IdleTimeout);
    }
    let ours = before.is_none().then_some(close.code);
    match close.code {
        _ if before.is_some() => tracing::debug!("gone: {}", printable(&close.to_string())),
        CloseCode::Goodbye | CloseCode::ShuttingDown => tracing::debug!("closed: {close}"),
        _ => tell_operator(&close),
    }
    close.close(connection);
    ours
}

fn tell_operator(close: &Close) {
    tracing::warn!(code = close.code.name(), "closed: {}", close.reason);
}
