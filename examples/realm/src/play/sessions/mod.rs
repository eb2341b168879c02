//! Sessions: one for each account, claimed under `session/ACCOUNT`, and what is done in its name.

mod admission;
mod claim;

pub(super) use admission::enter;

use super::{Play, mail::Mailbox, text::Wish};
use crate::{
    command::{Action, Command},
    ids::{Name, SessionId, ZoneId},
    log::{LogError, Post, Words},
};
use admission::{admit, load};
use claim::{Claimed, claim, playing_already};
use metaserve::{Backoff, Retry, time::wall_clock};
use metaserve_client::names::Claim;
use parking_lot::Mutex;
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long a session that single requests use goes on without one.
const REQUESTS: Duration = Duration::from_secs(60);

/// How often a character that the log has lost is brought into the world anew for one command.
const ADMISSIONS: u32 = 5;

/// Who uses a session now: each time it is another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A socket.
    Socket(u64),
    /// Single requests.
    Requests(u64),
}

/// The session of an account.
pub(super) struct Seat {
    /// Whose.
    pub(super) account: Name,
    /// What its owner shows to resume it. Secret.
    pub(super) session: SessionId,
    claim: Claim,
    playing: Mutex<Option<Playing>>,
    /// Held by who brings a character into the world, or has it leave: one at a time.
    turn: tokio::sync::Mutex<()>,
    holder: watch::Sender<Holder>,
    /// Changes with each command of single requests.
    used: watch::Sender<()>,
    over: CancellationToken,
}

/// The character that is played.
#[derive(Clone, Debug)]
pub(super) struct Playing {
    /// As its owner writes it.
    pub(super) character: Name,
    /// What is whispered to it.
    pub(super) mail: Arc<Mailbox>,
}

/// The sessions of this process.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    here: Mutex<HashMap<Name, Arc<Seat>>>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is not done, in words; the session goes on.
    No(String),
    /// The ticket is not valid, or the character another one's.
    NotYours(String),
    /// Not now: the same may be done later.
    Later(String),
    /// The session is over.
    Over(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::No(why) | Self::NotYours(why) | Self::Later(why) | Self::Over(why)) = self;
        f.write_str(why)
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = &self.account;
        f.debug_struct("Seat")
            .field("account", account)
            .finish_non_exhaustive()
    }
}

impl Seat {
    /// The character that is played.
    pub(super) fn playing(&self) -> Option<Playing> {
        self.playing.lock().clone()
    }

    /// Waits until another one than this holder uses the session, and says who: none if the session
    /// is over. Cancel-safe.
    pub(super) async fn handed_over(&self, from: Holder) -> Option<Holder> {
        let mut holder = self.holder.subscribe();
        tokio::select! {
            next = holder.wait_for(|it| *it != from) => next.ok().map(|it| *it),
            () = self.over.cancelled() => None,
        }
    }

    /// Waits until the session cannot go on here, and says why. Cancel-safe.
    pub(super) async fn lost(&self) -> String {
        self.claim.lost().await.to_string()
    }

    /// Hands the session to a socket, or to single requests.
    fn hand_over(&self, to: fn(u64) -> Holder) -> Holder {
        let mut now = to(0);
        self.holder.send_modify(|it| {
            let (Holder::Socket(number) | Holder::Requests(number)) = *it;
            now = to(number + 1);
            *it = now;
        });
        now
    }

    /// A request uses the session: it does not end for a while.
    pub(super) fn used(&self) {
        self.used.send_replace(());
    }
}

impl Sessions {
    /// The session of an account, if it is here.
    pub(super) fn of(&self, account: &Name) -> Option<Arc<Seat>> {
        self.here.lock().get(&account.folded()).cloned()
    }

    /// Forgets a session, whose claim is released as soon as all who use it have noticed.
    fn remove(&self, seat: &Arc<Seat>) {
        seat.over.cancel();
        let mut here = self.here.lock();
        let account = seat.account.folded();
        if here.get(&account).is_some_and(|it| Arc::ptr_eq(it, seat)) {
            here.remove(&account);
        }
    }

    /// Forgets all, which releases their claims. Their characters stay in the world.
    pub(super) fn clear(&self) {
        self.here.lock().clear();
    }
}

/// Begins or resumes the session of a ticket's account.
pub(super) async fn hello(
    play: &Play,
    ticket: &str,
    resume: Option<SessionId>,
    to: fn(u64) -> Holder,
) -> Result<(Arc<Seat>, Holder), Refusal> {
    let bearer = play.shared.tickets.bearer(ticket, wall_clock());
    let account = bearer
        .map_err(|why| Refusal::NotYours(why.to_string()))?
        .account;
    let (session, value) = match &resume {
        Some(session) => (session.clone(), Some(session.hash())),
        None => (SessionId::fresh(), None),
    };
    let claim = match claim(play, &account, &session.hash(), value.as_deref()).await? {
        Claimed::New(claim) => claim,
        Claimed::Here(seat) if resume.as_ref() == Some(&seat.session) => {
            let holder = seat.hand_over(to);
            return Ok((seat, holder));
        }
        Claimed::Here(_) => return Err(playing_already(&account)),
    };
    let holder = to(1);
    let seat = Arc::new(Seat {
        account: account.clone(),
        session,
        claim,
        playing: Mutex::default(),
        turn: tokio::sync::Mutex::default(),
        holder: watch::Sender::new(holder),
        used: watch::Sender::default(),
        over: CancellationToken::new(),
    });
    play.sessions
        .here
        .lock()
        .insert(account.folded(), seat.clone());
    Ok((seat, holder))
}

