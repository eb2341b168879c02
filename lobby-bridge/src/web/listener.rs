//! From a TCP connection to requests: which peers are admitted, and how slow they may be.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router, response::Response};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use ipnet::IpNet;
use metaserve::{bans::Ban, program::impatient::Impatient, time::now};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::bans::Guard;
use crate::peers::{Admitted, Entrance, Place, Trouble, accept, unless_lost};

/// The longest head of a request.
const HEAD_BYTES: usize = 16 * 1024;
/// The most header lines of a request. Clients send fewer.
const MAX_HEADERS: usize = 64;

/// Returns the current certificate.
pub(crate) type Tls = Arc<dyn Fn() -> TlsAcceptor + Send + Sync>;

/// A listener, and what its connections may do.
pub(crate) struct Listener {
    pub(crate) listener: TcpListener,
    /// Connections from banned addresses are answered with `banned`, and those of addresses that
    /// come to be banned are closed.
    pub(crate) bans: Guard,
    pub(crate) banned: fn(&Ban) -> Response,
    /// How connections are encrypted, if they are.
    pub(crate) tls: Option<Tls>,
    pub(crate) entrance: Entrance,
    /// Peers that serve many clients, and their places.
    pub(crate) proxies: Option<(Vec<IpNet>, Entrance)>,
    pub(crate) patience: Patience,
    /// Each request has a [`Caller`] in its extensions.
    pub(crate) routes: Router,
}

/// How slow a peer may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the TLS handshake, for the head of a request, and between two requests.
    pub(crate) head: Duration,
    /// For leaving an answer unread.
    pub(crate) stall: Duration,
    /// For the whole connection.
    pub(crate) connection: Duration,
}

/// The address that a connection comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub(crate) IpAddr);

impl Listener {
    /// Accepts until `shutdown`. Serves each connection in a task of its own, tracked by `tasks`.
    pub(crate) async fn run(self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let mut trouble = Trouble::default();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = accept(&self.listener, &mut trouble) => accepted,
                () = shutdown.cancelled() => return,
            };
            let ip = peer.ip().to_canonical();
            let entrance = match &self.proxies {
                Some((proxies, entrance)) if proxies.iter().any(|it| it.contains(&ip)) => entrance,
                _ => &self.entrance,
            };
            let Some(Admitted { place, lost }) = entrance.admit(ip, now()) else {
                continue;
            };
            let connection = Connection {
                peer,
                bans: self.bans.clone(),
                banned: self.banned,
                acceptor: self.tls.as_ref().map(|tls| tls()),
                routes: self.routes.clone(),
                patience: self.patience,
                _place: place,
            };
            let shutdown = shutdown.clone();
            tasks.spawn(async move {
                let longest = connection.patience.connection;
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
    banned: fn(&Ban) -> Response,
    acceptor: Option<TlsAcceptor>,
    routes: Router,
    patience: Patience,
    _place: Place,
}

impl Connection {
    /// Serves the connection from the handshake to the last request.
    async fn serve(&self, stream: TcpStream, shutdown: CancellationToken) {
        // Fails only if the connection is gone.
        let _ = stream.set_nodelay(true);
        let stream = Impatient::new(stream, self.patience.stall);
        let Some(acceptor) = &self.acceptor else {
            return self.requests(stream, shutdown).await;
        };
        let peer = self.peer;
        let handshake = acceptor.accept(stream);
        let stream = tokio::select! {
            stream = tokio::time::timeout(self.patience.head, handshake) => stream,
            () = shutdown.cancelled() => return,
        };
        match stream {
            Ok(Ok(stream)) => self.requests(stream, shutdown).await,
            Ok(Err(error)) => tracing::debug!(%peer, "TLS handshake failed: {error}"),
            Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
        }
    }

    /// Serves all requests.
    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        shutdown: CancellationToken,
    ) {
        let caller = Caller(self.peer.ip().to_canonical());
        let (refused, banned) = (self.bans.banned(caller.0), self.banned);
        let routes = match refused {
            None => self.routes.clone().layer(Extension(caller)),
            Some(ban) => {
                tracing::debug!(peer = %caller.0, "refused over HTTP: {ban} is banned");
                Router::new().fallback(async move || banned(&ban))
            }
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.patience.head)
            .max_headers(MAX_HEADERS)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
        let mut connection = std::pin::pin!(connection);
        let come_to_be_banned = async {
            match refused {
                None => self.bans.until_banned(caller.0).await,
                Some(_) => std::future::pending().await,
            }
        };
        let served = tokio::select! {
            served = connection.as_mut() => served,
            ban = come_to_be_banned => {
                return tracing::info!(peer = %caller.0, "HTTP connection closed: {ban} is banned");
            }
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = served {
            tracing::debug!(peer = %self.peer, "HTTP connection lost: {error}");
        }
    }
}
