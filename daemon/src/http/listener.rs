//! From a TCP connection to requests: who may come in, and how slow he may be.

use super::{Web, routes};
use crate::cli::{Config, Http};
use anyhow::{Context as _, bail};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Sleep,
};
use tokio_util::task::TaskTracker;

/// The longest head of a request, and about what is held for a client that reads slowly besides
/// the frame it is being given.
const BUFFER_BYTES: usize = 16 * 1024;

/// More lines than any browser's request has.
const MAX_HEADERS: usize = 64;

/// How many are told at one time that there is no place for them; others are closed in silence.
const MAX_REFUSALS: usize = 64;

/// How long one that is refused may take to hear it.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// After an error of the operating system, such as too many open files: others have to go first.
const PAUSE: Duration = Duration::from_millis(100);

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json\r\nretry-after: 10\r\nconnection: close\r\n\
    content-length: 84\r\n\r\n\
    {\"error\":\"all places for HTTP connections are taken (--max-http-connections): wait\"}";

/// Opens the listener; none when there is to be none, or when nobody has asked for it and the
/// default address cannot be had: another daemon on this machine may have it.
pub(crate) fn open(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let bind = |address| {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    match config.http {
        Http::Off => Ok(None),
        Http::IfFree(address) => Ok(bind(address)
            .inspect_err(|error| {
                tracing::warn!(
                    "serving no HTTP: {address} cannot be had ({error}); choose another address \
                     with --http, or --http off"
                );
            })
            .ok()),
        Http::At(address) => match bind(address) {
            Ok(listener) => Ok(Some(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "TCP port {} is in use, perhaps by another daemon: stop that one, choose another \
                 address with --http, or use --http off",
                address.port()
            ),
            Err(error) => Err(error).with_context(|| {
                format!(
                    "cannot serve HTTP on {address}: choose an address of this machine with \
                     --http, or use --http off"
                )
            }),
        },
    }
}

/// Serves until `web` is closing. Each connection gets a task of its own.
pub(crate) async fn run(listener: TcpListener, web: Web, tasks: TaskTracker) {
    let places = web.shared.config.limits.max_http_connections;
    let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
    let refusals = Arc::new(Semaphore::new(MAX_REFUSALS));
    let routes = routes(web.clone());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = web.closing.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("an HTTP connection could not be accepted: {error}");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        if let Ok(place) = places.clone().try_acquire_owned() {
            tasks.spawn(serve(stream, peer, place, routes.clone(), web.clone()));
        } else if let Ok(place) = refusals.clone().try_acquire_owned() {
            tracing::debug!(%peer, "refused: all places for HTTP are taken");
            tasks.spawn(refuse(stream, place));
        }
    }
}

/// One connection, from its first request to its last.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
    routes: Router,
    web: Web,
) {
    let limits = &web.shared.config.limits;
    // It fails for a connection that is gone.
    let _ = stream.set_nodelay(true);
    let stream = Impatient {
        stream,
        timeout: limits.stall_timeout,
        stalled: None,
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.hello_timeout)
        .max_headers(MAX_HEADERS)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = web.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, "HTTP connection lost: {error}");
    }
}

/// Says why, and reads what the peer still sends: else the reset that follows unread bytes would
/// overtake the answer.
async fn refuse(mut stream: TcpStream, _place: OwnedSemaphorePermit) {
    let say = async {
        let mut rest = [0; 1024];
        // Clients take an answer that comes before their question for a mistake.
        if stream.read(&mut rest).await? == 0 {
            return Ok(());
        }
        stream.write_all(REFUSAL).await?;
        stream.shutdown().await?;
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether it has heard or not, that is all there is for it.
    let _ = tokio::time::timeout(REFUSAL_TIMEOUT, say).await;
}

/// A stream that fails when its peer takes nothing for the whole timeout.
struct Impatient {
    stream: TcpStream,
    timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    /// Passes progress on, and turns too long a wait for it into an error.
    fn progress<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timeout = self.timeout;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.progress(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_goes_on_without_http_unless_it_was_asked_for() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let mut config = Config::new("/nowhere".into());
        config.http = Http::IfFree(address);
        assert!(open(&config).unwrap().is_none());
        config.http = Http::At(address);
        let complaint = open(&config).unwrap_err().to_string();
        assert!(complaint.contains("--http off"), "{complaint}");
    }

    #[test]
    fn a_refusal_is_as_long_as_it_says() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("content-length: {}", body.len());
        assert!(head.ends_with(&length), "{length}");
    }
}