fn backoff() -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(2))
}

fn later(error: impl fmt::Display) -> Refusal {
    Refusal::Later(error.to_string())
}

fn refusal(error: LogError) -> Refusal {
    match error {
        LogError::Away(_) | LogError::Refuses(_) | LogError::Full(_) => later(error),
        LogError::Fenced(_) => Refusal::Over("another session plays this character now".into()),
        other => Refusal::No(other.to_string()),
    }
}

/// Accepts a wish: repeats it under the same number until the log has taken it, so that dropping this
/// and sending the wish again never does it twice.
pub(super) async fn accept(
    play: &Play,
    seat: &Seat,
    ticket: &str,
    character: &Name,
    seq: u64,
    wish: Wish,
) -> Result<Option<ZoneId>, Refusal> {
    let (mut backoff, mut admissions) = (backoff(), 0);
    loop {
        match offer(play, &seat.session, character, seq, &wish).await {
            Err(LogError::Away(_) | LogError::Refuses(_) | LogError::Full(_)) => {}
            Err(LogError::Unknown(_)) if admissions < ADMISSIONS => {
                // The log was lost, or the zone has removed a character that seemed to be gone.
                match load(play, &seat.account, ticket, character).await {
                    Ok(known) => {
                        admit(play, seat, known).await?;
                        admissions += 1;
                        continue;
                    }
                    Err(Refusal::Later(_)) => {}
                    Err(refusal) => return Err(Refusal::Over(refusal.to_string())),
                }
            }
            other => return other.map_err(refusal),
        }
        sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
    }
}

/// Hands a wish to the log, once. Says where the character is, if that matters for it.
pub(super) async fn offer(
    play: &Play,
    session: &SessionId,
    character: &Name,
    seq: u64,
    wish: &Wish,
) -> Result<Option<ZoneId>, LogError> {
    let (character, session) = (character.clone(), session.clone());
    match wish.clone() {
        Wish::Do(action) => {
            let command = Command {
                character,
                session,
                seq,
                action,
            };
            play.shared.log.append(&command).await.map(Some)
        }
        Wish::Tell(scope, text) => {
            let from = character.to_string();
            let words = Words { scope, from, text };
            let post = Post {
                character,
                session,
                seq,
                words,
            };
            play.shared.log.post(&post).await.map(|()| None)
        }
    }
}

/// Ends a session: its character leaves the world, and its claim is released. If the session may be
/// another gateway's by now, it is only forgotten here.
pub(super) async fn end(play: &Play, seat: &Arc<Seat>) {
    let _turn = seat.turn.lock().await;
    if let Some(playing) = seat.playing()
        && seat.claim.is_certain()
    {
        // It is not there any more, or another one's.
        let _ = leave(play, seat, &playing.character).await;
    }
    play.sessions.remove(seat);
}

/// Ends a session in which no character has come into the world.
pub(super) async fn end_unused(play: &Play, seat: &Arc<Seat>) {
    let _turn = seat.turn.lock().await;
    if seat.playing().is_none() {
        play.sessions.remove(seat);
    }
}

/// Keeps a session that single requests use, until none has come for a while: its character leaves the
/// world then. Whoever takes the session over keeps it from then on.
pub(super) async fn keep(play: Arc<Play>, seat: Arc<Seat>, holder: Holder) {
    let mut used = seat.used.subscribe();
    let ends = async {
        while let Ok(Ok(())) = timeout(REQUESTS, used.changed()).await {}
        end(&play, &seat).await;
    };
    tokio::select! {
        () = ends => {}
        _ = seat.handed_over(holder) => {}
        _ = seat.lost() => forget(&play, &seat),
        () = play.closing.cancelled() => {}
    }
}

/// Forgets a session that cannot go on here. Its character stays in the world.
pub(super) fn forget(play: &Play, seat: &Arc<Seat>) {
    play.sessions.remove(seat);
}

async fn leave(play: &Play, seat: &Seat, character: &Name) -> Result<(), Refusal> {
    let mut backoff = backoff();
    loop {
        let leave = Wish::Do(Action::Leave);
        match offer(play, &seat.session, character, 0, &leave).await {
            Ok(_) | Err(LogError::Unknown(_)) => return Ok(()),
            Err(LogError::Away(_) | LogError::Refuses(_) | LogError::Full(_)) => {}
            Err(other) => return Err(refusal(other)),
        }
        sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
    }
}
