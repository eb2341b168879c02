//! A game server: hello, then heartbeats, of which the newest is listed.

use super::talk::{Answers, first_message, lost, move_seat, note, told};
use crate::{admission::Seat, metrics::Rejected, rules::Limit, shared::Shared};
use metaserve::{
    Close, CloseCode, Fingerprint, Limits, Role,
    protocol::{
        heartbeat::NoticeKind,
        session::daemon::{Effect, Fault, Publication, hello},
    },
    registry::{Applied, Registration, Waits},
    stream::Incoming,
    time::{now, sleep_until},
};
use std::net::SocketAddr;

/// Serves one game server, whose handshake came from `peer`, until its heartbeats end.
pub(super) async fn serve(
    connection: &quinn::Connection,
    peer: &SocketAddr,
    seat: &mut Seat,
    shared: &Shared,
) -> Result<(), Close> {
    let limits = &shared.rules().limits;
    // Boxed: what only the beginning needs is not kept for the connection's life.
    let (mut server, mut publication, mut incoming) =
        Box::pin(welcome(connection, peer, seat, limits, shared)).await?;
    server.listen(&mut publication, &mut incoming).await
    // The registration ends here: the list learns of it at once, on every path out.
}

/// Reads a server's hello, registers the server and sends the welcome.
async fn welcome<'a>(
    connection: &'a quinn::Connection,
    peer: &'a SocketAddr,
    seat: &'a mut Seat,
    limits: &'a Limits,
    shared: &'a Shared,
) -> Result<(Server<'a>, Publication<'a>, Incoming<'a>), Close> {
    let (message, incoming, rest) = first_message(Role::Heartbeat, connection, shared).await?;
    let (game, port) = hello(&message).map_err(|fault| told(fault, shared))?;
    note(&game);
    let identity = Fingerprint::of_peer(connection);
    let registered = shared
        .registry
        .register(&game, address(*peer, port), identity);
    let registration = registered.map_err(|error| {
        shared.metrics.rejected(Rejected::MaxGames);
        Close::new(CloseCode::OverCapacity, error.to_string())
    })?;
    let server = Server {
        connection,
        registration,
        port,
        peer,
        seat,
        answers: Answers::open(connection, limits).await?,
        shared,
    };
    Ok((server, Publication::new(limits, rest, now()), incoming))
}

/// Where players reach the server: at the address that it holds, by the port that it advertises.
fn address(held: SocketAddr, port: Option<u16>) -> SocketAddr {
    SocketAddr::new(held.ip(), port.unwrap_or(held.port()))
}

struct Server<'a> {
    connection: &'a quinn::Connection,
    registration: Registration,
    port: Option<u16>,
    /// Where its handshake came from.
    peer: &'a SocketAddr,
    seat: &'a mut Seat,
    answers: Answers,
    shared: &'a Shared,
}

impl Server<'_> {
    /// Reads all the time, and lists what the publication gives out.
    async fn listen(
        &mut self,
        publication: &mut Publication<'_>,
        incoming: &mut Incoming<'_>,
    ) -> Result<(), Close> {
        let watching = self.shared.whereabouts.watch(self.connection, *self.peer);
        let mut waits = None;
        while self.carry_out(publication, &mut waits).await? {
            tokio::select! {
                piece = incoming.next() => {
                    let heard = publication.handle(piece.map_err(lost)?);
                    heard.map_err(|it| self.told(it))?;
                }
                () = sleep_until(publication.due(now())) => {}
                () = self.registration.replaced() => return Err(replaced()),
                held = watching.moved() => {
                    self.follow(held)?;
                    waits = Box::pin(self.tell_wait()).await?;
                }
                () = listed(waits.as_deref()) => {
                    tracing::info!("listed: a row has become free");
                    waits = None;
                }
            }
        }
        Ok(())
    }

    /// Does what there is to do for now. Returns whether the server stays.
    async fn carry_out(
        &mut self,
        publication: &mut Publication<'_>,
        waits: &mut Option<Box<Waits>>,
    ) -> Result<bool, Close> {
        while let Some(effect) = publication.next(now()).map_err(|it| self.told(it))? {
            match effect {
                Effect::Heard(bytes, offered) => {
                    self.shared.metrics.received(bytes);
                    self.shared.metrics.held_back(offered);
                }
                Effect::List(heartbeat) => {
                    let applied = self.registration.heartbeat(heartbeat);
                    self.shared.metrics.heartbeat(applied);
                    match applied {
                        Applied::Replaced => return Err(replaced()),
                        Applied::Waits if waits.is_none() => {
                            *waits = Box::pin(self.tell_wait()).await?;
                        }
                        _ => {}
                    }
                }
                Effect::Notice(kind, text) => {
                    Box::pin(self.answers.notice(kind, &text)).await?;
                }
                Effect::Gone => return Ok(false),
            }
        }
        Ok(true)
    }

    fn told(&self, fault: Fault) -> Close {
        told(fault, self.shared)
    }

    /// Lists the server where it has moved to.
    fn follow(&mut self, held: SocketAddr) -> Result<(), Close> {
        move_seat(self.seat, held, Role::Heartbeat, self.shared)?;
        self.registration.move_to(address(held, self.port));
        Ok(())
    }

    /// Tells a server that waits for a row why.
    async fn tell_wait(&mut self) -> Result<Option<Box<Waits>>, Close> {
        let Some(waits) = self.registration.waits() else {
            return Ok(None);
        };
        self.shared.metrics.reached(Limit::MaxListedPerPrefix);
        let text = waits.why.to_string();
        self.answers.notice(NoticeKind::NotListed, &text).await?;
        Ok(Some(Box::new(waits)))
    }
}

/// Waits for a row, if that is what the server does. Boxed, since few servers do.
async fn listed(waits: Option<&Waits>) {
    match waits {
        Some(waits) => Box::pin(waits.listed()).await,
        None => std::future::pending().await,
    }
}

fn replaced() -> Close {
    let reason = "a newer connection with the same identity has taken this place: if two servers \
                  share one identity directory, give each its own";
    Close::new(CloseCode::Replaced, reason)
}
