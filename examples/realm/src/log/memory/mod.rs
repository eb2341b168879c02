//! The log in the memory of one process: for `realm dev` and tests.

mod tables;

use self::tables::{Bell, Tables};
use super::{
    Absent, Admission, Commit, Cursor, Dirty, Log, LogError, Outputs, Post, Rev, Stored,
    Whereabouts, Words,
};
use crate::{
    command::Command,
    ids::{Name, ZoneId},
    object::Millis,
};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fmt,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::Notify, time::timeout};

/// A log that ends with its process. Never [`LogError::Away`].
///
/// It keeps at most 10,000 waiting commands and 1,000 outputs of each zone, 200 whispers for each
/// character, and the last 500 messages to everybody.
pub struct MemoryLog(Mutex<Inner>);

struct Inner {
    tables: Tables,
    /// What is rung for whoever waits for it.
    bells: HashMap<Bell, Arc<Notify>>,
}

impl MemoryLog {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        // Places begin with the time of the start: no place that was saved by an earlier process
        // is behind those of this one.
        #[expect(clippy::disallowed_methods, reason = "the edge; read once")]
        let started = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        Self(Mutex::new(Inner {
            tables: Tables::new(started),
            bells: HashMap::new(),
        }))
    }

    /// Loses everything, as a Redis without its files does. For tests.
    pub fn lose(&self) {
        self.change(Tables::lose);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Tables) -> T) -> T {
        let mut inner = self.0.lock();
        let result = change(&mut inner.tables);
        for bell in inner.tables.rung() {
            if let Some(waiting) = inner.bells.get(&bell) {
                waiting.notify_waiters();
            }
        }
        result
    }

    /// Looks again each time the bell rings, until something is found or the time is up.
    async fn wait_for<T>(
        &self,
        bell: Bell,
        wait: Duration,
        look: impl Fn(&Tables) -> Option<T> + Send,
    ) -> Option<T> {
        let bell = Arc::clone(self.0.lock().bells.entry(bell).or_default());
        let found = async {
            loop {
                let mut rung = pin!(bell.notified());
                rung.as_mut().enable();
                if let Some(found) = look(&self.0.lock().tables) {
                    return found;
                }
                rung.await;
            }
        };
        timeout(wait, found).await.ok()
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryLog").finish_non_exhaustive()
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn describe(&self) -> String {
        "The log is in the memory of this process: when it ends, what was not saved is lost."
            .to_owned()
    }

    async fn check(&self) -> Result<Vec<String>, LogError> {
        Ok(Vec::new())
    }

    async fn admit(&self, admission: &Admission) -> Result<Whereabouts, LogError> {
        self.change(|it| it.admit(admission))
    }

    async fn whereabouts(&self, character: &Name) -> Result<Option<Whereabouts>, LogError> {
        Ok(self.0.lock().tables.whereabouts(character))
    }

    async fn append(&self, command: &Command) -> Result<ZoneId, LogError> {
        self.change(|it| it.append(command))
    }

    async fn post(&self, post: &Post) -> Result<(), LogError> {
        self.change(|it| it.post(post))
    }

    async fn take(&self, zone: &ZoneId, epoch: u64) -> Result<Option<Stored>, LogError> {
        self.change(|it| it.take(zone, epoch))
    }

    async fn inputs(
        &self,
        zone: &ZoneId,
        after: Cursor,
        most: usize,
        wait: Duration,
    ) -> Result<Vec<(Cursor, Command)>, LogError> {
        let look = |it: &Tables| some(it.inputs(zone, after, most));
        let found = self.wait_for(Bell::Input(zone.clone()), wait, look).await;
        Ok(found.unwrap_or_default())
    }

    async fn commit(&self, zone: &ZoneId, commit: &Commit) -> Result<(), LogError> {
        self.change(|it| it.commit(zone, commit))
    }

    async fn stored(&self, zone: &ZoneId) -> Result<Option<Stored>, LogError> {
        Ok(self.0.lock().tables.stored(zone))
    }

    async fn outputs(
        &self,
        zone: &ZoneId,
        after: Rev,
        most: usize,
        wait: Duration,
    ) -> Result<Outputs, LogError> {
        let look = |it: &Tables| match it.outputs(zone, after, most) {
            Outputs::Since(since) => some(since).map(Outputs::Since),
            Outputs::Gap => Some(Outputs::Gap),
        };
        let found = self.wait_for(Bell::Output(zone.clone()), wait, look).await;
        Ok(found.unwrap_or_else(|| Outputs::Since(Vec::new())))
    }

    async fn mail_end(&self, character: &Name) -> Result<Cursor, LogError> {
        Ok(self.0.lock().tables.mail_end(character))
    }

    async fn mail(
        &self,
        after: &[(Name, Cursor)],
        wait: Duration,
    ) -> Result<Vec<(Name, Cursor, Words)>, LogError> {
        let look = |it: &Tables| some(it.mail(after));
        let found = self.wait_for(Bell::Mail, wait, look).await;
        Ok(found.unwrap_or_default())
    }

    async fn chat_end(&self) -> Result<Cursor, LogError> {
        Ok(self.0.lock().tables.chat_end())
    }

    async fn chat(&self, after: Cursor, wait: Duration) -> Result<Vec<(Cursor, Words)>, LogError> {
        let look = |it: &Tables| some(it.chat(after));
        let found = self.wait_for(Bell::Chat, wait, look).await;
        Ok(found.unwrap_or_default())
    }

    async fn due(&self, now: Millis, most: usize) -> Result<Vec<(ZoneId, Millis)>, LogError> {
        Ok(self.0.lock().tables.due(now, most))
    }

    async fn woken(&self, zone: &ZoneId, at: Millis) -> Result<(), LogError> {
        self.change(|it| it.woken(zone, at));
        Ok(())
    }

    async fn dirty(&self, most: usize) -> Result<Vec<Dirty>, LogError> {
        Ok(self.0.lock().tables.dirty(most))
    }

    async fn absent(&self, character: &Name) -> Result<Option<Absent>, LogError> {
        Ok(self.change(|it| it.absent(character)))
    }

    async fn saved(&self, what: &Dirty, rev: Rev) -> Result<(), LogError> {
        self.change(|it| it.saved(what, rev));
        Ok(())
    }
}

/// The list, if anything is in it.
fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
