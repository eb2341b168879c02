//! The log: what goes into each zone, its state, and what comes out of it.
//!
//! A command is accepted when it is in the input log of the zone where its character is. The zone's
//! owner reads on from the state's [`Cursor`], works a batch, and hands everything to one
//! [`Commit`], which happens whole or not at all, and which is refused if a later owner has taken
//! the state. So every command is done once, whoever is killed or frozen.
//!
//! There are two: [`memory`], which ends with its process, and [`redis`].

pub mod memory;
pub mod redis;

use crate::{
    command::{Arrival, Command, Output},
    ids::{Name, ObjectId, SessionId, ZoneId},
    messages::Scope,
    object::{Millis, Object, Place, Point, Sheet},
};
use anyhow::bail;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};
use thiserror::Error;

/// So many commands wait for a zone at most; then it is [`LogError::Full`].
pub const MOST_INPUT: usize = 10_000;

/// So many outputs of a zone are kept.
pub const MOST_OUTPUT: usize = 1_000;

/// So many whispers for a character are kept.
pub const MOST_MAIL: usize = 200;

/// So many messages to everybody are kept.
pub const MOST_CHAT: usize = 500;

/// Opens a log: `memory:`, or `redis://HOST:PORT/DB`. A Redis that cannot be reached now is no
/// error: every method tries again.
///
/// # Errors
/// The URL is not one of these.
pub fn open(url: &str) -> anyhow::Result<Arc<dyn Log>> {
    if url == "memory:" {
        return Ok(Arc::new(memory::MemoryLog::new()));
    }
    if url.starts_with("redis:") || url.starts_with("redis+unix:") {
        return Ok(Arc::new(redis::RedisLog::open(url)?));
    }
    // The rest may hold a password.
    let kind = url.split(':').next().unwrap_or_default();
    bail!("there is no log of the kind {kind}: use memory: or redis://HOST:PORT/DB");
}

/// The URL of a log. It may hold a password, so `{:?}` shows its kind only.
#[derive(Clone, PartialEq, Eq)]
pub struct LogUrl(String);

impl LogUrl {
    /// All of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for LogUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.split(':').next().unwrap_or_default();
        write!(f, "LogUrl({kind}:…)")
    }
}

/// A place in a log: entries after it have not been read. `Cursor::default()` is before all.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Cursor(pub u64, pub u64);

/// Counts the commits of a zone, from 1. Grows also when the zone had to be restored from the
/// database.
pub type Rev = u64;

/// All that is stored of a zone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stored {
    /// The epoch of the owner that has taken it last.
    pub epoch: u64,
    /// Its last commit.
    pub rev: Rev,
    /// Up to where the input is done.
    pub cursor: Cursor,
    /// What else the world remembers; see [`Commit::world`].
    pub world: serde_json::Value,
    /// All objects, players among them.
    pub objects: Vec<Object>,
}

impl Stored {
    /// What is below and around the objects: the owner keeps it as `place` in `world`.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        Place::deserialize(self.world.get("place")?).ok()
    }
}

/// The result of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The owner's.
    pub epoch: u64,
    /// One more than the stored one; at an owner's first commit, or if nothing is stored, any greater
    /// one. An owner that goes on from what is stored leaves out more revisions than the log may have
    /// lost when its machine did: so nobody takes them for those that they have read.
    pub rev: Rev,
    /// Up to where the input is done.
    pub cursor: Cursor,
    /// What the world remembers beside its objects: random seed, last numbers, and the
    /// [`Place`] of its map as `place`.
    pub world: serde_json::Value,
    /// New and changed objects, whole.
    pub changed: Vec<Object>,
    /// Objects that are no longer there.
    pub gone: Vec<ObjectId>,
    /// What everybody who is there reads.
    pub output: Output,
    /// Characters that go to another zone.
    pub travellers: Vec<Traveller>,
    /// Characters that leave the world. Not those that came back in the same batch: they stay, as
    /// they were when they left. One whose later commands the log finds behind the cursor comes in
    /// again at once, before these: nothing that was accepted is lost.
    pub leavers: Vec<Leaver>,
    /// Words for characters wherever they are.
    pub whispers: Vec<(Name, Words)>,
    /// When the zone wants to be started if it is not running then. At once, whatever this says,
    /// while a character waits to come in.
    pub wake: Option<Millis>,
}

