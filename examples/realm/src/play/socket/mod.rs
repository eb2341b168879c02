//! The task of one WebSocket.

mod view;
mod words;
mod work;

use super::{
    Play, frames,
    session::{Conversation, Stage},
    sessions::{self, Holder, Playing, Seat},
};
use crate::{ids::Name, messages::Down};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use metaserve::{
    bounds::Place,
    time::{now, sleep_until},
};
use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use view::View;
use words::Reader;
use work::{Done, Work};

/// How long a socket may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// How often the gateway asks whether the other end is there.
const PING: Duration = Duration::from_secs(10);

/// After how long a silence the other end is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a frame may take to be sent.
const SEND: Duration = Duration::from_secs(20);

/// How long the last ones may take when the socket is closed.
const GOODBYE: Duration = Duration::from_secs(3);

/// After how long a player is told that a command waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many revisions or words are sent before the next frame is read.
const AT_ONCE: usize = 16;

/// What happens next.
enum Event {
    Frame(Message),
    Broken,
    Done(Done),
    Waits,
    Rested,
    Zone,
    Trouble,
    Whispered,
    Chatted,
    Ping,
    Silent,
    HandedOver,
    Lost(String),
    Closing,
    CrowdedOut,
}

/// Why the socket ends.
enum End {
    /// The other end is gone.
    Broken,
    /// It is closed with these words, and its session goes on for a while.
    Close(String),
    /// It is closed, and its session is over or goes on elsewhere.
    Over(String),
}

/// A socket.
struct Socket {
    play: Arc<Play>,
    place: SocketPlace,
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    conversation: Conversation,
    ticket: Arc<str>,
    player: Option<Player>,
    view: Option<View>,
    permit: Option<OwnedSemaphorePermit>,
    chat: Reader,
    work: Option<Work>,
    /// When the work began, until the player was told that it waits.
    since: Option<Instant>,
    pinged: Instant,
    heard: Instant,
}

/// The place of a socket among all.
pub(super) struct SocketPlace {
    /// It is given up with this.
    pub(super) _place: Place<CancellationToken>,
    /// Another address needs it.
    pub(super) lost: CancellationToken,
}

/// Who plays.
struct Player {
    seat: Arc<Seat>,
    holder: Holder,
    playing: Option<(Playing, Reader)>,
}

/// Serves a socket until it ends, and its session for as long as it lingers.
pub(super) async fn serve(play: Arc<Play>, socket: WebSocket, place: SocketPlace) {
    let (sink, stream) = socket.split();
    let chat = Reader {
        cursor: play.mail.chat.newest(),
        newest: play.mail.chat.subscribe(),
    };
    let mut socket = Socket {
        sink,
        stream,
        conversation: Conversation::new(),
        ticket: "".into(),
        player: None,
        view: None,
        permit: None,
        chat,
        work: None,
        since: None,
        pinged: now(),
        heard: now(),
        place,
        play: play.clone(),
    };
    let end = socket.run().await;
    socket.work = None;
    let player = socket.player.take();
    // A session that is over, or goes on elsewhere, does not wait for the last words.
    let player = player.filter(|_| !matches!(end, End::Over(_)));
    if let End::Close(why) | End::Over(why) = end {
        // Who does not read misses them.
        let _ = timeout(GOODBYE, socket.goodbye(why)).await;
    }
    drop(socket);
    if let Some(Player { seat, holder, .. }) = player {
        linger(&play, &seat, holder).await;
    }
}

/// Keeps a session without a socket for a while; then its character leaves the world.
async fn linger(play: &Play, seat: &Arc<Seat>, holder: Holder) {
    let ends = async {
        sleep(play.settings.linger).await;
        sessions::end(play, seat).await;
    };
    tokio::select! {
        () = ends => {}
        _ = seat.handed_over(holder) => {}
        _ = seat.lost() => sessions::forget(play, seat),
        () = play.closing.cancelled() => {}
    }
}

impl Socket {
    async fn run(&mut self) -> End {
        loop {
            let event = self.next().await;
            if let Err(end) = self.handle(event).await {
                return end;
            }
        }
    }

