//! From a TCP connection to requests: which peers are admitted, and how long they may stay.

use std::{net::SocketAddr, sync::Arc};

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metaserve::time::now;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    certificate::Certificate,
    settings::Limits,
    web::{Peer, banned},
};
use crate::bans::Guard;
use crate::peers::{Admitted, Entrance, Place, Trouble, accept, unless_lost};

/// The longest head of a request.
const HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of a request. Clients send fewer.
const MAX_HEADERS: usize = 64;

pub(super) struct Listener {
    pub(super) listener: TcpListener,
    pub(super) bans: Guard,
    pub(super) certificate: Arc<Certificate>,
    pub(super) entrance: Entrance,
    pub(super) limits: Limits,
    pub(super) routes: Router,
}

impl Listener {
    /// Accepts until `shutdown`. Serves each connection in a task of its own, tracked by `tasks`.
    pub(super) async fn run(self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let mut trouble = Trouble::default();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = accept(&self.listener, &mut trouble) => accepted,
                () = shutdown.cancelled() => return,
            };
            let admitted = self.entrance.admit(peer.ip(), now());
            let Some(Admitted { place, lost }) = admitted else {
                continue;
            };
            let connection = Connection {
                peer,
                bans: self.bans.clone(),
                acceptor: self.certificate.acceptor(),
                routes: self.routes.clone(),
                limits: self.limits,
                _place: place,
            };
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                let longest = connection.limits.connection;
                let served = connection.serve(stream, shutdown);
                // A peer that is slower than this is not a client.
                let served = async { drop(tokio::time::timeout(longest, served).await) };
                unless_lost(served, lost).await;
            });
        }
    }
}

struct Connection {
    peer: SocketAddr,
    bans: Guard,
    acceptor: TlsAcceptor,
    routes: Router,
    limits: Limits,
    _place: Place,
}

impl Connection {
    /// Serves the connection from the handshake to the last request.
    async fn serve(&self, stream: TcpStream, shutdown: CancellationToken) {
        // Fails only if the connection is gone.
        let _ = stream.set_nodelay(true);
        let peer = self.peer;
        let handshake = self.acceptor.accept(stream);
        let stream = tokio::select! {
            stream = tokio::time::timeout(self.limits.handshake, handshake) => stream,
            () = shutdown.cancelled() => return,
        };
        let stream = match stream {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%peer, "TLS handshake failed: {error}"),
            Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
        };
        let peer = Peer(peer.ip().to_canonical());
        let refused = self.bans.banned(peer.0);
        let routes = match refused {
            None => self.routes.clone().layer(Extension(peer)),
            Some(ban) => {
                tracing::debug!(peer = %peer.0, "refused over HTTPS: {ban} is banned");
                Router::new().fallback(async move || banned(&ban))
            }
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.handshake)
            .max_headers(MAX_HEADERS)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
        let mut connection = std::pin::pin!(connection);
        let come_to_be_banned = async {
            match refused {
                None => self.bans.until_banned(peer.0).await,
                Some(_) => std::future::pending().await,
            }
        };
        let served = tokio::select! {
            served = connection.as_mut() => served,
            ban = come_to_be_banned => {
                return tracing::info!(peer = %peer.0, "HTTPS connection closed: {ban} is banned");
            }
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(peer = %self.peer, "HTTPS connection lost: {error}");
        }
    }
}
