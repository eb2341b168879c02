//! The row of one identity.

use super::{Of, Said, Shows, are_alike};
use crate::{
    list::{Change, Claim, MemberRun, Placement, Server},
    registry::{claims, games::Member},
};
use bytes::Bytes;
use std::{sync::Arc, time::SystemTime};

/// What all members state of one identity, and what clients were told.
#[derive(Default)]
pub(super) struct OfIdentity {
    statements: Vec<Server>,
    told: Option<Told>,
}

/// The number and the game of a row that clients were told of.
struct Told {
    number: u64,
    member: Member,
}

impl OfIdentity {
    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// The number that a new statement of the server takes over, if it is in the list already.
    pub(super) fn succeeds(&self, server: &Server) -> Option<u64> {
        let shown = claims::shown(&self.statements)?;
        (shown.placement.game == server.placement.game).then_some(shown.number)
    }

    /// Takes in a statement.
    pub(super) fn put(&mut self, server: &Server, shows: &Shows) -> Said {
        let of = Of::this(server);
        let alike = are_alike(&self.statements);
        let known = self.statements.iter_mut().find(|known| of.is(known));
        let said = Said::of(known.as_deref(), server);
        match known {
            Some(known) => known.clone_from(server),
            None => {
                self.statements.reserve_exact(1);
                self.statements.push(server.clone());
            }
        }
        match said {
            Said::Nothing => return said,
            Said::Heartbeat => self.touch(of, shows),
            Said::Place if alike && are_alike(&self.statements) => {}
            Said::Place => self.touch_all(shows),
        }
        self.show(shows);
        said
    }

    pub(super) fn remove(&mut self, of: Of<'_>, shows: &Shows) {
        if !are_alike(&self.statements) {
            self.touch_all(shows);
        }
        self.statements.retain(|server| !of.is(server));
        self.show(shows);
    }

    pub(super) fn heartbeat(
        &mut self,
        of: Of<'_>,
        heartbeat: Bytes,
        now: SystemTime,
        shows: &Shows,
    ) -> Said {
        let known = self.statements.iter_mut().find(|server| of.is(server));
        let Some(server) = known.filter(|server| server.heartbeat != heartbeat) else {
            return Said::Nothing;
        };
        server.heartbeat = heartbeat;
        server.updated = now;
        self.touch(of, shows);
        self.show(shows);
        Said::Heartbeat
    }

    pub(super) fn stated(&self, of: Of<'_>) -> Option<&Server> {
        self.statements.iter().find(|server| of.is(server))
    }

    /// The own links that are not shown, and to whom they have lost.
    pub(super) fn lost(&self) -> impl Iterator<Item = (Claim, Arc<MemberRun>)> {
        claims::lost(&self.statements)
    }

    /// Other members may show this one of several statements.
    fn touch(&self, of: Of<'_>, shows: &Shows) {
        if self.statements.len() > 1
            && let Some(server) = self.stated(of)
        {
            shows.touch(server);
        }
    }

    /// Other members may show any of several statements.
    fn touch_all(&self, shows: &Shows) {
        if self.statements.len() > 1 {
            self.statements
                .iter()
                .for_each(|server| shows.touch(server));
        }
    }

    /// Tells clients what is shown now.
    pub(super) fn show(&mut self, shows: &Shows) {
        let allowed = |server: &Server| {
            let Placement {
                address,
                second_address,
                ..
            } = &*server.placement;
            let second = second_address.iter();
            second.chain([address]).all(|it| shows.allows(it.ip()))
        };
        let shown = claims::shown(&self.statements).filter(allowed);
        let Some(shown) = shown else {
            if let Some(told) = self.told.take() {
                told.member.tell(told.number, Change::Gone);
            }
            return;
        };
        let (game, number) = (&shown.placement.game, shown.number);
        let same = |told: &Told| told.number == number && told.member.game() == game;
        if let Some(told) = self.told.as_ref().filter(|told| same(told)) {
            return told.member.tell(number, Change::Listed(shown));
        }
        let member = shows.games.admit(game);
        let before = self.told.replace(Told {
            number,
            member: member.clone(),
        });
        let list = || {
            if let Some(before) = before {
                before.member.tell(before.number, Change::Gone);
            }
            member.tell(number, Change::Listed(shown));
        };
        shows.games.together(list);
    }
}
