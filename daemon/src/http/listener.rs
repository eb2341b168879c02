//! From a TCP connection to requests: which connections are accepted, and how slow they can be.

use super::{client::Caller, web::Web};
use crate::{
    admission::{Seat, Seats, Slot, Slots, Vacancy},
    metrics::{BannedAt, Pool},
    rules::{Limit, banned, banned_close},
    settings::Settings,
    shared::Shared,
};
use anyhow::{Context as _, bail};
use axum::{Router, http::StatusCode};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metaserve::{
    announce::Problem,
    bounds::Room,
    program::impatient::{self, Impatient},
};
use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;
use tower_http::add_extension::AddExtension;

/// The longest head of a request. For a client that reads slowly, the daemon holds about this much
/// besides the frame that it is sending.
const BUFFER_BYTES: usize = 16 * 1024;

/// The most header lines of a request; browsers send fewer.
const MAX_HEADERS: usize = 64;

/// The most connections at a time that are refused with an answer, at some 4 KB each. Others are
/// closed without one.
const MAX_REFUSALS: usize = 1024;

/// How long a refused client can take to read the answer.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause after an error of the operating system, such as too many open files: other connections
/// have to end first.
const PAUSE: Duration = Duration::from_millis(100);

/// The answer to a client whose request is not read.
fn refusal(problem: &Problem) -> Vec<u8> {
    let (head, body) = problem.response().into_parts();
    let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in &head.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    let length = body.len();
    let rest = format!("connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    bytes.extend(rest.into_bytes());
    bytes
}

/// Opens the listener. None when HTTP is off, or when the default address is not available and the
/// operator has not asked for it: another daemon on this machine may use it.
pub(crate) fn open(settings: &Settings) -> anyhow::Result<Option<TcpListener>> {
    let opened = settings.http.open(|address, error| {
        tracing::warn!(
            "HTTP is off: cannot bind {address} ({error}); choose another address with \
             --http, or use --http off"
        );
    });
    match opened {
        Ok(listener) => Ok(listener.map(TcpListener::from_std).transpose()?),
        Err((address, error)) if error.kind() == io::ErrorKind::AddrInUse => bail!(
            "TCP port {} is in use, perhaps by another daemon: stop that one, choose another \
             address with --http, or use --http off",
            address.port()
        ),
        Err((address, error)) => Err(error).with_context(|| {
            format!(
                "cannot serve HTTP on {address}: choose an address of this machine with \
                 --http, or use --http off"
            )
        }),
    }
}

/// Answers with `routes` until `web` closes. Each connection has its own task.
pub(super) async fn run(listener: TcpListener, routes: Router, web: Web, tasks: TaskTracker) {
    let places = Seats::default();
    let refusals = Slots::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = web.closing.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot accept an HTTP connection: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let peer = metaserve::address::canonical(peer);
        match admit(peer.ip(), &places, &web.shared) {
            Ok(place) => {
                tasks.spawn(serve(stream, peer, place, routes.clone(), web.clone()));
            }
            Err(refusal) => {
                if let Some(slot) = refusals.take(MAX_REFUSALS) {
                    tasks.spawn(refuse(stream, refusal, slot));
                }
            }
        }
    }
}

/// A place for a connection, or the answer that refuses it.
fn admit(peer: IpAddr, places: &Seats, shared: &Shared) -> Result<Seat, Vec<u8>> {
    let rules = shared.rules();
    if let Some(ban) = rules.banned(peer) {
        shared.metrics.banned(BannedAt::Http);
        let problem = Problem::new(StatusCode::FORBIDDEN, banned_close(ban).reason);
        return Err(refusal(&problem));
    }
    // No limit per address: behind a proxy all clients have the same one.
    let room = Room::new(rules.limits.max_http_connections, usize::MAX);
    let taken = places.take(rules.trusted.origin(peer), room);
    let (seat, vacancy) = taken.map_err(|why| {
        shared.metrics.reached(Limit::MaxHttpConnections);
        let reason = format!("HTTP connections: {why} (--max-http-connections): try again later");
        refusal(&Problem::for_now(10, reason))
    })?;
    if vacancy == Vacancy::TakenOver {
        shared.metrics.crowded_out(Pool::Http);
    }
    Ok(seat)
}

/// Serves one connection, from its first request to its last.
async fn serve(stream: TcpStream, peer: SocketAddr, seat: Seat, routes: Router, web: Web) {
    let lost = seat.losing();
    let caller = Caller::new(peer.ip(), seat);
    let _counted = web.shared.metrics.connected_http();
    let limits = &web.shared.rules().limits;
    // This fails if the connection is gone.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, limits.stall_timeout);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.hello_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(
            TokioIo::new(stream),
            TowerToHyperService::new(AddExtension::new(routes, caller.clone())),
        );
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = web.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = lost.cancelled() => {
            return tracing::debug!(%peer, "HTTP connection closed: another address needs its place");
        }
        ban = banned(web.shared.rules.subscribe(), || caller.client()) => {
            web.shared.metrics.banned(BannedAt::Http);
            return tracing::info!(%peer, "HTTP connection closed: {ban} is banned");
        }
    };
    if let Err(error) = result {
        if impatient::has_stalled(&error) {
            web.shared.metrics.reached(Limit::StallTimeout);
        }
        tracing::debug!(%peer, "HTTP connection lost: {error}");
    }
}

/// Waits for the request, answers with the refusal, and closes. The rest of a longer request is read
/// first: otherwise the reset that follows unread bytes would overtake the answer.
async fn refuse(mut stream: TcpStream, refusal: Vec<u8>, _slot: Slot) {
    let say = async {
        let mut bytes = [0; 2048];
        // Clients treat an answer before their request as an error.
        let asked = stream.read(&mut bytes).await?;
        if asked == 0 {
            return Ok(());
        }
        let whole = bytes[..asked].ends_with(b"\r\n\r\n");
        stream.write_all(&refusal).await?;
        stream.shutdown().await?;
        while !whole && stream.read(&mut bytes).await? > 0 {}
        io::Result::Ok(())
    };
    // There is nothing more to do if the peer has not read it.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, say).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Http;

    #[test]
    fn a_second_daemon_starts_without_http_unless_http_was_requested() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let mut settings = Settings::new("/nowhere".into());
        settings.http = Http::IfFree(address);
        assert!(open(&settings).unwrap().is_none());
        settings.http = Http::At(address);
        let complaint = open(&settings).unwrap_err().to_string();
        assert!(complaint.contains("--http off"), "{complaint}");
    }
}
