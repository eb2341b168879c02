//! The rules that may change while the daemon runs: limits, trusted relays, join links, tickets and
//! bans.

pub(crate) mod certificates;
mod reload;

pub(crate) use certificates::Certificates;
pub(crate) use metaserve::Limit;

use crate::{
    names::Tickets,
    settings::{Settings, Terms},
};
use anyhow::Context;
use ipnet::IpNet;
use metaserve::{
    Close, CloseCode, Fingerprint, Game, Limits,
    bans::{Ban, Bans},
    bounds::Trusted,
    time::wall_clock,
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::SystemTime};
use tokio::sync::watch;

/// The current rules. A connection keeps the limits that it was given when it connected; bans and
/// trust apply to existing connections as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    pub(crate) trust_relay: Vec<Fingerprint>,
    pub(crate) join_links: BTreeMap<Game, String>,
    pub(crate) trusted: Trusted,
    /// Whether servers may be announced over HTTP.
    pub(crate) announce: bool,
    /// The reverse proxies that say for whom they make a request.
    pub(crate) proxies: Vec<IpNet>,
    pub(crate) bans: Arc<Bans>,
    /// The bans of other members of the cluster.
    pub(crate) bans_of_others: Arc<Bans>,
    /// What holds in a cluster.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(dead_code, reason = "there are no members without NATS")
    )]
    pub(crate) terms: Terms,
    /// The tickets that names need, if they need any.
    pub(crate) tickets: Option<Arc<Tickets>>,
}

impl Rules {
    /// The rules at the start.
    ///
    /// # Errors
    /// When the ban file, or a file of keys for tickets, cannot be read or has a mistake.
    pub(crate) fn load(settings: &Settings) -> anyhow::Result<Self> {
        let bans = settings.ban_file.as_deref().map(Bans::read).transpose()?;
        let tickets = Tickets::load(&settings.names.live).context("--names-need-ticket")?;
        let before = Self {
            bans: Arc::new(bans.unwrap_or_default()),
            tickets: tickets.map(Arc::new),
            ..Self::default()
        };
        Ok(before.adopting(settings))
    }

    /// These settings, with the bans and tickets of before.
    fn adopting(self, settings: &Settings) -> Self {
        let live = &settings.live;
        Self {
            limits: live.limits.clone(),
            trust_relay: live.trust_relay.clone(),
            join_links: live.join_links(),
            trusted: live.trusted(),
            announce: live.announce,
            proxies: live.http_trusted_proxy.iter().map(|it| it.0).collect(),
            terms: settings.cluster.terms(&live.limits),
            ..self
        }
    }
}

impl Rules {
    /// The ban that covers an address now, if any.
    pub(crate) fn banned(&self, address: IpAddr) -> Option<Ban> {
        self.banned_at(address, wall_clock())
    }

    /// The ban that covers an address at this time, if any.
    pub(crate) fn banned_at(&self, address: IpAddr, now: SystemTime) -> Option<Ban> {
        let own = self.bans.covering(address, now);
        own.or_else(|| self.bans_of_others.covering(address, now))
    }

    /// The bans that hold now, of this daemon and of other members of the cluster.
    #[cfg(feature = "cluster")]
    pub(crate) fn bans_in_force(&self) -> Vec<Ban> {
        let now = wall_clock();
        let all = self.bans.iter().chain(self.bans_of_others.iter());
        all.filter(|ban| ban.holds(now)).collect()
    }
}

/// Waits until the address is banned; returns at once if it is. Cancel-safe.
pub(crate) async fn banned(
    mut rules: watch::Receiver<Arc<Rules>>,
    address: impl Fn() -> IpAddr,
) -> Ban {
    loop {
        let ban = rules.borrow_and_update().banned(address());
        if let Some(ban) = ban {
            return ban;
        }
        if rules.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The close for a banned peer.
pub(crate) fn banned_close(ban: Ban) -> Close {
    let reason = format!(
        "the operator of this daemon has banned {ban}, which includes your address: contact the \
         operator if this is a mistake"
    );
    Close::new(CloseCode::Banned, reason)
}
