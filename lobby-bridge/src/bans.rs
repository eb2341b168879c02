//! Who may not come in, whichever protocol they speak: the ban file, read again when it changes.
//!
//! The file is that of [`metaserve::bans`], and the service and its moderators write to it as the
//! commands `ban` and `unban` do. It is a file, and not a table beside the accounts, since a ban
//! is about all protocols, has to hold while the database is away, and is the operator's to see
//! and to lift with one tool.

use std::{net::IpAddr, path::Path, sync::Arc, time::SystemTime};

use metaserve::{
    bans::{Ban, BanFileError, Bans, Whom, change_file},
    files::Look,
    time::wall_clock,
};
use tokio::sync::watch;

/// The bans of this moment, for all who serve peers. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    file: Option<Arc<Path>>,
    /// At the file, before it was read.
    look: Option<Look>,
    current: Arc<watch::Sender<Arc<Bans>>>,
}

impl Guard {
    /// Nobody is banned, and nobody can be.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The bans of this file, which has to exist.
    ///
    /// # Errors
    /// When it cannot be read, or is not in order.
    pub fn open(file: &Path) -> Result<Self, BanFileError> {
        let look = Look::new(vec![file.to_owned()]);
        let bans = Bans::read(file)?;
        Ok(Self {
            file: Some(file.into()),
            look: Some(look),
            current: Arc::new(watch::Sender::new(Arc::new(bans))),
        })
    }

    /// Whether bans can be written.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// The bans of this moment, and what says when they change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Bans>> {
        self.current.subscribe()
    }

    /// The ban that holds for everybody at this address now, if one does.
    pub(crate) fn banned(&self, address: IpAddr) -> Option<Ban> {
        self.current.borrow().covering(address, wall_clock())
    }

    /// Waits until everybody at this address is banned, if they are not. Cancel safe.
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

    /// Changes the file, and what holds with it.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&str, SystemTime) -> (String, T) + Send + 'static,
    ) -> anyhow::Result<T> {
        let Some(file) = self.file.clone() else {
            anyhow::bail!("there is no ban file (--ban-file)");
        };
        let changed = tokio::task::spawn_blocking(move || {
            change_file(&file, |text| change(text, wall_clock()))
        });
        let changed = changed.await??;
        self.reload().await;
        Ok(changed)
    }

    /// Reads the file again whenever it changes. Never ends by itself.
    pub async fn watch(self) {
        match self.look.clone() {
            Some(look) => look.watch(async move || self.reload().await).await,
            None => std::future::pending().await,
        }
    }

    /// Reads the file again. A mistake in it is logged, and changes nothing.
    pub async fn reload(&self) {
        let Some(file) = self.file.clone() else {
            return;
        };
        // A long file takes longer than players should wait.
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

/// What a banned peer is told.
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
