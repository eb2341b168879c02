//! What may change while the daemon runs: limits, trusted relays, links to join by and bans.

pub(crate) mod certificates;
mod reload;

pub(crate) use certificates::Certificates;
pub(crate) use metaserve::Limit;

use crate::settings::{Live, Settings};
use metaserve::{
    Close, CloseCode, Fingerprint, Game, Limits,
    bans::{Ban, Bans},
    bounds::Trusted,
    time::wall_clock,
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};
use tokio::sync::watch;

/// The rules of one moment. A connection keeps the limits that it was told when it came; bans and
/// trust hold for those who are in as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    pub(crate) trust_relay: Vec<Fingerprint>,
    pub(crate) join_links: BTreeMap<Game, String>,
    pub(crate) trusted: Trusted,
    pub(crate) bans: Arc<Bans>,
}

impl Rules {
    /// The rules that a daemon begins with.
    ///
    /// # Errors
    /// When the ban file is not in order.
    pub(crate) fn load(settings: &Settings) -> anyhow::Result<Self> {
        let bans = settings.ban_file.as_deref().map(Bans::read).transpose()?;
        Ok(Self::new(
            &settings.live,
            Arc::new(bans.unwrap_or_default()),
        ))
    }

    /// What these settings say, with bans.
    fn new(settings: &Live, bans: Arc<Bans>) -> Self {
        Self {
            limits: settings.limits.clone(),
            trust_relay: settings.trust_relay.clone(),
            join_links: settings.join_links(),
            trusted: settings.trusted(),
            bans,
        }
    }
}

impl Rules {
    /// The ban that holds for an address now, if one does.
    pub(crate) fn banned(&self, address: IpAddr) -> Option<Ban> {
        self.bans.covering(address, wall_clock())
    }
}

/// Waits until the address is banned, if it is not. Cancel-safe.
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

/// What a banned peer is told.
pub(crate) fn banned_close(ban: Ban) -> Close {
    let reason = format!(
        "the operator of this daemon has banned {ban}, and your address with it: contact the \
         operator if this is a mistake"
    );
    Close::new(CloseCode::Banned, reason)
}
