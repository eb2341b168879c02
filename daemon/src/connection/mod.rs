//! How each role is served.

mod client;
mod heartbeat;
mod names;
mod relay;
mod talk;

use crate::{admission::Seat, rules::Rules, shared::Shared};
use metaserve::{Close, Fingerprint, Role};
use std::net::SocketAddr;
use talk::move_seat;

/// Serves a peer, whose handshake came from `peer`, until it leaves (`Ok`), is lost, or has to be
/// closed. Boxed, so that each role takes the memory that it needs, and not that of the others.
pub(crate) async fn serve(
    role: Role,
    connection: &quinn::Connection,
    peer: &SocketAddr,
    seat: &mut Seat,
    shared: &Shared,
) -> Result<(), Close> {
    match role {
        Role::Heartbeat => Box::pin(heartbeat::serve(connection, peer, seat, shared)).await,
        Role::Client => {
            let moves = follow_client(connection, *peer, seat, shared);
            Box::pin(client::serve(connection, moves, shared)).await
        }
        Role::Relay => Box::pin(relay::serve(connection, shared)).await,
        Role::Names => Box::pin(names::serve(connection, peer, seat, shared)).await,
    }
}

/// Counts a client at every address that it moves to, until it may not be there.
async fn follow_client(
    connection: &quinn::Connection,
    peer: SocketAddr,
    seat: &mut Seat,
    shared: &Shared,
) -> Close {
    let watching = shared.whereabouts.watch(connection, peer);
    loop {
        if let Err(close) = move_seat(seat, watching.moved().await, Role::Client, shared) {
            return close;
        }
    }
}

/// Waits until the peer, whose handshake came from `peer`, is no longer welcome. Returns why.
/// Cancel-safe.
pub(crate) async fn unwelcome(
    role: Role,
    connection: &quinn::Connection,
    peer: &SocketAddr,
    shared: &Shared,
) -> Close {
    let mut rules = shared.rules.subscribe();
    loop {
        rules.mark_unchanged();
        if let Err(close) = still_welcome(role, connection, peer, shared) {
            return close;
        }
        if rules.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn still_welcome(
    role: Role,
    connection: &quinn::Connection,
    peer: &SocketAddr,
    shared: &Shared,
) -> Result<(), Close> {
    shared.not_banned(peer.ip())?;
    shared.not_banned(connection.remote_address().ip())?;
    if role.trusted_only() {
        authorise(connection, &shared.rules())?;
    }
    Ok(())
}

/// The relay's certificate, if the operator trusts it.
pub(crate) fn authorise(
    connection: &quinn::Connection,
    rules: &Rules,
) -> Result<Fingerprint, Close> {
    relay::authorise(Fingerprint::of_peer(connection), &rules.trust_relay)
}
