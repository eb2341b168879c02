//! A log in which things go wrong when a test says so.

use crate::{
    command::Command,
    ids::{Name, ZoneId},
    log::{
        Absent, Admission, Commit, Cursor, Dirty, Log, LogError, Outputs, Post, Rev, Stored,
        Whereabouts, Words,
    },
    object::Millis,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::sync::watch;

/// A log between a role and another log: it can be away, lose answers, and hold commits back.
#[derive(Debug)]
pub struct FaultyLog {
    log: Arc<dyn Log>,
    is_away: AtomicBool,
    lost_answers: AtomicUsize,
    reads: AtomicUsize,
    is_holding: watch::Sender<bool>,
    held: watch::Sender<usize>,
    refused: AtomicUsize,
    garbled: Mutex<BTreeSet<ZoneId>>,
}

impl FaultyLog {
    /// One that does what the other one does.
    #[must_use]
    pub fn over(log: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self {
            log,
            is_away: AtomicBool::default(),
            lost_answers: AtomicUsize::default(),
            reads: AtomicUsize::default(),
            is_holding: watch::Sender::new(false),
            held: watch::Sender::new(0),
            refused: AtomicUsize::default(),
            garbled: Mutex::default(),
        })
    }

    /// From now on it cannot be reached, or can be again.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, SeqCst);
    }

    /// The next so many commits are done, and it cannot be reached before it has said so.
    pub fn lose_answers(&self, count: usize) {
        self.lost_answers.store(count, SeqCst);
    }

    /// From now on what is stored of this zone cannot be read, as if a later version had written it.
    pub fn garble(&self, zone: &ZoneId) {
        self.garbled.lock().insert(zone.clone());
    }

    /// From now on commits wait before they are done, or go on.
    pub fn hold_commits(&self, is_holding: bool) {
        self.is_holding.send_replace(is_holding);
    }

    /// Waits until a commit waits: its owner is as if it was frozen between its work and that.
    pub async fn holds_a_commit(&self) {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| *held > 0).await;
    }

    /// How often input was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.reads.load(SeqCst)
    }

    /// How many commits were fenced off.
    #[must_use]
    pub fn fenced(&self) -> usize {
        self.refused.load(SeqCst)
    }

    fn there(&self) -> Result<&dyn Log, LogError> {
        match self.is_away.load(SeqCst) {
            true => Err(LogError::Away("the test says so".into())),
            false => Ok(&*self.log),
        }
    }
}

#[async_trait]
impl Log for FaultyLog {
    fn describe(&self) -> String {
        self.log.describe()
    }

    async fn check(&self) -> Result<Vec<String>, LogError> {
        self.there()?.check().await
    }

    async fn admit(&self, admission: &Admission) -> Result<Whereabouts, LogError> {
        self.there()?.admit(admission).await
    }

    async fn whereabouts(&self, character: &Name) -> Result<Option<Whereabouts>, LogError> {
        self.there()?.whereabouts(character).await
    }

    async fn append(&self, command: &Command) -> Result<ZoneId, LogError> {
        self.there()?.append(command).await
    }

    async fn post(&self, post: &Post) -> Result<(), LogError> {
        self.there()?.post(post).await
    }

    async fn take(&self, zone: &ZoneId, epoch: u64) -> Result<Option<Stored>, LogError> {
        self.there()?.take(zone, epoch).await
    }

    async fn inputs(
        &self,
        zone: &ZoneId,
        after: Cursor,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<(Cursor, Command)>, LogError> {
        self.reads.fetch_add(1, SeqCst);
        self.there()?.inputs(zone, after, most, wait).await
    }

    async fn commit(&self, zone: &ZoneId, commit: &Commit) -> Result<(), LogError> {
        self.held.send_modify(|held| *held += 1);
        let mut is_holding = self.is_holding.subscribe();
        let _ = is_holding.wait_for(|it| !it).await;
        self.held.send_modify(|held| *held -= 1);
        let done = self.there()?.commit(zone, commit).await;
        if matches!(done, Err(LogError::Fenced(_))) {
            self.refused.fetch_add(1, SeqCst);
        }
        let lose = |left: usize| left.checked_sub(1);
        match self.lost_answers.fetch_update(SeqCst, SeqCst, lose) {
            Ok(_) => Err(LogError::Away("the answer is lost".into())),
            Err(_) => done,
        }
    }

    async fn stored(&self, zone: &ZoneId) -> Result<Option<Stored>, LogError> {
        if self.garbled.lock().contains(zone) {
            return Err(LogError::Foreign {
                key: zone.to_string(),
                why: "the test says so".into(),
            });
        }
        self.there()?.stored(zone).await
    }

    async fn outputs(
        &self,
        zone: &ZoneId,
        after: Rev,
        most: usize,
        wait: Duration,
    ) -> Result<Outputs, LogError> {
        self.there()?.outputs(zone, after, most, wait).await
    }

    async fn mail_end(&self, character: &Name) -> Result<Cursor, LogError> {
        self.there()?.mail_end(character).await
    }

    async fn mail(
        &self,
        after: &[(Name, Cursor)],
        wait: Duration,
    ) -> Result<Vec<(Name, Cursor, Words)>, LogError> {
        self.there()?.mail(after, wait).await
    }

    async fn chat_end(&self) -> Result<Cursor, LogError> {
        self.there()?.chat_end().await
    }

    async fn chat(&self, after: Cursor, wait: Duration) -> Result<Vec<(Cursor, Words)>, LogError> {
        self.there()?.chat(after, wait).await
    }

    async fn due(&self, now: Millis, most: usize) -> Result<Vec<(ZoneId, Millis)>, LogError> {
        self.there()?.due(now, most).await
    }

    async fn woken(&self, zone: &ZoneId, at: Millis) -> Result<(), LogError> {
        self.there()?.woken(zone, at).await
    }

    async fn dirty(&self, most: usize) -> Result<Vec<Dirty>, LogError> {
        self.there()?.dirty(most).await
    }

    async fn absent(&self, character: &Name) -> Result<Option<Absent>, LogError> {
        self.there()?.absent(character).await
    }

    async fn saved(&self, what: &Dirty, rev: Rev) -> Result<(), LogError> {
        self.there()?.saved(what, rev).await
    }
}
