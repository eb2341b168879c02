//! The task of one WebSocket.

use super::{
    Play,
    follow::Follow,
    frames::{self, Told},
    session::{Conversation, Stage, Step},
    sessions::{self, Holder, Playing, Refusal, Seat},
    text::{Frame, Wish},
};
use crate::{
    ids::{Name, ZoneId},
    log::Whereabouts,
    messages::Down,
};
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
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long a socket may take to say hello.
const HELLO: Duration = Duration::from_secs(10);

/// How often the gateway asks whether the other end is there.
const PING: Duration = Duration::from_secs(10);

/// After how long a silence the other end is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// How long a frame may take to be sent.
const SEND: Duration = Duration::from_secs(20);

/// After how long a player is told that a command waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many revisions or words are sent before the next frame is read.
const AT_ONCE: usize = 16;

/// Work on a frame, during which no other frame is read.
type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What has come of it.
enum Done {
    Hello(Result<(Arc<Seat>, Holder), Refusal>),
    Enter(Result<(Playing, Whereabouts), Refusal>),
    Accept(u64, Result<Option<ZoneId>, Refusal>),
    Bye,
}

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

/// A place in a feed.
struct Reader {
    cursor: u64,
    newest: watch::Receiver<u64>,
}

/// The zone that is shown.
struct View {
    follow: Arc<Follow>,
    /// Up to where it was shown; none before the first snapshot.
    cursor: Option<u64>,
    /// Of the feed that the place is in.
    generation: u64,
    newest: watch::Receiver<u64>,
    trouble: watch::Receiver<Option<Arc<str>>>,
    /// The own character was seen in it.
    seen: bool,
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
    if let End::Close(why) | End::Over(why) = &end {
        socket.goodbye(why.clone()).await;
    }
    let Some(Player { seat, holder, .. }) = socket.player.take() else {
        return;
    };
    drop(socket);
    match end {
        End::Over(_) => {}
        End::Broken | End::Close(_) => linger(&play, &seat, holder).await,
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
            () = changed(mail.map(|(_, it)| &mut it.newest)) => Event::Whispered,
            () = changed(zone) => Event::Zone,
            () = changed(trouble) => Event::Trouble,
            () = changed(Some(&mut self.chat.newest)) => Event::Chatted,
            () = sleep_until(Some(self.pinged + PING)) => Event::Ping,
            () = sleep_until(rests) => Event::Rested,
            frame = stream.next(), if !is_busy && rests.is_none() => match frame {
                Some(Ok(frame)) => Event::Frame(frame),
                Some(Err(_)) | None => Event::Broken,
            },
            () = sleep_until(hello) => Event::Silent,
            () = sleep_until(silent) => Event::Silent,
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
            Event::Closing => Err(End::Over("the gateway stops: connect again".into())),
        }
    }

    async fn frame(&mut self, frame: Message) -> Result<(), End> {
        if self.conversation.stage() != Stage::New {
            self.heard = now();
        }
        let step = match &frame {
            Message::Text(text) => self.conversation.frame(Frame::Text(text), now()),
            Message::Binary(_) => self.conversation.frame(Frame::Binary, now()),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(End::Broken),
        };
        match step {
            Step::Hello(ticket, resume) => {
                self.ticket = ticket.into();
                self.work(|play, ticket, _| async move {
                    Done::Hello(sessions::hello(&play, &ticket, resume, Holder::Socket).await)
                });
                Ok(())
            }
            Step::Watch(zone) => self.watch(&zone).await,
            Step::Enter(name) => {
                self.work(|play, ticket, seat| async move {
                    let seat = seat.ok_or_else(no_seat);
                    Done::Enter(match seat {
                        Ok(seat) => sessions::enter(&play, &seat, &ticket, &name).await,
                        Err(refusal) => Err(refusal),
                    })
                });
                Ok(())
            }
            Step::Wish(seq, wish) => {
                let me = self.me();
                self.work(|play, ticket, seat| accept(play, ticket, seat, me, seq, wish));
                Ok(())
            }
            Step::Bye => {
                self.work(|play, _, seat| async move {
                    if let Some(seat) = seat {
                        sessions::end(&play, &seat).await;
                    }
                    Done::Bye
                });
                Ok(())
            }
            Step::Refuse(seq, why) => self.down(&Down::Refused { seq, why }).await,
            Step::Close(why) => Err(End::Close(why)),
        }
    }

    /// Begins work on a frame.
    fn work<F>(&mut self, work: impl FnOnce(Arc<Play>, Arc<str>, Option<Arc<Seat>>) -> F)
    where
        F: Future<Output = Done> + Send + 'static,
    {
        let seat = self.player.as_ref().map(|it| it.seat.clone());
        let work = work(self.play.clone(), self.ticket.clone(), seat);
        self.work = Some(Box::pin(work));
        self.since = Some(now());
    }

    async fn done(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Hello(Ok((seat, holder))) => {
                self.conversation.reached(Stage::Ready);
                let ready = Down::Ready {
                    session: seat.session.clone(),
                    account: seat.account.clone(),
                };
                self.player = Some(Player {
                    seat,
                    holder,
                    playing: None,
                });
                self.down(&ready).await
            }
            Done::Hello(Err(refusal)) => Err(End::Over(refusal.to_string())),
            Done::Enter(Ok((playing, whereabouts))) => self.entered(playing, whereabouts).await,
            Done::Enter(Err(Refusal::Over(why))) => Err(End::Over(why)),
            Done::Enter(Err(refusal)) => {
                let why = refusal.to_string();
                self.down(&Down::Refused { seq: 0, why }).await
            }
            Done::Accept(seq, Ok(zone)) => {
                self.down(&Down::Ack { seq }).await?;
                match zone {
                    // It went through a gate, and the zone has not said so here: it may have been
                    // lost with the log.
                    Some(zone) if self.view.is_none() => self.look(&zone).await,
                    _ => Ok(()),
                }
            }
            Done::Accept(_, Err(Refusal::Over(why))) => {
                if let Some(player) = &self.player {
                    sessions::forget(&self.play, &player.seat);
                }
                Err(End::Over(why))
            }
            Done::Accept(seq, Err(refusal)) => {
                let why = refusal.to_string();
                self.down(&Down::Refused { seq, why }).await
            }
            Done::Bye => Err(End::Over("goodbye".into())),
        }
    }

    async fn entered(&mut self, playing: Playing, at: Whereabouts) -> Result<(), End> {
        self.conversation.reached(Stage::Playing);
        let entered = Down::Entered {
            character: playing.character.clone(),
            zone: at.zone.clone(),
            seq: at.seq,
        };
        if let Some(player) = &mut self.player {
            let mail = Reader {
                cursor: 0,
                newest: playing.mail.feed.subscribe(),
            };
            player.playing = Some((playing, mail));
        }
        self.down(&entered).await?;
        self.look(&at.zone).await?;
        self.whispers().await
    }

    async fn watch(&mut self, zone: &ZoneId) -> Result<(), End> {
        match self.play.may_watch(zone) {
            Ok(permit) => self.permit = Some(permit),
            Err(why) => return self.down(&Down::Refused { seq: 0, why }).await,
        }
        self.conversation.reached(Stage::Watching);
        self.heard = now();
        self.look(zone).await
    }

    /// The character that is played.
    fn me(&self) -> Option<Name> {
        let playing = self.player.as_ref()?.playing.as_ref();
        playing.map(|(it, _)| it.character.clone())
    }

    /// Shows a zone from now on.
    async fn look(&mut self, zone: &ZoneId) -> Result<(), End> {
        let follow = self.play.follows.look(zone);
        let mut trouble = follow.trouble.clone();
        trouble.mark_changed();
        self.view = Some(View {
            newest: follow.feed.subscribe(),
            trouble,
            cursor: None,
            generation: 0,
            seen: false,
            follow,
        });
        self.snapshot().await
    }

    /// Sends the whole zone, if there is one already.
    async fn snapshot(&mut self) -> Result<(), End> {
        let me = self.me();
        let Some(view) = &mut self.view else {
            return Ok(());
        };
        let zone = &view.follow.zone;
        let generation = view.follow.feed.generation();
        match self.play.shared.log.stored(zone).await {
            Ok(Some(stored)) => {
                let (frame, seen) = frames::snapshot(zone, &stored, me.as_ref());
                (view.cursor, view.seen) = (Some(stored.rev), seen);
                view.generation = generation;
                self.text(frame).await
            }
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::debug!(%zone, "no snapshot: {error}");
                // It is tried again with the zone's next revision, and until then by this.
                view.newest.mark_changed();
                sleep(Duration::from_millis(250)).await;
                Ok(())
            }
        }
    }

    /// Sends what the zone has told since, or all of it.
    async fn show(&mut self) -> Result<(), End> {
        let me = self.me();
        let Some(view) = &mut self.view else {
            return Ok(());
        };
        let cursor = view
            .cursor
            .filter(|_| view.generation == view.follow.feed.generation());
        let revisions = cursor.and_then(|it| view.follow.feed.after(it, AT_ONCE));
        let Some(revisions) = revisions else {
            return self.snapshot().await;
        };
        if revisions.len() == AT_ONCE {
            view.newest.mark_changed();
        }
        for (rev, revision) in revisions {
            let told = revision.told(me.as_ref());
            let Some(view) = &mut self.view else {
                return Ok(());
            };
            view.cursor = Some(rev);
            if told.seen && !view.seen {
                // The first one with the own character and its sheet.
                return self.snapshot().await;
            }
            if self.told(told).await? {
                break;
            }
        }
        Ok(())
    }

    /// Sends what a revision tells; true if another zone is shown now.
    async fn told(&mut self, told: Told) -> Result<bool, End> {
        for frame in told.frames {
            self.text(frame).await?;
        }
        if let Some(zone) = told.moved {
            self.down(&Down::Moved { zone: zone.clone() }).await?;
            self.look(&zone).await?;
            return Ok(true);
        }
        if told.left {
            self.left().await?;
        }
        Ok(false)
    }

    /// The own character has left the world, and this socket has not said so.
    async fn left(&mut self) -> Result<(), End> {
        let Some(me) = self.me() else { return Ok(()) };
        match self.play.shared.log.whereabouts(&me).await {
            Ok(Some(at)) if !at.present => {
                if let Some(player) = &self.player {
                    sessions::forget(&self.play, &player.seat);
                }
                Err(End::Over(format!("{me} has left the world")))
            }
            _ => Ok(()),
        }
    }

    async fn trouble(&mut self) -> Result<(), End> {
        let Some(view) = &mut self.view else {
            return Ok(());
        };
        let trouble = view.trouble.borrow_and_update().clone();
        match trouble {
            Some(trouble) => self.tell(trouble.to_string()).await,
            None => Ok(()),
        }
    }

    async fn whispers(&mut self) -> Result<(), End> {
        let playing = self.player.as_mut().and_then(|it| it.playing.as_mut());
        let Some((playing, reader)) = playing else {
            return Ok(());
        };
        let frames = reader.read(&playing.mail.feed);
        self.texts(frames).await
    }

    async fn chat(&mut self) -> Result<(), End> {
        let play = self.play.clone();
        let frames = self.chat.read(&play.mail.chat);
        match self.conversation.stage() {
            Stage::Watching | Stage::Playing => self.texts(frames).await,
            Stage::New | Stage::Ready => Ok(()),
        }
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
        match timeout(SEND, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Broken),
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

impl Reader {
    /// What is new; what is not kept any more is left out.
    fn read(&mut self, feed: &super::feed::Feed<Utf8Bytes>) -> Vec<Utf8Bytes> {
        let new = feed
            .after(self.cursor, AT_ONCE)
            .or_else(|| feed.after(feed.floor(), AT_ONCE));
        let new = new.unwrap_or_default();
        if let Some((number, _)) = new.last() {
            self.cursor = *number;
        }
        if new.len() == AT_ONCE {
            self.newest.mark_changed();
        }
        new.into_iter().map(|(_, it)| it).collect()
    }
}

async fn accept(
    play: Arc<Play>,
    ticket: Arc<str>,
    seat: Option<Arc<Seat>>,
    me: Option<Name>,
    seq: u64,
    wish: Wish,
) -> Done {
    let accepted = match (seat, me) {
        (Some(seat), Some(me)) => sessions::accept(&play, &seat, &ticket, &me, seq, wish).await,
        _ => Err(no_seat()),
    };
    Done::Accept(seq, accepted)
}

fn no_seat() -> Refusal {
    Refusal::No("say hello with a ticket first".into())
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
