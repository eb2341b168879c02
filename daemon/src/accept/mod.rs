//! From a first packet to a connection with a role.

pub(crate) mod socket;

use crate::{
    admission::{self, Made, Obstacle, Seat, Slot, Verdict},
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

/// Accepts peers until it is dropped. Each gets a task of its own, which `closing` ends.
pub(crate) async fn run(shared: Arc<Shared>, closing: CancellationToken, tasks: TaskTracker) {
    while let Some(incoming) = shared.endpoint.accept().await {
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
                // Boxed: what only the handshake needs is not kept for the connection's life.
                let entering = Box::pin(enter(incoming, place, shared.clone()));
                let serve = serve(entering, shared.clone(), closing.clone());
                tasks.spawn(serve.instrument(span));
            }
            // It fails only for a peer that is validated already, which none here is.
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

/// A peer that has shaken hands and been admitted.
struct Entered {
    connection: quinn::Connection,
    role: Role,
    /// Nobody completes the handshake who does not receive what is sent there. From now on packets
    /// may claim to be from anywhere.
    peer: SocketAddr,
    seat: Seat,
}

/// The way in. Whoever does not get in is told why here.
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
        // rustls lets nobody through without one of our identifiers.
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

/// One peer, from handshake to goodbye.
async fn serve(
    entering: impl Future<Output = Option<Entered>> + Unpin,
    shared: Arc<Shared>,
    closing: CancellationToken,
) {
    let entered = tokio::select! {
        entered = entering => entered,
        // Who is not in yet tries again by himself.
        () = closing.cancelled() => return,
    };
    let Some(Entered {
        connection,
        role,
        peer,
        mut seat,
    }) = entered
    else {
        return;
    };
    let _counted = shared.metrics.connected(role);
    tracing::debug!("connected");
    let lost = seat.losing();
    let result = tokio::select! {
        result = connection::serve(role, &connection, peer, &mut seat, &shared) => result,
        () = lost.cancelled() => Err(crowded_out(role, &shared)),
        close = connection::unwelcome(role, &connection, peer, &shared) => Err(close),
        () = closing.cancelled() => {
            Err(Close::new(CloseCode::ShuttingDown, "the daemon is stopping: come back soon"))
        }
    };
    if let Some(code) = say_goodbye(&connection, result, &shared) {
        shared.metrics.closed(role, code);
    }
}

/// A place for a connection from this address, or what it is told instead.
fn admit(
    connection: &quinn::Connection,
    address: IpAddr,
    role: Role,
    shared: &Shared,
) -> Result<Seat, Close> {
    let rules = shared.rules();
    // Not worth a line to everybody: who is banned may come often.
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
    let (seat, made) = admitted.map_err(|no_place| {
        let (why, setting) = (no_place.why, no_place.limit.setting());
        tracing::warn!("refused: {why} ({setting})");
        shared.metrics.reached(no_place.limit);
        Close::new(CloseCode::OverCapacity, format!("{why}: try again later"))
    })?;
    if made == Made::OfAnother {
        shared.metrics.crowded_out(role.into());
    }
    Ok(seat)
}

/// What a peer is told that has lost its place to somebody else.
fn crowded_out(role: Role, shared: &Shared) -> Close {
    let room = admission::room(&shared.rules().limits, role);
    let places = room.pool.min(room.together);
    let reason = format!(
        "all {places} places are taken, and the addresses around this one have more than their \
         fair share: this connection was the newest of the one with the most"
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

/// Tells the peer why this is the end, and the operator. Gives the code, if the end is ours.
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
