//! The state that all tasks of a daemon share.

use crate::{
    admission::Admission,
    cluster::View,
    metrics::{BannedAt, Metrics},
    names::Door,
    rules::{Certificates, Rules, banned_close},
    settings::Settings,
    shards::Shards,
    whereabouts::Whereabouts,
};
use metaserve::{Close, feed::Feeds, registry::Registry};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tokio::sync::watch;

/// What the task of every connection needs.
pub(crate) struct Shared {
    pub(crate) shards: Shards,
    pub(crate) certificates: Certificates,
    pub(crate) registry: Arc<Registry>,
    pub(crate) feeds: Arc<Feeds>,
    /// The settings at the start. Those that may change later are in the rules.
    pub(crate) settings: Settings,
    pub(crate) rules: watch::Sender<Arc<Rules>>,
    pub(crate) admission: Admission,
    pub(crate) metrics: Metrics,
    pub(crate) whereabouts: Whereabouts,
    /// The cluster that this daemon belongs to, if it does.
    pub(crate) cluster: Option<Arc<View>>,
    /// Where peers of names come in, if the daemon has names.
    pub(crate) names: Option<Door>,
}

impl Shared {
    /// Completes when every shard is free to run a task and no shared state is locked permanently.
    pub(crate) async fn pass_through_shards(self: Arc<Self>) {
        let feeds = self.feeds.clone();
        let look = move || {
            let _ = feeds.of(None).revision();
        };
        self.shards.pass_through(look).await;
    }

    /// Waits until the list is as complete as it is going to be: in a cluster, until the servers of
    /// the other members are known. Cancel-safe.
    pub(crate) async fn joined(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.joined().await;
        }
    }

    /// Whether the list is as complete as it is going to be.
    pub(crate) fn is_joined(&self) -> bool {
        self.cluster.as_ref().is_none_or(|it| it.is_joined())
    }

    /// The address that the daemon listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.shards.local_addr().unwrap_or(self.settings.listen)
    }

    /// The state of the daemon in one line.
    pub(crate) fn status(&self) -> String {
        let (address, fingerprint) = (self.address(), self.certificates.fingerprint());
        format!("serving on {address} (UDP), certificate {fingerprint}")
    }

    /// The current rules.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.borrow().clone()
    }

    /// Refuses a connection from an address that is banned, and counts it.
    pub(crate) fn not_banned(&self, address: IpAddr) -> Result<(), Close> {
        let Some(ban) = self.rules.borrow().banned(address) else {
            return Ok(());
        };
        self.metrics.banned(BannedAt::Connection);
        Err(banned_close(ban))
    }
}
