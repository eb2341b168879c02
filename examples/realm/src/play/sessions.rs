//! Sessions: one for each account, claimed under `session/ACCOUNT`, and what is done in its name.

use super::{Play, mail::Mailbox, text::Wish};
use crate::{
    command::{Action, Arrival, Command},
    ids::{Name, SessionId, ZoneId},
    keeper::{Character, KeeperError},
    log::{Admission, LogError, Post, Whereabouts, Words},
};
use futures::StreamExt;
use metaserve::{Backoff, Retry, time::wall_clock};
use metaserve_client::names::{Claim, ClaimError};
use parking_lot::Mutex;
use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use std::{collections::HashMap, fmt, fmt::Write, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long a session that is resumed waits for a claim that a gateway still holds that has been
/// killed: names are freed after 5 to 6 s.
const RESUME: Duration = Duration::from_secs(10);

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
    holder: watch::Sender<Holder>,
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
        self.holder.send_if_modified(|it| match it {
            Holder::Requests(number) => {
                *number += 1;
                true
            }
            Holder::Socket(_) => false,
        });
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
    if let Some(seat) = play.sessions.of(&account) {
        return if resume.as_ref() == Some(&seat.session) {
            let holder = seat.hand_over(to);
            Ok((seat, holder))
        } else {
            Err(playing_already(&account))
        };
    }
    let (session, value) = match resume {
        Some(session) => (session.clone(), Some(hash(&session))),
        None => (fresh(), None),
    };
    let claim = claim(play, &account, &hash(&session), value.as_deref()).await?;
    let holder = to(1);
    let seat = Arc::new(Seat {
        account: account.clone(),
        session,
        claim,
        playing: Mutex::default(),
        holder: watch::Sender::new(holder),
        over: CancellationToken::new(),
    });
    play.sessions
        .here
        .lock()
        .insert(account.folded(), seat.clone());
    Ok((seat, holder))
}

fn playing_already(account: &Name) -> Refusal {
    Refusal::Over(format!(
        "{account} is playing already: end that session first, or wait until it has ended"
    ))
}

/// Claims the session's key. If a gateway holds it with the value of the session that is resumed, it
/// may have been killed: waits for the key then.
async fn claim(
    play: &Play,
    account: &Name,
    value: &str,
    resumed: Option<&str>,
) -> Result<Claim, Refusal> {
    let key = format!("session/{}", account.folded());
    let attempt = async {
        loop {
            let claim = play.shared.names.claim(&key).value(value.to_owned());
            match claim.ticket(play.shared.ticket.clone()).await {
                Ok(claim) => return Ok(claim),
                Err(ClaimError::Held { value, .. })
                    if resumed.is_some_and(|it| it.as_bytes() == &value[..]) =>
                {
                    let mut watch = play.shared.names.watch(&key);
                    while let Some(Ok(snapshot)) = watch.next().await {
                        if snapshot.get(&key).is_none() {
                            break;
                        }
                    }
                }
                Err(ClaimError::Held { .. }) => return Err(playing_already(account)),
                Err(ClaimError::Lost(_)) => {}
                Err(error) => return Err(Refusal::Later(error.to_string())),
            }
        }
    };
    timeout(RESUME, attempt).await.unwrap_or_else(|_| {
        Err(Refusal::Later(format!(
            "{account} is still playing at another gateway: try again in a moment"
        )))
    })
}

/// A new session's id.
fn fresh() -> SessionId {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system gives random numbers");
    hex(&bytes).parse().expect("32 digits are an id")
}

/// What everybody may know of a session's id.
fn hash(session: &SessionId) -> String {
    hex(digest(&SHA256, format!("session {}", session.as_str()).as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Brings a character of the session's account into the world, or the session to one that is there.
pub(super) async fn enter(
    play: &Play,
    seat: &Seat,
    ticket: &str,
    name: &Name,
) -> Result<(Playing, Whereabouts), Refusal> {
    if let Some(before) = seat.playing()
        && !before.character.is(name)
    {
        leave(play, seat, &before.character).await?;
        seat.playing.lock().take();
    }
    let character = load(play, &seat.account, ticket, name).await?;
    let playing = match seat.playing() {
        Some(playing) => playing,
        None => Playing {
            // Opened first: what is whispered from the first moment on is not missed.
            mail: play.mail.open(&character.name).await.map_err(later)?,
            character: character.name.clone(),
        },
    };
    let whereabouts = admit(play, seat, character).await?;
    *seat.playing.lock() = Some(playing.clone());
    Ok((playing, whereabouts))
}

async fn admit(play: &Play, seat: &Seat, character: Character) -> Result<Whereabouts, Refusal> {
    let admission = Admission {
        character: character.name,
        session: seat.session.clone(),
        epoch: seat.claim.epoch(),
        zone: character.zone,
        arrival: Arrival {
            account: seat.account.clone(),
            at: character.at,
            sheet: character.sheet,
            seq: 0,
        },
    };
    let mut backoff = backoff();
    loop {
        match play.shared.log.admit(&admission).await {
            Err(LogError::Away(why)) => {
                tracing::debug!("a character waits for the log: {why}");
                sleep(backoff.delay(Retry::Soon, fastrand::f64())).await;
            }
            other => return other.map_err(refusal),
        }
    }
}

/// What is known of a character of this account. While the accounts role is away, the log knows
/// whose those are that are in the world, or were lately.
async fn load(
    play: &Play,
    account: &Name,
    ticket: &str,
    name: &Name,
) -> Result<Character, Refusal> {
    match play.shared.keeper.character(ticket, name).await {
        Ok(character) if character.account.is(account) => Ok(character),
        Ok(_) | Err(KeeperError::NoCharacter(_)) => Err(Refusal::NotYours(
            KeeperError::NoCharacter(name.clone()).to_string(),
        )),
        Err(KeeperError::Away(why)) => {
            let known = play.shared.log.whereabouts(name).await.map_err(later)?;
            match known.filter(|it| it.arrival.account.is(account)) {
                Some(it) => Ok(Character {
                    name: name.clone(),
                    account: account.clone(),
                    zone: it.zone,
                    at: it.arrival.at,
                    sheet: it.arrival.sheet,
                }),
                None => Err(Refusal::Later(why)),
            }
        }
        Err(other) => Err(Refusal::NotYours(other.to_string())),
    }
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

/// Ends a session: its character leaves the world, and its claim is released.
pub(super) async fn end(play: &Play, seat: &Arc<Seat>) {
    if let Some(playing) = seat.playing() {
        // It is not there any more, or another one's.
        let _ = leave(play, seat, &playing.character).await;
    }
    play.sessions.remove(seat);
}

/// Keeps a session that single requests use, until none has come for a while: its character leaves the
/// world then.
pub(super) async fn keep(play: Arc<Play>, seat: Arc<Seat>, mut holder: Holder) {
    loop {
        let next = tokio::select! {
            next = timeout(REQUESTS, seat.handed_over(holder)) => next,
            _ = seat.lost() => return forget(&play, &seat),
            () = play.closing.cancelled() => return,
        };
        match next {
            Ok(Some(next @ Holder::Requests(_))) => holder = next,
            Ok(_) => return,
            Err(_) => return end(&play, &seat).await,
        }
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
