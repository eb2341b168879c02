//! What a registry does in a cluster, besides listing its own servers.

use super::{Registry, key::Key, merged::Merged};
use crate::{
    feed::Feed,
    list::{Clock, MemberRun},
};
use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// For members of a cluster. In a registry that is not [`clustered`](Self::clustered) there is
/// nothing of other members, and the rules for that have no effect.
impl Registry {
    /// The clock that numbers and claims are drawn from.
    #[must_use]
    pub fn clock(&self) -> &Arc<Clock> {
        &self.shared.clock
    }

    pub(super) fn merged(&self) -> &Merged {
        let merged = self.shared.merged.as_ref();
        merged.expect("the registry was made by `Registry::clustered`")
    }

    /// The feed of the servers that are connected here, for the other members of the cluster. Its
    /// servers have their claims. It has changes only while [`run_own`](Self::run_own) runs.
    ///
    /// # Panics
    /// When the registry is not clustered.
    #[must_use]
    pub fn own(&self) -> &Arc<Feed> {
        self.merged().own.feed()
    }

    /// Turns changes of the own feed into frames, once per `tick`, the first after a calm tick at
    /// once, until it is dropped.
    ///
    /// Cancel-safe: changes wait for the next `run_own`. One at a time is meant to run.
    ///
    /// # Panics
    /// When the registry is not clustered.
    pub async fn run_own(&self, tick: Duration) {
        self.merged().own.run(tick).await;
    }

    /// Turns all changes of the own feed so far into a frame, without waiting for the tick. Changes
    /// of a group that is not complete yet wait: then it returns false.
    ///
    /// # Panics
    /// When the registry is not clustered.
    pub fn settle_own(&self) -> bool {
        self.merged().own.settle()
    }

    /// The list has the own servers of this member, which other members know by this name. To be
    /// called once, unless it takes none. Without it the list looks like one of others only.
    pub fn has_own(&self, me: &MemberRun) {
        if let Some(merged) = &self.shared.merged {
            merged.has_own(me);
        }
    }

    /// Changes how many servers are taken from all other members together. More are left out, the
    /// newest first; those that were taken stay. By default there is no limit.
    pub fn set_max_foreign(&self, most: usize) {
        if let Some(merged) = &self.shared.merged {
            merged.set_most_foreign(most);
        }
    }

    /// The number of servers that were taken from other members, whether shown or not.
    #[cfg(test)]
    fn foreign(&self) -> usize {
        self.shared.merged.as_ref().map_or(0, Merged::foreign)
    }

    /// How often servers of other members were left out for want of room, each since its member has
    /// stated [everything anew](super::Replica::begin_anew).
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.shared.merged.as_ref().map_or(0, Merged::left_out)
    }

    /// Changes which addresses are not shown: a server with such an address leaves the list, and
    /// comes back when it is not hidden any more. Own servers are stated to other members all the
    /// same. By default none is hidden. `which` says which are, in the same words at all members
    /// that hide the same, and in none if none is.
    ///
    /// `hidden` is called while rows are locked: it must return at once, and not call the registry.
    /// It is to be set again whenever its answers change.
    pub fn set_hidden(&self, which: &str, hidden: impl Fn(IpAddr) -> bool + Send + Sync + 'static) {
        if let Some(merged) = &self.shared.merged {
            merged.set_hidden(which, Arc::new(hidden));
        }
    }

    /// Ends own registrations of servers that have connected to another member meanwhile: those
    /// that have been losing to a greater claim for `patience`, while the member that has it is
    /// `heard`. They learn of it as of any other [replacement](super::Registration::replaced).
    ///
    /// To be called every second or so: the time of a loss is that of the first call that sees it.
    pub fn settle_lost(
        &self,
        now: Instant,
        patience: Duration,
        heard: impl Fn(&MemberRun) -> bool,
    ) {
        let Some(Merged { lost, .. }) = &self.shared.merged else {
            return;
        };
        for (identity, claim) in lost.due(now, patience, heard) {
            self.entries
                .remove_if_mut(&Key::Identity(identity), |_, entry| {
                    lost.has(identity, claim) && entry.lose(claim)
                });
        }
        self.settle();
    }
}

#[cfg(test)]
mod tests;
