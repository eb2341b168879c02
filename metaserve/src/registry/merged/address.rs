//! The rows of one address, for servers without an identity.

use super::{Of, Said, Shows, are_alike};
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

    fn servers(&self) -> impl Iterator<Item = &Server> {
        self.statements.iter().map(|it| &it.server)
    }

    fn holder(&self) -> Option<&Origin> {
        claims::holder(self.servers())
    }

    /// Takes in a statement.
    pub(super) fn put(&mut self, server: &Server, shows: &Shows) -> Said {
        let of = Of::this(server);
        let alike = are_alike(self.servers());
        let known = self.statements.iter_mut().find(|it| of.is(&it.server));
        let said = Said::of(known.as_deref().map(|it| &it.server), server);
        match known {
            Some(known) => known.server = server.clone(),
            None => {
                self.statements.reserve_exact(1);
                self.statements.push(Statement {
                    server: server.clone(),
                    told: false,
                });
            }
        }
        match said {
            Said::Nothing => return said,
            Said::Heartbeat => self.touch(server.number),
            Said::Place if alike && are_alike(self.servers()) => {}
            Said::Place => self.touch_all(),
        }
        self.update(shows, None, Some(server.number));
        said
    }

    /// The number that the first own server at this address takes over, if it comes in the place
    /// of a single one.
    pub(super) fn succeeds(&self) -> Option<u64> {
        let holder = self.holder()?;
        let of = |origin: &Origin| {
            let first = self.servers().find(|it| it.origin == *origin)?;
            self.servers()
                .all(|it| it.origin != *origin || std::ptr::eq(it, first))
                .then_some(first.number)
        };
        let own = self.servers().any(|it| it.origin == Origin::Here);
        of(holder).filter(|_| !own)
    }

    pub(super) fn remove(&mut self, of: Of<'_>, shows: &Shows) {
        let known = self.statements.iter().position(|it| of.is(&it.server));
        if let Some(known) = known {
            if !are_alike(self.servers()) {
                self.touch_all();
            }
            let gone = self.statements.swap_remove(known);
            self.update(shows, gone.told.then_some(gone.server.number), None);
        }
    }

    pub(super) fn heartbeat(&mut self, of: Of<'_>, heartbeat: Bytes, now: SystemTime) -> Said {
        let known = self.statements.iter_mut().find(|it| of.is(&it.server));
        let Some(Statement { server, told }) = known else {
            return Said::Nothing;
        };
        if server.heartbeat == heartbeat {
            return Said::Nothing;
        }
        server.heartbeat = heartbeat;
        server.updated = now;
        if *told {
            self.member
                .tell(server.number, Change::Listed(server.clone()));
        }
        self.touch(of.number);
        Said::Heartbeat
    }

    pub(super) fn stated(&self, of: Of<'_>) -> Option<&Server> {
        self.servers().find(|server| of.is(server))
    }

    /// Tells clients what is shown now.
    pub(super) fn show(&mut self, shows: &Shows) {
        self.update(shows, None, None);
    }

    /// Whether several members state something.
    fn is_contended(&self) -> bool {
        let mut servers = self.servers();
        let first = servers.next();
        first.is_some_and(|first| servers.any(|it| it.origin != first.origin))
    }

    /// Other members may show the statement with this number, or not.
    fn touch(&self, number: u64) {
        if self.is_contended() {
            self.member.touch(number);
        }
    }

    /// Other members may show statements that are not shown here, and the other way round.
    fn touch_all(&self) {
        if self.is_contended() {
            self.servers().for_each(|it| self.member.touch(it.number));
        }
    }

    /// Tells clients what is shown now, after the statement with the number `gone`, which was
    /// shown, has been removed, or the one with the number `changed` has been put.
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
            } else if before && !shown {
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
