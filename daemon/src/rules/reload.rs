//! What is read again while the daemon runs. What is not in order is named in the log, and what
//! held before goes on holding.

use super::Rules;
use crate::{
    settings::{Live, Settings},
    shared::Shared,
};
use metaserve::{bans::Bans, time::wall_clock};
use std::sync::Arc;

impl Shared {
    /// Adopts what the settings say now, unless they have mistakes, and reads everything else
    /// again, as the operator asks with a signal.
    pub(crate) async fn reload(&self, settings: Option<Settings>) {
        if let Some(settings) = settings {
            self.adopt(&settings.live);
        }
        self.reload_certificate();
        self.reload_bans().await;
    }

    fn adopt(&self, settings: &Live) {
        self.change_rules(|rules| *rules = Rules::new(settings, rules.bans.clone()));
        let limits = &settings.limits;
        self.registry.set_max_games(limits.max_games);
        self.registry
            .set_rows(limits.max_listed_per_prefix, settings.trusted());
        self.show_newcomers();
    }

    /// Reads the certificate files again, for connections from now on. Existing ones go on.
    pub(crate) fn reload_certificate(&self) {
        let reloaded = self.certificates.reload();
        self.show_newcomers();
        // Said when it is true.
        if let Some(fingerprint) = reloaded {
            tracing::info!(%fingerprint, "the certificate was reloaded");
        }
    }

    /// Lets connections from now on have the current certificate and limits.
    fn show_newcomers(&self) {
        let set = |config| self.endpoint.set_server_config(Some(config));
        self.certificates.show(|| self.rules().limits.clone(), set);
    }

    /// Reads the ban file again, if there is one. Whoever is banned by it now is closed.
    pub(crate) async fn reload_bans(&self) {
        let Some(path) = self.settings.ban_file.clone() else {
            return;
        };
        // A long file takes longer than games should wait.
        let read = tokio::task::spawn_blocking(move || Bans::read(&path)).await;
        match read.map_err(anyhow::Error::from).and_then(|read| Ok(read?)) {
            Ok(bans) if bans == *self.rules().bans => {}
            Ok(bans) => {
                tracing::info!(
                    "the bans were reloaded: {} prefixes",
                    bans.count(wall_clock())
                );
                self.change_rules(|rules| rules.bans = Arc::new(bans));
            }
            Err(error) => tracing::error!("the old bans stay in force: {error:#}"),
        }
    }

    fn change_rules(&self, change: impl FnOnce(&mut Rules)) {
        self.rules.send_modify(|rules| {
            let mut changed = (**rules).clone();
            change(&mut changed);
            *rules = Arc::new(changed);
        });
    }
}
