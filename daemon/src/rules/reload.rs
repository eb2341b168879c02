//! Reloading the settings, the certificate, the bans and the keys for tickets while the daemon runs. Mistakes are
//! logged, and the old values stay in force.

use super::Rules;
use crate::{names::Tickets, settings::Settings, shared::Shared};
use metaserve::{bans::Bans, time::wall_clock};
use std::sync::Arc;

impl Shared {
    /// Adopts the new settings, if they are valid, and reads the certificate and the bans again:
    /// the operator has sent a signal.
    pub(crate) async fn reload(&self, settings: Option<Settings>) {
        if let Some(settings) = settings {
            self.adopt(&settings);
        }
        self.reload_certificate();
        self.reload_bans().await;
    }

    fn adopt(&self, settings: &Settings) {
        let tickets = Tickets::load(&settings.names.live);
        if let Err(error) = &tickets {
            tracing::error!("keeping the old keys for tickets: {error}");
        }
        self.change_rules(|rules| {
            *rules = std::mem::take(rules).adopting(settings);
            if let Ok(tickets) = tickets {
                rules.tickets = tickets.map(Arc::new);
            }
        });
        let limits = &settings.live.limits;
        self.registry.set_max_games(limits.max_games);
        if self.cluster.is_some() {
            self.registry.set_max_foreign(limits.cluster_max_servers);
        }
        self.registry
            .set_rows(limits.max_listed_per_prefix, settings.live.trusted());
        self.show_newcomers();
    }

    /// Reads the certificate files again, for new connections. Existing ones are not affected.
    pub(crate) fn reload_certificate(&self) {
        let reloaded = self.certificates.reload();
        self.show_newcomers();
        if let Some(fingerprint) = reloaded {
            tracing::info!(%fingerprint, "the certificate was reloaded");
        }
    }

    /// Uses the current certificate and limits for new connections.
    fn show_newcomers(&self) {
        let set = |config| self.shards.set_server_config(Some(&config));
        self.certificates.show(|| self.rules().limits.clone(), set);
    }

    /// Reads the ban file again, if there is one, and disconnects peers that are banned now.
    pub(crate) async fn reload_bans(&self) {
        let Some(path) = self.settings.ban_file.clone() else {
            return;
        };
        // Reading a long file would block other tasks for too long.
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
            Err(error) => tracing::error!("keeping the old bans: {error:#}"),
        }
    }

    /// Uses these bans of other members of the cluster, and disconnects peers that are banned now.
    #[cfg(feature = "cluster")]
    pub(crate) fn adopt_bans_of_others(&self, bans: Bans) {
        let before = self.rules().bans_of_others.clone();
        if *before != bans {
            let count = bans.count(wall_clock());
            tracing::info!("the bans of other members have changed: {count} prefixes");
            self.change_rules(|rules| rules.bans_of_others = Arc::new(bans));
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
