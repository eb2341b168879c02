//! What the merged list depends on besides statements.

use crate::{
    list::{Basis, Clock, MemberRun, Stamp},
    registry::games::Games,
};
use parking_lot::Mutex;
use std::sync::Arc;

/// Which members' statements are taken in, and what is hidden.
pub(super) struct Depends {
    games: Arc<Games>,
    clock: Arc<Clock>,
    view: Mutex<View>,
}

/// Sums of hashes, so that the order does not matter.
#[derive(Clone, Copy, Default)]
pub(super) struct View {
    members: u64,
    hidden: u64,
    /// Statements were left out.
    pub(super) incomplete: bool,
}

impl View {
    pub(super) fn add(&mut self, member: &MemberRun) {
        self.members = self.members.wrapping_add(of_member(member));
    }

    pub(super) fn remove(&mut self, member: &MemberRun) {
        self.members = self.members.wrapping_sub(of_member(member));
    }

    pub(super) fn hide(&mut self, which: &str) {
        self.hidden = match which {
            "" => 0,
            _ => hash(&[which.as_bytes()]),
        };
    }

    fn told(self) -> Option<u64> {
        (!self.incomplete).then_some(self.members ^ self.hidden)
    }
}

impl Depends {
    pub(super) fn new(games: Arc<Games>, clock: Arc<Clock>) -> Self {
        let depends = Self {
            games,
            clock,
            view: Mutex::default(),
        };
        depends.change(Stamp(0), |_| {});
        depends
    }

    /// Changes what the list depends on; about a member that `joined` at this time if it is not
    /// zero. What is different by that must not be shown before this.
    pub(super) fn change(&self, joined: Stamp, change: impl FnOnce(&mut View)) {
        let mut view = self.view.lock();
        change(&mut view);
        self.tell(*view, self.clock.advance(), joined);
    }
    /// The same for a member that joins. Returns when it does so.
    pub(super) fn join(&self, change: impl FnOnce(&mut View)) -> Stamp {
        let mut view = self.view.lock();
        change(&mut view);
        let since = self.clock.advance();
        self.tell(*view, since, since);
        since
    }

    fn tell(&self, view: View, since: Stamp, joined: Stamp) {
        self.games.depend(Basis {
            view: view.told(),
            since,
            joined,
        });
    }
}

fn of_member(member: &MemberRun) -> u64 {
    hash(&[&member.run.to_le_bytes(), member.name.as_bytes()])
}

/// The same at all members.
fn hash(parts: &[&[u8]]) -> u64 {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    parts.iter().for_each(|part| hash.update(part));
    let digest = hash.finish();
    let first = digest.as_ref().first_chunk();
    first.map_or(0, |first| u64::from_le_bytes(*first))
}
