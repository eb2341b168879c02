//! A small HTTP client, for what a browser or a script would ask.

use crate::patiently;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// The lines before the body.
    pub headers: hyper::HeaderMap,
    /// The rest.
    pub body: Bytes,
}

impl Answer {
    /// A header as text; empty when there is none.
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

/// Asks for `path` on a connection of its own.
///
/// # Panics
/// When there is no answer.
pub async fn get(daemon: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let ask = async {
        let response = request(daemon, path, headers).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.into_body().collect().await.expect("a whole body");
        Answer {
            status,
            headers,
            body: body.to_bytes(),
        }
    };
    patiently(path, ask).await
}

async fn request(daemon: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
    let stream = TcpStream::connect(daemon).await.expect("HTTP is served");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("it is open");
    tokio::spawn(connection);
    let mut request = Request::get(path).header("host", daemon.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    sender.send_request(request).await.expect("an answer")
}

/// One server-sent event.
#[derive(Debug)]
pub struct Event {
    /// Such as `snapshot`.
    pub name: String,
    /// What `Last-Event-ID` resumes from.
    pub id: String,
    /// What it says.
    pub data: serde_json::Value,
}

/// Listens to server-sent events.
pub struct Listener {
    body: Incoming,
    text: String,
}

impl Listener {
    /// Begins to listen.
    ///
    /// # Errors
    /// The status, when it is refused.
    ///
    /// # Panics
    /// When there is no answer, or one of another kind.
    pub async fn new(
        daemon: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, u16> {
        let response = patiently(path, request(daemon, path, headers)).await;
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Self {
            body: response.into_body(),
            text: String::new(),
        })
    }

    /// The next event; none when the daemon has ended them.
    ///
    /// # Panics
    /// When it is not as events are.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event.starts_with("event:") {
                    return Some(parse(&event));
                }
            }
            let more = patiently("the next event", self.body.frame()).await?.ok()?;
            let more = more.into_data().expect("no trailers");
            self.text
                .push_str(std::str::from_utf8(&more).expect("text in whole"));
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