/// A character on its way to another zone: its [`Action::Enter`](crate::command::Action::Enter)
/// goes into that zone's input, followed by its commands that came too late for this one: those of
/// `then`, and those behind the commit's cursor, which the log itself finds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traveller {
    /// The character.
    pub character: Name,
    /// Its session.
    pub session: SessionId,
    /// Where it goes.
    pub to: ZoneId,
    /// What it takes along.
    pub arrival: Arrival,
    /// Its later commands of the same batch.
    pub then: Vec<Command>,
}

/// A character that leaves the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Leaver {
    /// The character.
    pub character: Name,
    /// What it was at the end, for the next time.
    pub arrival: Arrival,
}

/// Something said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Who heard it.
    pub scope: Scope,
    /// Who said it.
    pub from: String,
    /// The words.
    pub text: String,
}

/// Where a character is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Whereabouts {
    /// The one zone that it is in, or was in when it left.
    pub zone: ZoneId,
    /// Whether it is in the world.
    pub present: bool,
    /// The session that plays it, or did.
    pub session: SessionId,
    /// The epoch of that session's claim.
    pub epoch: u64,
    /// The last command that was accepted from this session, in a zone's log or by
    /// [`Log::post`].
    pub seq: u64,
    /// What it was when it came or left.
    pub arrival: Arrival,
}

/// Brings a character into the world, or a new session to one that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    /// The character.
    pub character: Name,
    /// The session.
    pub session: SessionId,
    /// The epoch of the claim `session/ACCOUNT`. An older one than the stored one is refused.
    pub epoch: u64,
    /// Where it was last, by the database. Used only if the log knows nothing of it.
    pub zone: ZoneId,
    /// What it was last, by the database. Used only if the log knows nothing of it. If the log knows
    /// a character that is not in the world with an older sheet, or of another account, that one was
    /// deleted since, and its name given to this one: it is as unknown as its session.
    pub arrival: Arrival,
}

/// A message that no zone passes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Who says it.
    pub character: Name,
    /// Its session.
    pub session: SessionId,
    /// Its number, as that of a command.
    pub seq: u64,
    /// [`Scope::All`] or [`Scope::To`].
    pub words: Words,
}

/// What the keeper saves of a character that is not in any zone now.
#[derive(Clone, Debug, PartialEq)]
pub struct Absent {
    /// The character.
    pub character: Name,
    /// Where it was, or is on its way to.
    pub zone: ZoneId,
    /// Where in that zone; `None` where the map says.
    pub at: Option<Point>,
    /// Statistics and inventory.
    pub sheet: Sheet,
}

/// What was changed since it was saved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dirty {
    /// A zone with all that is in it.
    Zone(ZoneId),
    /// A character that has left or travels.
    Character(Name),
}

/// What comes out of a zone after a revision.
#[derive(Clone, Debug, PartialEq)]
pub enum Outputs {
    /// All outputs since, in order; none if nothing has happened.
    Since(Vec<(Rev, Output)>),
    /// Some of them are not kept any more: read a snapshot.
    Gap,
}

/// Why the log did not do something.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// It cannot be reached, or does not answer: what was asked may have been done, or not.
    #[error("the log cannot be reached: {0}")]
    Away(String),
    /// It refuses to write: no space, no memory, read-only.
    #[error("the log does not take anything now: {0}")]
    Refuses(String),
    /// It holds something that this version does not understand.
    #[error("the log holds something else at {key}: {why}")]
    Foreign {
        /// Where.
        key: String,
        /// A sentence.
        why: String,
    },
    /// A later owner has the zone, or a later session the character.
    #[error("{0} belongs to another one now")]
    Fenced(String),
    /// The log has lost the zone or the character: read it from the database.
    #[error("the log knows nothing of {0}")]
    Unknown(String),
    /// Too much waits to be done there.
    #[error("{0} is busy: too many commands wait")]
    Full(String),
    /// The one that was spoken to is not in the world.
    #[error("{0} is not here")]
    Absent(Name),
}

/// What all roles share. Every method is atomic, and may be called again with the same arguments
/// after [`LogError::Away`]: what was done already is not done twice.
#[async_trait]
pub trait Log: fmt::Debug + Send + Sync {
    /// A sentence for the operator and the page: what kind of log it is, and what it does not
    /// outlive.
    fn describe(&self) -> String;

    /// Whether the log answers, and whether it is set up to lose nothing: a warning for each
    /// setting that says otherwise.
    async fn check(&self) -> Result<Vec<String>, LogError>;

