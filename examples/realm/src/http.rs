//! Serving HTTP: connections with bounds.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The most connections at a time; further ones wait until one ends.
const CONNECTIONS: usize = 4_096;

/// How long a client may take to send the head of a request, also the next one over a connection.
const HEAD: Duration = Duration::from_secs(10);

/// The longest head, in bytes, and the most lines of it.
const HEAD_BYTES: (usize, usize) = (16 * 1024, 64);

/// How long connections may take to end.
const DRAIN: Duration = Duration::from_secs(10);

/// Answers with these routes until then, and returns when all connections have ended. Handlers find
/// the client's address in `ConnectInfo<SocketAddr>`.
pub async fn serve(listener: TcpListener, routes: Router, until: CancellationToken) {
    let (places, tasks) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    let accept = async {
        // Nobody closes it.
        while let Ok(place) = places.clone().acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, routes.clone(), until.clone());
                    tasks.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!("cannot accept an HTTP connection: {error}");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    until.run_until_cancelled(accept).await;
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some HTTP connections have not ended in time");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, routes: Router, until: CancellationToken) {
    // This fails if the connection is gone.
    let _ = stream.set_nodelay(true);
    let routes = routes.layer(axum::Extension(axum::extract::ConnectInfo(peer)));
    let (bytes, lines) = HEAD_BYTES;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(lines)
        .max_buf_size(bytes)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, "HTTP connection lost: {error}");
    }
}