    /// Waits for what happens next. Cancel-safe.
    async fn next(&mut self) -> Event {
        let Self {
            conversation,
            player,
            view,
            work,
            since,
            stream,
            ..
        } = self;
        let (is_busy, rests) = (work.is_some(), conversation.rests_until());
        let hello = (conversation.stage() == Stage::New && !is_busy).then(|| self.heard + HELLO);
        // While no frame is read, silence says nothing.
        let silent = (!is_busy && rests.is_none()).then(|| self.heard + SILENCE);
        let (seat, mail) = match player {
            Some(it) => (Some((&*it.seat, it.holder)), it.playing.as_mut()),
            None => (None, None),
        };
        let (zone, trouble) = view
            .as_mut()
            .map(|it| (&mut it.newest, &mut it.trouble))
            .unzip();
        tokio::select! {
            biased;
            () = self.play.closing.cancelled() => Event::Closing,
            () = self.place.lost.cancelled() => Event::CrowdedOut,
            () = some(seat.map(|(seat, from)| async move { seat.handed_over(from).await; })) => {
                Event::HandedOver
            }
            why = some(seat.map(|(seat, _)| seat.lost())) => Event::Lost(why),
            done = some(work.as_mut()) => Event::Done(done),
            () = sleep_until(since.map(|it| it + PATIENCE)) => Event::Waits,
            () = sleep_until(Some(self.pinged + PING)) => Event::Ping,
            () = sleep_until(rests) => Event::Rested,
            // Before what is told: in a busy zone there is always something new for a slow line. So
            // many come in a second at most.
            frame = stream.next(), if !is_busy && rests.is_none() => match frame {
                Some(Ok(frame)) => Event::Frame(frame),
                Some(Err(_)) | None => Event::Broken,
            },
            () = sleep_until(hello) => Event::Silent,
            () = sleep_until(silent) => Event::Silent,
            () = changed(mail.map(|(_, it)| &mut it.newest)) => Event::Whispered,
            () = changed(trouble) => Event::Trouble,
            () = changed(Some(&mut self.chat.newest)) => Event::Chatted,
            () = changed(zone) => Event::Zone,
        }
    }

    async fn handle(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Frame(frame) => self.frame(frame).await,
            Event::Broken => Err(End::Broken),
            Event::Done(done) => {
                (self.work, self.since, self.heard) = (None, None, now());
                self.done(done).await
            }
            Event::Waits => {
                self.since = None;
                let why = "this takes longer than usual: it waits, and is not lost".into();
                self.tell(why).await
            }
            Event::Rested => {
                self.conversation.rested();
                self.heard = now();
                Ok(())
            }
            Event::Zone => self.show().await,
            Event::Trouble => self.trouble().await,
            Event::Whispered => self.whispers().await,
            Event::Chatted => self.chat().await,
            Event::Ping => {
                self.pinged = now();
                self.send(Message::Ping(axum::body::Bytes::new())).await
            }
            Event::Silent => Err(End::Close("nothing was heard for too long".into())),
            Event::HandedOver => Err(End::Over("the session goes on elsewhere".into())),
            Event::Lost(why) => {
                if let Some(player) = &self.player {
                    sessions::forget(&self.play, &player.seat);
                }
                Err(End::Over(format!("resume the session: {why}")))
            }
            Event::CrowdedOut => {
                let why = "another address needs a connection: try again later";
                Err(End::Close(why.into()))
            }
            Event::Closing => {
                if let Some(player) = &self.player {
                    sessions::forget(&self.play, &player.seat);
                }
                Err(End::Over("the gateway stops: connect again".into()))
            }
        }
    }

    /// The character that is played.
    fn me(&self) -> Option<Name> {
        let playing = self.player.as_ref()?.playing.as_ref();
        playing.map(|(it, _)| it.character.clone())
    }

    /// Tells the player a sentence.
    async fn tell(&mut self, sentence: String) -> Result<(), End> {
        let rev = self.view.as_ref().and_then(|it| it.cursor);
        self.text(frames::sentence(rev.unwrap_or_default(), sentence))
            .await
    }

    async fn texts(&mut self, frames: Vec<Utf8Bytes>) -> Result<(), End> {
        for frame in frames {
            self.text(frame).await?;
        }
        Ok(())
    }

    async fn down(&mut self, down: &Down) -> Result<(), End> {
        self.text(frames::text(down)).await
    }

    async fn text(&mut self, text: Utf8Bytes) -> Result<(), End> {
        self.send(Message::Text(text)).await
    }

    /// Sends a frame, and waits until the system has taken it: there is no queue. Who does not read
    /// falls behind, and gets a snapshot later.
    async fn send(&mut self, message: Message) -> Result<(), End> {
        let closing = &self.play.closing;
        let too_late = async {
            let _ = timeout(SEND, closing.cancelled()).await;
            if closing.is_cancelled() {
                sleep(GOODBYE).await;
            }
        };
        tokio::select! {
            biased;
            sent = self.sink.send(message) => sent.map_err(|_| End::Broken),
            () = too_late => Err(End::Broken),
        }
    }

    async fn goodbye(&mut self, why: String) {
        if self.down(&Down::Closing { why }).await.is_ok() {
            let frame = CloseFrame {
                code: axum::extract::ws::close_code::NORMAL,
                reason: "".into(),
            };
            // The other end may be gone.
            let _ = self.send(Message::Close(Some(frame))).await;
        }
    }
}

/// Waits for a future, or forever if there is none.
async fn some<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Waits for a change that was not seen yet, or forever if there is nothing to change or nobody to
/// change it.
async fn changed<T>(receiver: Option<&mut watch::Receiver<T>>) {
    if let Some(receiver) = receiver
        && receiver.changed().await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").finish_non_exhaustive()
    }
}
