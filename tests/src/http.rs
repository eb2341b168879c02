//! A small HTTP client for the requests of a browser or a script.

use crate::patiently;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::{net::TcpSocket, task::JoinHandle};

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The status code, such as 200.
    pub status: u16,
    /// The headers.
    pub headers: hyper::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// A header as text; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.get(name).map(|value| value.to_str());
        header.unwrap_or(Ok("")).expect("text")
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Requests `path` on a new connection.
///
/// # Panics
/// When there is no response.
pub async fn get(daemon: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    try_get(daemon, path, headers).await.expect("an answer")
}

/// Sends a request with a body on a new connection, from this loopback address.
///
/// # Panics
/// When there is no response.
pub async fn send(
    from: IpAddr,
    daemon: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let connection = Connection::from(from, daemon).await;
    let mut connection = connection.expect("a connection");
    let answer = connection.send(method, path, headers, body).await;
    answer.expect("an answer")
}

/// Requests `path` until the response is 200, each time on a new connection: for a daemon whose
/// limits are so tight that a busy machine can make any client too slow.
///
/// # Panics
/// When the response is never 200.
pub async fn get_in_the_end(daemon: SocketAddr, path: &str) -> Answer {
    let ask = async {
        loop {
            match try_get(daemon, path, &[]).await {
                Ok(answer) if answer.status == 200 => break answer,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    patiently(path, ask).await
}

async fn try_get(
    daemon: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> hyper::Result<Answer> {
    let mut connection = Connection::from(Ipv4Addr::UNSPECIFIED.into(), daemon).await?;
    connection.get(path, headers).await
}

/// A connection for several requests, kept open in between.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    daemon: SocketAddr,
    task: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    /// Connects from this loopback address, such as 127.9.8.7.
    ///
    /// # Errors
    /// When the connection is lost.
    ///
    /// # Panics
    /// When nothing listens.
    pub async fn from(address: IpAddr, daemon: SocketAddr) -> hyper::Result<Self> {
        let socket = match daemon {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let socket = socket.expect("a socket");
        socket.bind((address, 0).into()).expect("an own address");
        let stream = patiently("a connection", socket.connect(daemon)).await;
        let stream = TokioIo::new(stream.expect("HTTP is served"));
        let (sender, connection) = http1::handshake(stream).await?;
        Ok(Self {
            sender,
            daemon,
            task: tokio::spawn(connection),
        })
    }

    /// Requests `path`.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> hyper::Result<Answer> {
        self.send(Method::GET, path, headers, Bytes::new()).await
    }

    /// Sends a request with a body, which is empty for most. It is for the daemon's own address,
    /// unless a header `host` says otherwise.
    ///
    /// # Errors
    /// When the connection is lost.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> hyper::Result<Answer> {
        let body = body.into();
        let ask = async {
            let response = self.request(method, path, headers, body).await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = response.into_body().collect().await?.to_bytes();
            Ok(Answer {
                status,
                headers,
                body,
            })
        };
        patiently(path, ask).await
    }

    /// Waits until the daemon has closed the connection.
    pub async fn closed(self) {
        // Any kind of end will do.
        let _ = patiently("the daemon's close", self.task).await;
    }

    async fn request(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> hyper::Result<Response<Incoming>> {
        let request = Request::builder().method(method).uri(path);
        let mut request = match headers.iter().any(|(name, _)| *name == "host") {
            true => request,
            false => request.header("host", self.daemon.to_string()),
        };
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("a request");
        self.sender.send_request(request).await
    }
}

/// One server-sent event.
#[derive(Debug)]
pub struct Event {
    /// The event's name, such as `snapshot`.
    pub name: String,
    /// The id, from which `Last-Event-ID` resumes.
    pub id: String,
    /// The data.
    pub data: serde_json::Value,
}

/// A listener to server-sent events.
pub struct Listener {
    body: Incoming,
    text: String,
    /// The length of the text that is known to contain no end of an event.
    searched: usize,
}

impl Listener {
    /// Starts listening.
    ///
    /// # Errors
    /// The status, when the request is refused.
    ///
    /// # Panics
    /// When there is no response, or one of another kind.
    pub async fn new(
        daemon: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        Self::from(Ipv4Addr::UNSPECIFIED.into(), daemon, path, headers).await
    }

    /// Starts listening from this loopback address, such as 127.9.8.7.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    ///
    /// # Panics
    /// As `new`.
    pub async fn from(
        address: IpAddr,
        daemon: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let connection = Connection::from(address, daemon).await;
        let mut connection = connection.expect("a connection");
        let response = patiently(
            path,
            connection.request(Method::GET, path, headers, Bytes::new()),
        )
        .await;
        let response = response.expect("an answer");
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Self {
            body: response.into_body(),
            text: String::new(),
            searched: 0,
        })
    }

    /// The next event; `None` when the daemon has ended the stream.
    ///
    /// # Panics
    /// When the event has another form.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text[self.searched..].find("\n\n") {
                let rest = self.text.split_off(self.searched + end + 2);
                let event = std::mem::replace(&mut self.text, rest);
                self.searched = 0;
                if event.starts_with("event:") {
                    return Some(parse(&event));
                }
            }
            // The last character may be half of a separator.
            self.searched = self.text.trim_end_matches('\n').len();
            let more = patiently("the next event", self.body.frame()).await?.ok()?;
            let more = more.into_data().expect("no trailers");
            self.text
                .push_str(std::str::from_utf8(&more).expect("chunks of whole characters"));
        }
    }
}

fn parse(event: &str) -> Event {
    let field = |name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} in {event}"))
            .to_owned()
    };
    Event {
        name: field("event: "),
        id: field("id: "),
        data: serde_json::from_str(&field("data: ")).expect("JSON"),
    }
}
