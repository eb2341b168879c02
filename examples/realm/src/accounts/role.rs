//! What all requests share.

use super::{Settings, addresses, database::Database, http::Problem, keys::Keys, password::Hasher};
use crate::{ids::ZoneId, log::Log, tickets::Tickets};
use ipnet::IpNet;
use metaserve_ticket::Issuer;
use std::{net::IpAddr, sync::Arc};
use tokio::sync::watch;

/// Where characters come into the world.
const START: &str = "shared/meadow";

/// The accounts role of this process.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) database: Database,
    pub(super) log: Arc<dyn Log>,
    pub(super) issuer: Issuer,
    pub(super) tickets: Tickets,
    pub(super) hasher: Hasher,
    /// Where new characters begin.
    pub(super) start: ZoneId,
    pub(super) standing: watch::Sender<Standing>,
    proxies: Vec<IpNet>,
}

/// Whether this process carries the role out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It holds the claim.
    pub(super) holds: bool,
    /// The database was reached, and its tables can be used. The connection may be lost again since.
    pub(super) is_ready: bool,
}

impl Role {
    pub(super) fn new(
        settings: &Settings,
        keys: &Keys,
        database: Database,
        log: Arc<dyn Log>,
    ) -> Self {
        Self {
            database,
            log,
            issuer: keys.issuer.clone(),
            tickets: Tickets::new(keys.pass.public.clone()),
            hasher: Hasher::new(),
            start: START.parse().expect("the first zone has a valid name"),
            standing: watch::Sender::default(),
            proxies: settings.trusted_proxy.clone(),
        }
    }

    /// Why the role does not serve now.
    pub(super) fn not_serving(&self) -> Option<Problem> {
        let Standing { holds, is_ready } = *self.standing.borrow();
        match (holds, is_ready) {
            (true, true) => None,
            (true, false) => Some(Problem::later(
                "the database of accounts cannot be reached yet",
            )),
            (false, _) => Some(Problem::later(
                "this is a spare: another process has the role of accounts, or none until the \
                 daemon grants it",
            )),
        }
    }

    /// The address of a client, as far as proxies can be believed.
    pub(super) fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        addresses::client(peer, forwarded, &self.proxies)
    }
}
