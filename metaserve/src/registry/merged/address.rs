//! The rows of one address, for servers without an identity.

use super::{Of, Shows};
use crate::{
    list::{Change, Origin, Server},
    registry::{claims, games::Member},
};
use bytes::Bytes;
use std::time::SystemTime;

/// What all members state of servers without identity at one address.
pub(super) struct AtAddress {
    member: Member,
    statements: Vec<Statement>,
}

struct Statement {
    server: Server,
    /// Whether clients were told of it.
    told: bool,
}

impl AtAddress {
    /// Nothing yet, in a game.
    pub(super) fn new(member: Member) -> Self {
        Self {
            member,
            statements: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    fn holder(&self) -> Option<&Origin> {
        claims::holder(self.statements.iter().map(|it| &it.server))
    }

    /// Takes in a statement. If it is `new`, the first that is connected here, and in the place of
    /// a single one, it is given the number of that.
    pub(super) fn put(&mut self, server: &mut Server, new: bool, shows: &Shows) {
        if new && let Some(before) = self.succeeds() {
            server.number = before;
        }
        let of = Of {
            origin: &server.origin,
            number: server.number,
        };
        let known = self.statements.iter_mut().find(|it| of.is(&it.server));
        let changed = server.number;
        let server = server.clone();
        match known {
            Some(known) => known.server = server,
            None => {
                let told = false;
                self.statements.reserve_exact(1);
                self.statements.push(Statement { server, told });
            }
        }
        self.update(shows, None, Some(changed));
    }

    /// The number that the first own server at this address takes over.
    fn succeeds(&self) -> Option<u64> {
        let holder = self.holder()?;
        let of = |origin: &Origin| {
            let mut all = self.statements.iter().map(|it| &it.server);
            let first = all.find(|it| it.origin == *origin)?;
            all.all(|it| it.origin != *origin).then_some(first.number)
        };
        let own = self
            .statements
            .iter()
            .any(|it| it.server.origin == Origin::Here);
        of(holder).filter(|_| !own)
    }

    pub(super) fn remove(&mut self, of: Of<'_>, shows: &Shows) {
        let known = self.statements.iter().position(|it| of.is(&it.server));
        if let Some(known) = known {
            let gone = self.statements.swap_remove(known);
            self.update(shows, Some(gone.server.number), None);
        }
    }

    pub(super) fn heartbeat(&mut self, of: Of<'_>, heartbeat: Bytes, now: SystemTime) {
        let known = self.statements.iter_mut().find(|it| of.is(&it.server));
        if let Some(Statement { server, told }) = known {
            server.heartbeat = heartbeat;
            server.updated = now;
            if *told {
                self.member
                    .tell(server.number, Change::Listed(server.clone()));
            }
        }
    }

    pub(super) fn stated(&self, of: Of<'_>) -> Option<&Server> {
        let mut all = self.statements.iter().map(|it| &it.server);
        all.find(|server| of.is(server))
    }

    /// Tells clients what is shown now.
    pub(super) fn show(&mut self, shows: &Shows) {
        self.update(shows, None, None);
    }

    /// Tells clients what is shown now, after the statement that had the number `gone` has been
    /// removed, or the one with the number `changed` has been put. What is not shown is told to be
    /// gone, under the numbers that other members may have shown it by.
    fn update(&mut self, shows: &Shows, gone: Option<u64>, changed: Option<u64>) {
        // All are at the same address.
        let mut first = self.statements.iter().take(1);
        let allowed = first.all(|it| shows.allows(it.server.placement.address.ip()));
        let holder = self.holder().filter(|_| allowed).cloned();
        let mut gone = Vec::from_iter(gone);
        let mut listed = Vec::new();
        for Statement { server, told } in &mut self.statements {
            let shown = holder.as_ref() == Some(&server.origin);
            let before = std::mem::replace(told, shown);
            if shown && (!before || changed == Some(server.number)) {
                listed.push(server.clone());
            } else if !shown {
                gone.push(server.number);
            }
        }
        // A number that was taken over stays.
        let told = |number| {
            let mut all = self.statements.iter().filter(|it| it.told);
            all.any(|it| it.server.number == number)
        };
        gone.retain(|number| !told(*number));
        let tell = || {
            for number in &gone {
                self.member.tell(*number, Change::Gone);
            }
            for server in listed {
                self.member.tell(server.number, Change::Listed(server));
            }
        };
        if gone.is_empty() {
            tell();
        } else {
            shows.games.together(tell);
        }
    }
}