    /// Brings a character into the world, or a new session to one that is there, and says where it
    /// is. [`LogError::Fenced`] if a later session has it, or one of another account,
    /// [`LogError::Full`] if the zone has too much to do. Its zone gets an `Enter` and is due at once,
    /// unless the session and its epoch are there already.
    async fn admit(&self, admission: &Admission) -> Result<Whereabouts, LogError>;

    /// Where a character is.
    async fn whereabouts(&self, character: &Name) -> Result<Option<Whereabouts>, LogError>;

    /// Accepts a command: puts it into the input of the zone where its character is, and says
    /// which that is. Not put there again if its number was accepted before, or if it is a second
    /// `Leave`. `Fenced` if another session plays the character, `Unknown` if it is not in the
    /// world or about to leave, `Full` if the zone has too much to do.
    async fn append(&self, command: &Command) -> Result<ZoneId, LogError>;

    /// Passes on a whisper or words for everybody, once for each number. `Fenced`, `Unknown`, or
    /// `Absent` if the one it is for is not in the world: then the number is not used up.
    async fn post(&self, post: &Post) -> Result<(), LogError>;

    /// Takes a zone for an owner: from now on commits of smaller epochs are `Fenced`, and this
    /// itself is if a later owner was here. `None` if nothing is stored of it: then whatever the
    /// zone is made from, it begins to read at `Cursor::default()`.
    async fn take(&self, zone: &ZoneId, epoch: u64) -> Result<Option<Stored>, LogError>;

    /// Input after a cursor, oldest first, at most so many. Waits so long if there is none.
    async fn inputs(
        &self,
        zone: &ZoneId,
        after: Cursor,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<(Cursor, Command)>, LogError>;

    /// Commits a batch. `Fenced` if a later owner has the zone. `Unknown` if the log has lost the
    /// zone, or its last commits: the owner takes it again, and goes on from what is stored. The
    /// same commit again (epoch and revision) is one commit.
    async fn commit(&self, zone: &ZoneId, commit: &Commit) -> Result<(), LogError>;

    /// The zone as it is, for who does not own it.
    async fn stored(&self, zone: &ZoneId) -> Result<Option<Stored>, LogError>;

    /// What came out of a zone after a revision, at most so many. Waits so long if there is nothing.
    /// [`Outputs::Gap`] also if the log has lost that revision, and the zone has gone on without it.
    async fn outputs(
        &self,
        zone: &ZoneId,
        after: Rev,
        most: usize,
        wait: Duration,
    ) -> Result<Outputs, LogError>;

    /// The end of a character's mail: whispers after it have not been read.
    async fn mail_end(&self, character: &Name) -> Result<Cursor, LogError>;

    /// Whispers for several characters, each after a cursor. Waits so long if there are none.
    async fn mail(
        &self,
        after: &[(Name, Cursor)],
        wait: Duration,
    ) -> Result<Vec<(Name, Cursor, Words)>, LogError>;

    /// The end of what was said to everybody.
    async fn chat_end(&self) -> Result<Cursor, LogError>;

    /// What was said to everybody, after a cursor. Waits so long if there is nothing.
    async fn chat(&self, after: Cursor, wait: Duration) -> Result<Vec<(Cursor, Words)>, LogError>;

    /// Zones that want to be started by now, at most so many, with the time they asked for.
    async fn due(&self, now: Millis, most: usize) -> Result<Vec<(ZoneId, Millis)>, LogError>;

    /// Takes a zone off that list, if it has not asked for another time since.
    async fn woken(&self, zone: &ZoneId, at: Millis) -> Result<(), LogError>;

    /// What was changed since it was saved, at most so much; first what has waited longest.
    async fn dirty(&self, most: usize) -> Result<Vec<Dirty>, LogError>;

    /// A character that is in no zone: what is to be saved of it. `None` if it is in one, where it
    /// is saved with the zone, or if nothing is known of it; that takes it off the list.
    async fn absent(&self, character: &Name) -> Result<Option<Absent>, LogError>;

    /// Takes something off that list if it is still at this revision, that of the zone or that of the
    /// character's sheet, or if nothing is known of it. Else, also if what is known cannot be read, it
    /// goes to the end of the list.
    async fn saved(&self, what: &Dirty, rev: Rev) -> Result<(), LogError>;
}
