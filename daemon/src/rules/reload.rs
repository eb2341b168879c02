//! What is read again while the daemon runs. What is not in order is named in the log, and what
//! held before goes on holding.

use super::{Limit, Rules};
use crate::{cli::Config, shared::Shared};
use metaserve::{bans::Bans, program::log::Log, time::wall_clock};
use std::sync::Arc;

impl Shared {
    /// Reads everything again, as the operator asks with a signal. `config` is what the settings
    /// say now.
    pub(crate) async fn reload(&self, config: anyhow::Result<Config>, log: &Log) {
        let adopted = config.and_then(|config| self.adopt(&config, log));
        if let Err(error) = adopted {
            tracing::error!("the running configuration stays: {error:#}");
        }
        self.reload_certificate();
        self.reload_bans().await;
    }

    /// Changes what can be changed while running, and names what cannot. On an error nothing is.
    fn adopt(&self, config: &Config, log: &Log) -> anyhow::Result<()> {
        log.set_filter(&config.log)?;
        let before = self.rules();
        self.change_rules(|rules| {
            rules.limits = config.limits.clone();
            rules.trust_relay.clone_from(&config.trust_relay);
            rules.join_links.clone_from(&config.join_links);
            rules.trusted.clone_from(&config.trusted);
        });
        self.registry.set_max_games(config.limits.max_games);
        self.registry
            .set_rows(config.limits.max_listed_per_prefix, config.trusted.clone());
        self.show_newcomers(&config.limits);
        let changed = differences(&before, config);
        tracing::info!("the configuration was reloaded: {changed}");
        let fixed = self.config.fixed_that_differ(config);
        if !fixed.is_empty() {
            tracing::warn!("needs a restart: {}", fixed.join(", "));
        }
        Ok(())
    }

    /// Reads the certificate files again, for connections from now on. Existing ones go on.
    pub(crate) fn reload_certificate(&self) {
        self.certificates.reload();
        self.show_newcomers(&self.rules().limits);
    }

    /// Lets connections from now on have the current certificate and these limits.
    fn show_newcomers(&self, limits: &metaserve::Limits) {
        let config = self.certificates.server_config(limits);
        self.endpoint.set_server_config(Some(config));
    }

    /// Reads the ban file again, if there is one. Whoever is banned by it now is closed.
    pub(crate) async fn reload_bans(&self) {
        let Some(path) = self.config.ban_file.clone() else {
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

/// Which settings are new, for the log.
fn differences(before: &Rules, config: &Config) -> String {
    let differs = |limit: &&Limit| {
        let [old, new] = [&before.limits, &config.limits].map(|limits| limit.value(limits));
        old.total_cmp(&new).is_ne()
    };
    let limits = Limit::ALL.iter().filter(differs);
    let mut names: Vec<_> = limits.map(|limit| limit.setting()).collect();
    if before.trust_relay != config.trust_relay {
        names.push("--trust-relay".into());
    }
    if before.join_links != config.join_links {
        names.push("--join-link".into());
    }
    if before.trusted != config.trusted {
        names.push("--trusted-prefix".into());
    }
    match names.is_empty() {
        true => "no limit and no relay has changed".into(),
        false => format!("{} changed", names.join(", ")),
    }
}
