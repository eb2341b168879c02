//! Serving HTTP, for all roles: connections with bounds on their number, their requests and their time.

use axum::{
    Json, Router,
    extract::{ConnectInfo, Request},
    http::StatusCode,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metaserve::bounds::{Origin, Places, Room};
use serde_json::json;
use std::{net::SocketAddr, pin::pin, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower_http::add_extension::AddExtension;

/// The bounds of a server.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most connections at a time, WebSockets not counted. When all are there, a newcomer takes
    /// the place of one of an address that has more than others.
    pub connections: usize,
    /// The most of them from one address, or IPv6 /64; further ones are closed.
    pub of_an_address: usize,
    /// How long a client may take for the head of a request, and pause between two.
    pub head: Duration,
    /// How long a request may take, with the reading of its body. It is answered with 408 then.
    pub request: Duration,
    /// How long a connection may be used. A client connects again.
    pub life: Duration,
    /// How long its last answer may take then, or when the server ends. The connection is closed then,
    /// whether or not the client has read it.
    pub last: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 1_024,
            of_an_address: 256,
            head: Duration::from_secs(10),
            // Gateways wait 30 s for an answer of the accounts role.
            request: Duration::from_secs(35),
            life: Duration::from_secs(120),
            last: Duration::from_secs(10),
        }
    }
}

/// The longest head, in bytes, and the most lines of it.
const HEAD: (usize, usize) = (16 * 1024, 64);

/// The pause after an error of the operating system, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers with these routes until then, finishes the requests that have begun, and returns when all
/// connections have ended. Dropping it ends them at once; WebSockets go on. Handlers find the client's
/// address in `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    bounds: Bounds,
    until: CancellationToken,
) {
    let routes = routes.layer(from_fn(move |request, next| {
        in_time(request, next, bounds.request)
    }));
    let room = Room::new(bounds.connections, bounds.of_an_address);
    let (places, mut tasks) = (Places::default(), JoinSet::new());
    loop {
        let accepted = tokio::select! {
            () = until.cancelled() => break,
            Some(_) = tasks.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!("cannot accept an HTTP connection: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        let lost = CancellationToken::new();
        let taken = match places.take(Origin::new(peer.ip()), room, lost.clone()) {
            Ok(taken) => taken,
            Err(why) => {
                tracing::debug!(%peer, "an HTTP connection is closed: {why}");
                continue;
            }
        };
        if let Some(other) = taken.instead_of {
            other.cancel();
        }
        let connection = connection(stream, peer, routes.clone(), bounds, until.clone());
        tasks.spawn(async move {
            let _place = taken.place;
            lost.run_until_cancelled(connection).await;
        });
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Serves one connection, from its first request to its last, or until it is a WebSocket.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Router,
    bounds: Bounds,
    until: CancellationToken,
) {
    // This fails if the connection is gone.
    let _ = stream.set_nodelay(true);
    let service = AddExtension::new(routes, ConnectInfo(peer));
    let (bytes, lines) = HEAD;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_headers(lines)
        .max_buf_size(bytes)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = timeout(bounds.life, until.cancelled()) => {
            connection.as_mut().graceful_shutdown();
            match timeout(bounds.last, connection).await {
                Ok(ended) => ended,
                Err(_) => return tracing::debug!(%peer, "HTTP connection closed: too slow"),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, "HTTP connection lost: {error}");
    }
}

async fn in_time(request: Request, next: Next, within: Duration) -> Response {
    let answer = timeout(within, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        let why = json!({ "error": "the request was not complete in time" });
        (StatusCode::REQUEST_TIMEOUT, Json(why)).into_response()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Bytes, routing::any};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    /// Bounds that nothing here reaches, however busy the machine is.
    const WIDE: Bounds = Bounds {
        connections: 4,
        of_an_address: 4,
        head: Duration::from_secs(3_600),
        request: Duration::from_secs(3_600),
        life: Duration::from_secs(3_600),
        last: Duration::from_secs(3_600),
    };

    const BRIEF: Duration = Duration::from_millis(1);

    const ASKED: &str = "POST / HTTP/1.1\r\nhost: realm\r\ncontent-length: 1\r\n\r\n";

    /// A server that says what it was sent, or far more than anybody takes at once.
    async fn server(bounds: Bounds) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, until) = (listener.local_addr().unwrap(), CancellationToken::new());
        let routes = Router::new()
            .route("/", any(|body: Bytes| async { body }))
            .route("/long", any(|| async { vec![b'x'; 64 << 20] }));
        let server = serve(listener, routes, bounds, until.clone());
        (address, until, tokio::spawn(server))
    }

    async fn say(address: SocketAddr, text: &str) -> TcpStream {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client
    }

    /// What is heard until the connection ends.
    async fn heard(mut client: TcpStream) -> String {
        let mut text = Vec::new();
        let read = timeout(Duration::from_secs(60), client.read_to_end(&mut text)).await;
        // It may be reset.
        let _ = read.expect("the connection ends");
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn a_body_that_never_comes_is_not_waited_for() {
        let request = BRIEF;
        let (address, ..) = server(Bounds { request, ..WIDE }).await;
        let text = heard(say(address, ASKED).await).await;
        assert!(text.starts_with("HTTP/1.1 408"), "{text}");
        assert!(text.contains(r#"{"error":"#), "{text}");
    }

    #[tokio::test]
    async fn a_head_that_never_comes_is_not_waited_for() {
        let head = BRIEF;
        let (address, ..) = server(Bounds { head, ..WIDE }).await;
        heard(say(address, "POST / HT").await).await;
    }

    #[tokio::test]
    async fn who_does_not_read_is_not_waited_for() {
        let (life, last) = (Duration::from_secs(1), BRIEF);
        let (address, until, server) = server(Bounds { life, last, ..WIDE }).await;
        let client = say(address, "GET /long HTTP/1.1\r\nhost: realm\r\n\r\n").await;
        // Its answer has begun.
        client.readable().await.unwrap();
        until.cancel();
        let ended = timeout(Duration::from_secs(60), server).await;
        ended.expect("the server ends").unwrap();
        drop(client);
    }

    #[tokio::test]
    async fn one_address_has_so_many_connections_and_no_more() {
        let of_an_address = 1;
        let bounds = Bounds {
            of_an_address,
            ..WIDE
        };
        let (address, ..) = server(bounds).await;
        let mut first = say(address, ASKED).await;
        assert_eq!(heard(say(address, ASKED).await).await, "");
        first.write_all(b"x").await.unwrap();
        let mut answer = [0; 12];
        first.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    #[tokio::test]
    async fn a_request_that_has_begun_is_answered_when_the_server_ends() {
        let (address, until, server) = server(WIDE).await;
        let mut client = say(address, ASKED).await;
        // The head was read: only a handler answers this.
        client.write_all(b"x").await.unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).await.unwrap();
        until.cancel();
        server.await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}
