//! The connection of a client: made again after every break, by the next gateway.

use super::{Account, Connection, News, Shared, State};
use crate::{
    ids::{Name, SessionId},
    messages::{Down, Ticket, Up},
};
use futures::{SinkExt, StreamExt};
use metaserve::{Backoff, Retry, time::every};
use std::{error::Error, sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::watch, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// How long a gateway may take to connect, and then for each of its first answers. It may wait 10 s
/// for the session's claim, and for a zone to be started.
const PATIENCE: Duration = Duration::from_secs(45);

/// A ping goes out so often. A gateway of which nothing has come since three of them is given up.
const PING: Duration = Duration::from_secs(5);

/// For how long a session that was there before is tried to be resumed.
const GIVE_UP: Duration = Duration::from_secs(300);

/// The largest frame that is read: a snapshot of a whole zone.
const MOST_BYTES: usize = 4 << 20;

/// What becomes of commands on their way when the session that they were sent by has ended.
const LOST: &str = "the session was lost on the way: nobody knows whether this was done";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a connection has ended.
enum Break {
    /// It was lost, or the gateway closes it, with these words.
    Lost(String),
    /// The gateway does not let the player in.
    Refused(String),
    /// The player leaves.
    Left,
}

pub(super) struct Link {
    gateways: Vec<String>,
    account: Arc<Account>,
    character: Name,
    shared: Arc<Shared>,
    state: watch::Sender<State>,
    session: Option<SessionId>,
    /// Whether the session is another one than before.
    is_new: bool,
    /// Whether this connection has shown the character in its zone.
    there: bool,
}

impl Link {
    pub(super) const fn new(
        gateways: Vec<String>,
        account: Arc<Account>,
        character: Name,
        shared: Arc<Shared>,
        state: watch::Sender<State>,
    ) -> Self {
        Self {
            gateways,
            account,
            character,
            shared,
            state,
            session: None,
            is_new: false,
            there: false,
        }
    }

    /// Plays until the player leaves, or until it is hopeless.
    pub(super) async fn run(mut self) {
        let why = self.play().await;
        self.state
            .send_modify(|it| it.connection = Connection::Ended(why));
        self.shared.changed.notify_waiters();
    }

    async fn play(&mut self) -> String {
        let leaving = self.shared.leaving.clone();
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let mut turn = 0;
        let mut waited = Duration::ZERO;
        loop {
            let gateway = match self.gateways.get(turn % self.gateways.len().max(1)) {
                Some(gateway) => gateway.clone(),
                None => return "no gateway was named".to_owned(),
            };
            turn += 1;
            let was_there = std::mem::take(&mut self.there);
            let ended = self.serve(&gateway).await;
            if self.there {
                backoff.reset();
                waited = Duration::ZERO;
            }
            let first = self.state.borrow().zone.is_none();
            let why = match ended {
                Break::Left => return "the player has left".to_owned(),
                Break::Lost(why) | Break::Refused(why) if waited > GIVE_UP => return why,
                Break::Refused(why) if first => return why,
                Break::Lost(why) if first && turn >= self.gateways.len() => {
                    return format!("cannot play by the gateway at {gateway}: {why}");
                }
                Break::Lost(why) | Break::Refused(why) => why,
            };
            if self.there || was_there {
                self.tell(News::Lost(why.clone()));
            }
            self.state
                .send_modify(|it| it.connection = Connection::Connecting(why));
            let delay = backoff.delay(Retry::Soon, fastrand::f64());
            waited += delay;
            if leaving
                .run_until_cancelled(tokio::time::sleep(delay))
                .await
                .is_none()
            {
                return "the player has left".to_owned();
            }
        }
    }

    async fn serve(&mut self, gateway: &str) -> Break {
        let leaving = self.shared.leaving.clone();
        let opened = leaving.run_until_cancelled(timeout(PATIENCE, self.open(gateway)));
        let mut socket = match opened.await {
            None => return Break::Left,
            Some(Err(_)) => return Break::Lost("it does not answer".to_owned()),
            Some(Ok(Err(ended))) => return ended,
            Some(Ok(Ok(socket))) => socket,
        };
        let ended = self.exchange(&mut socket).await;
        if let Break::Left = ended {
            let bye = async {
                send(&mut socket, &Up::Bye).await?;
                // Until the gateway closes it.
                while let Some(Ok(_)) = socket.next().await {}
                Ok::<_, Break>(())
            };
            let _ = timeout(PING, bye).await;
        }
        ended
    }

    /// Connects, and says who is there and whom they play.
    async fn open(&mut self, gateway: &str) -> Result<Socket, Break> {
        let ticket = self.account.ticket().await;
        let address = gateway.trim_end_matches('/').replacen("http", "ws", 1) + "/ws";
        let config = WebSocketConfig::default()
            .max_message_size(Some(MOST_BYTES))
            .max_frame_size(Some(MOST_BYTES));
        let connect = connect_async_with_config(address, Some(config), true);
        let (mut socket, _) = connect.await.map_err(|error| Break::Lost(why(&error)))?;
        let (ticket, resume) = (Ticket(ticket), self.session.clone());
        send(&mut socket, &Up::Hello { ticket, resume }).await?;
        let character = self.character.clone();
        send(&mut socket, &Up::Enter { character }).await?;
        Ok(socket)
    }

    async fn exchange(&mut self, socket: &mut Socket) -> Break {
        let shared = self.shared.clone();
        let mut ping = every(PING);
        let mut silent = 0;
        loop {
            let changed = shared.changed.notified();
            let may_send = self.there && shared.outbox.lock().has_next();
            tokio::select! {
                biased;
                () = shared.leaving.cancelled() => return Break::Left,
                read = socket.next() => {
                    silent = 0;
                    if let Err(ended) = self.read(read) {
                        return ended;
                    }
                }
                () = std::future::ready(()), if may_send => {
                    if let Err(ended) = self.send_next(socket).await {
                        return ended;
                    }
                }
                () = changed, if !may_send => {}
                _ = ping.tick() => {
                    // The character may take a while to be let in.
                    silent += 1;
                    if silent > 3 {
                        return Break::Lost("the gateway is silent".to_owned());
                    }
                    if let Err(error) = socket.send(Message::Ping(Vec::new().into())).await {
                        return Break::Lost(why(&error));
                    }
                }
            }
        }
    }

    /// Sends the next command of the outbox.
    async fn send_next(&self, socket: &mut Socket) -> Result<(), Break> {
        let frame = self.shared.outbox.lock().take_next();
        let Some(frame) = frame else {
            return Ok(());
        };
        if let Up::Move { seq, .. } = frame {
            self.state.send_modify(|it| it.asks(seq));
        }
        send(socket, &frame).await
    }

    fn read(
        &mut self,
        read: Option<Result<Message, tokio_tungstenite::tungstenite::Error>>,
    ) -> Result<(), Break> {
        let text = match read {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                let words = frame.map(|it| it.reason.to_string());
                let words = words.filter(|it| !it.is_empty());
                return Err(Break::Lost(
                    words.unwrap_or_else(|| "the gateway closes the connection".to_owned()),
                ));
            }
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(Break::Lost(why(&error))),
            None => return Err(Break::Lost("the connection has ended".to_owned())),
        };
        // A newer gateway may say more than this client knows.
        let frame = match serde_json::from_str(&text) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::debug!(%error, "a frame is not understood");
                return Ok(());
            }
        };
        self.take(frame)
    }

    fn take(&mut self, frame: Down) -> Result<(), Break> {
        match &frame {
            Down::Ready { session, .. } => {
                self.is_new = self.session.as_ref().is_some_and(|it| it != session);
                self.session = Some(session.clone());
            }
            Down::Entered { seq, .. } => {
                let mut outbox = self.shared.outbox.lock();
                let lost = match self.is_new {
                    true => outbox.renew(*seq),
                    false => {
                        outbox.resume(*seq);
                        Vec::new()
                    }
                };
                drop(outbox);
                self.state.send_modify(|state| {
                    for seq in lost {
                        state.refuse(seq, LOST);
                    }
                });
            }
            Down::Snapshot { .. } if !self.there => {
                self.there = true;
                if self.state.borrow().zone.is_some() {
                    self.tell(News::Back);
                }
                self.state
                    .send_modify(|it| it.connection = Connection::Connected);
            }
            Down::Ack { seq } => self.shared.outbox.lock().accepted(*seq),
            Down::Refused { seq, why } if *seq == 0 && !self.there => {
                return Err(Break::Refused(why.clone()));
            }
            Down::Refused { seq, .. } => self.shared.outbox.lock().refused(*seq),
            Down::Closing { why } if !self.there => return Err(Break::Refused(why.clone())),
            Down::Closing { why } => return Err(Break::Lost(why.clone())),
            _ => {}
        }
        // Whoever waits for the state finds the news that belong to it.
        self.state.send_modify(|state| {
            for news in state.take(frame) {
                self.tell(news);
            }
        });
        self.shared.changed.notify_waiters();
        Ok(())
    }

    fn tell(&self, news: News) {
        // Nobody may be listening.
        let _ = self.shared.news.send(news);
    }
}

async fn send(socket: &mut Socket, frame: &Up) -> Result<(), Break> {
    let text = serde_json::to_string(frame).map_err(|error| Break::Lost(error.to_string()))?;
    let sent = socket.send(Message::Text(text.into())).await;
    sent.map_err(|error| Break::Lost(why(&error)))
}

/// The last cause of an error, which says what the operating system says.
pub(super) fn why(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
