//! From a TCP connection to requests: how many there can be, and how slow.

use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metaserve::program::{impatient::Impatient, listen};
use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The most connections at a time, at about 16 KiB each while a request is read. Others wait in the
/// kernel until one ends, which all do: see the times below.
pub(super) const MAX_CONNECTIONS: usize = 256;

/// How long a request's head can take, and how long a connection can be idle before the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client can leave an answer unread.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest head of a request, and the most lines in it.
const BUFFER_BYTES: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

/// How long requests can take to end once the agent is closing.
const GRACE: Duration = Duration::from_secs(2);

/// The pause after an error of the operating system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Opens the listener.
///
/// # Errors
/// When the address cannot be bound.
pub fn open(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = listen::tcp(address).and_then(TcpListener::from_std);
    listener.with_context(|| {
        format!("cannot take pushes at {address}: choose another address with --push")
    })
}

/// Answers with `routes` until `closing` is cancelled, and ends within 2 s of that. Each connection
/// has its own task.
pub(super) async fn run(listener: TcpListener, routes: Router, closing: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tasks = TaskTracker::new();
    while let Some(next) = closing
        .run_until_cancelled(accept(&listener, &places))
        .await
    {
        let (stream, place) = next;
        tasks.spawn(serve(stream, place, routes.clone(), closing.clone()));
    }
    tasks.close();
    tasks.wait().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let place = places.clone().acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!("cannot accept an HTTP connection: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection, from its first request to its last.
async fn serve(
    stream: TcpStream,
    _place: OwnedSemaphorePermit,
    routes: Router,
    closing: CancellationToken,
) {
    // This fails if the connection is gone.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, STALL_TIMEOUT);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(GRACE, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!("HTTP connection lost: {error}");
    }
}
