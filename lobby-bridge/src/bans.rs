//! The bans of all protocols: the ban file, which is read again when it changes.
//!
//! Its format is that of [`metaserve::bans`]. The service and its moderators write to it, and so do
//! the commands `ban` and `unban`. It is a file instead of a table of the accounts' database
//! because bans concern all protocols, must hold while the database is unreachable, and should be
//! visible and removable with one tool.

use std::{net::IpAddr, path::Path, sync::Arc, time::SystemTime};

use futures::{Stream, stream};
use metaserve::{
    bans::{Ban, BanFileError, Bans, Whom, change_file},
    files::Look,
    time::wall_clock,
};
use tokio::sync::watch;

/// The current bans, for everything that serves peers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    file: Option<Arc<Path>>,
    /// The state of the file from before it was read.
    look: Option<Look>,
    current: Arc<watch::Sender<Arc<Bans>>>,
}

impl Guard {
    /// A guard without bans, to which none can be added.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads the bans of this file, which must exist.
    ///
    /// # Errors
    /// The file cannot be read, or has a mistake.
    pub fn open(file: &Path) -> Result<Self, BanFileError> {
        let look = Look::new(vec![file.to_owned()]);
        let bans = Bans::read(file)?;
        Ok(Self {
            file: Some(file.into()),
            look: Some(look),
            current: Arc::new(watch::Sender::new(Arc::new(bans))),
        })
    }

    /// Whether bans can be added.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// How many prefixes are banned at this time.
    pub(crate) fn count(&self, now: SystemTime) -> usize {
        self.current.borrow().count(now)
    }

    /// Returns a receiver of the current bans and of all later ones.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Bans>> {
        self.current.subscribe()
    }

    /// Returns the current bans, and then each newer state, as long as the guard is used.
    pub(crate) fn changes(&self) -> impl Stream<Item = Arc<Bans>> + Send + use<> {
        let mut bans = self.subscribe();
        bans.mark_changed();
        stream::unfold(bans, async |mut bans| {
            bans.changed().await.ok()?;
            let current = bans.borrow_and_update().clone();
            Some((current, bans))
        })
    }

    /// Returns the ban that now holds for everybody at this address, if there is one.
    pub(crate) fn banned(&self, address: IpAddr) -> Option<Ban> {
        self.current.borrow().covering(address, wall_clock())
    }

    /// Waits until everybody at this address is banned. Cancel safe.
    pub(crate) async fn until_banned(&self, address: IpAddr) -> Ban {
        let mut current = self.subscribe();
        loop {
            let ban = current.borrow_and_update().covering(address, wall_clock());
            if let Some(ban) = ban {
                return ban;
            }
            if current.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Changes the file and the current bans.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&str, SystemTime) -> (String, T) + Send + 'static,
    ) -> anyhow::Result<T> {
        let Some(file) = self.file.clone() else {
            anyhow::bail!("no ban file is set: name one with --ban-file");
        };
        let changed = tokio::task::spawn_blocking(move || {
            change_file(&file, |text| change(text, wall_clock()))
        });
        let changed = changed.await??;
        self.reload().await;
        Ok(changed)
    }

    /// Reads the file again whenever it changes. Never completes.
    pub async fn watch(self) {
        match self.look.clone() {
            Some(look) => look.watch(async move || self.reload().await).await,
            None => std::future::pending().await,
        }
    }

    /// Reads the file again. A mistake in it is logged and changes nothing.
    pub async fn reload(&self) {
        let Some(file) = self.file.clone() else {
            return;
        };
        // Reading a long file takes longer than players should wait.
        let read = tokio::task::spawn_blocking(move || Bans::read(&file)).await;
        match read.map_err(anyhow::Error::from).and_then(|it| Ok(it?)) {
            Ok(bans) => {
                let now = wall_clock();
                let (all, guests) = (bans.count(now), bans.count_guests(now));
                self.current.send_if_modified(|current| {
                    let changed = **current != bans;
                    if changed {
                        tracing::info!(
                            "the bans were reloaded: {all} prefixes, and {guests} for guests"
                        );
                        *current = Arc::new(bans);
                    }
                    changed
                });
            }
            Err(error) => tracing::error!("the old bans stay in force: {error:#}"),
        }
    }
}

/// Returns what a banned peer is told.
pub(crate) fn told(ban: &Ban) -> String {
    let until = ban.until.map(|until| {
        let until = humantime::format_rfc3339_seconds(until);
        format!(" until {until}")
    });
    let until = until.unwrap_or_default();
    match ban.whom {
        Whom::Everybody => format!(
            "Your address is banned from this server{until}. Contact its operator if this is a \
             mistake."
        ),
        Whom::Guests => format!(
            "Guests from your address are banned from this server{until}. Players with an account \
             can still log in."
        ),
    }
}
