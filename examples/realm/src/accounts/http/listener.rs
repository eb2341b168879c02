//! From a TCP connection to requests: how many, and how slow they can be.

use axum::{Router, extract::ConnectInfo};
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
use tower_http::add_extension::AddExtension;

/// The most connections at a time; others wait to be accepted.
const CONNECTIONS: usize = 1_024;

/// How long a client may take for the head of a request, and pause between two.
const HEAD: Duration = Duration::from_secs(30);

/// How long a connection may be used. A client connects again.
const LIFE: Duration = Duration::from_secs(600);

/// How long its last request may take then, and the last answers when the process ends.
const LAST: Duration = Duration::from_secs(10);

/// The longest head of a request.
const BUFFER_BYTES: usize = 16 * 1024;

/// The pause after an error of the operating system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers with `routes` until `until`, and finishes the requests that have begun.
pub(in crate::accounts) async fn serve(
    listener: TcpListener,
    routes: Router,
    until: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let tasks = TaskTracker::new();
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let served = connection(stream, peer, routes.clone(), until.clone());
                    tasks.spawn(async move {
                        let _place = place;
                        served.await;
                    });
                }
                Err(error) => {
                    tracing::warn!("cannot accept an HTTP connection: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    };
    until.run_until_cancelled(accepting).await;
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

/// Serves one connection, from its first request to its last.
async fn connection(stream: TcpStream, peer: SocketAddr, routes: Router, until: CancellationToken) {
    // This fails if the connection is gone.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(
            TokioIo::new(stream),
            TowerToHyperService::new(AddExtension::new(routes, ConnectInfo(peer))),
        );
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = async {
            tokio::select! {
                () = until.cancelled() => {}
                () = sleep(LIFE) => {}
            }
        } => {
            connection.as_mut().graceful_shutdown();
            match timeout(LAST, connection).await {
                Ok(result) => result,
                Err(_) => return tracing::debug!(%peer, "HTTP connection closed: too slow"),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, "HTTP connection lost: {error}");
    }
}
