//! A player's program over a raw WebSocket: it says exactly what a test says.

use crate::world::{Process, World, patiently};
use futures::{SinkExt, StreamExt};
use realm::{
    ids::SessionId,
    messages::{Down, Ticket, Up},
    object::Seen,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// The address of a process's WebSockets.
pub(crate) fn ws(url: &str) -> String {
    format!("{}/ws", url.replacen("http", "ws", 1))
}

impl Socket {
    pub(crate) async fn open(process: &Process) -> Self {
        let (socket, _) = connect_async(ws(&process.url)).await.unwrap();
        Self(socket)
    }

    /// Opens one as a page of this origin does; the status if it is refused.
    pub(crate) async fn open_from(process: &Process, origin: &str) -> Result<Self, u16> {
        let mut request = ws(&process.url).into_client_request().unwrap();
        let origin = HeaderValue::from_str(origin).unwrap();
        request.headers_mut().insert("origin", origin);
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Says hello with a ticket.
    pub(crate) async fn hello(process: &Process, ticket: &str, resume: Option<&SessionId>) -> Self {
        let mut socket = Self::open(process).await;
        let (ticket, resume) = (Ticket(ticket.to_owned()), resume.cloned());
        socket.say(&Up::Hello { ticket, resume }).await;
        socket
    }

    /// Plays a character; also says by which session.
    pub(crate) async fn play(
        world: &World,
        process: &Process,
        account: &str,
        character: &str,
    ) -> (Self, SessionId) {
        let mut socket = Self::hello(process, &world.ticket(account), None).await;
        let session = socket.ready().await;
        socket.enter(character).await;
        (socket, session)
    }

    pub(crate) async fn ready(&mut self) -> SessionId {
        self.until("ready", |down| match down {
            Down::Ready { session, .. } => Some(session.clone()),
            _ => None,
        })
        .await
    }

    /// Enters, and waits until the character is seen in its zone. Says which of the session's commands
    /// was accepted last.
    pub(crate) async fn enter(&mut self, character: &str) -> u64 {
        let character = character.parse().unwrap();
        self.say(&Up::Enter { character }).await;
        let seq = self
            .until("entered", |down| match down {
                Down::Entered { seq, .. } => Some(*seq),
                _ => None,
            })
            .await;
        self.snapshot_of_me().await;
        seq
    }

    /// Waits for a snapshot with the own character.
    pub(crate) async fn snapshot_of_me(&mut self) -> (String, Vec<Seen>) {
        self.until("a snapshot", |down| match down {
            Down::Snapshot {
                zone,
                objects,
                sheet: Some(_),
                ..
            } => Some((zone.to_string(), objects.clone())),
            _ => None,
        })
        .await
    }

    pub(crate) async fn say(&mut self, up: &Up) {
        self.send(serde_json::to_string(up).unwrap()).await;
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    pub(crate) async fn send_binary(&mut self, bytes: Vec<u8>) {
        self.0.send(Message::binary(bytes)).await.unwrap();
    }

    /// Sends a command, and waits until it is accepted.
    pub(crate) async fn does(&mut self, seq: u64, command: Value) {
        self.command(seq, command).await;
        self.acked(seq).await;
    }

    /// Sends a command.
    pub(crate) async fn command(&mut self, seq: u64, mut command: Value) {
        command["seq"] = json!(seq);
        self.send(command.to_string()).await;
    }

    pub(crate) async fn acked(&mut self, seq: u64) {
        self.until("an acknowledgement", |down| {
            if let Down::Refused { seq: refused, why } = down {
                assert_ne!(*refused, seq, "{why}");
            }
            (*down == Down::Ack { seq }).then_some(())
        })
        .await;
    }

    /// Why the frame with this number was refused.
    pub(crate) async fn refused(&mut self, seq: u64) -> String {
        self.until("a refusal", |down| match down {
            Down::Refused { seq: it, why } if *it == seq => Some(why.clone()),
            _ => None,
        })
        .await
    }

    /// Who says these words.
    pub(crate) async fn heard(&mut self, words: &str) -> String {
        self.until(words, |down| match down {
            Down::Said { from, text, .. } if text == words => Some(from.clone()),
            _ => None,
        })
        .await
    }

    /// All that is heard up to these words.
    pub(crate) async fn heard_until(&mut self, words: &str) -> Vec<String> {
        let mut heard = Vec::new();
        self.until(words, |down| match down {
            Down::Said { text, .. } => {
                heard.push(text.clone());
                (text == words).then_some(())
            }
            _ => None,
        })
        .await;
        heard
    }

    /// The words with which the gateway closes the socket.
    pub(crate) async fn closing(&mut self) -> String {
        self.until("the end", |down| match down {
            Down::Closing { why } => Some(why.clone()),
            _ => None,
        })
        .await
    }

    /// Waits for the end of the connection, however it comes.
    pub(crate) async fn ended(&mut self) {
        let read = async { while let Some(Ok(_)) = self.0.next().await {} };
        patiently("the end", read).await;
    }

    /// Reads frames until one is as wanted.
    pub(crate) async fn until<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Down) -> Option<T>,
    ) -> T {
        let read = async {
            loop {
                let frame = self.0.next().await;
                let frame = frame.unwrap_or_else(|| panic!("the end came before {what}"));
                if let Message::Text(text) = frame.unwrap() {
                    let down: Down = serde_json::from_str(&text).unwrap();
                    if let Some(found) = wanted(&down) {
                        return found;
                    }
                    if let Down::Closing { why } = down {
                        panic!("closed before {what}: {why}");
                    }
                }
            }
        };
        patiently(what, read).await
    }
}
