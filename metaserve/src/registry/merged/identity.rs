//! The row of one identity.

use super::{Of, Shows};
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

    /// Takes in a statement. If it is `new` and the server is in the list already, it is given the
    /// number that it has there.
    pub(super) fn put(&mut self, server: &mut Server, new: bool, shows: &Shows) {
        if new
            && let Some(shown) = claims::shown(&self.statements)
            && shown.placement.game == server.placement.game
        {
            server.number = shown.number;
        }
        let of = Of {
            origin: &server.origin,
            number: server.number,
        };
        let known = self.statements.iter_mut().find(|known| of.is(known));
        match known {
            Some(known) => known.clone_from(server),
            None => {
                self.statements.reserve_exact(1);
                self.statements.push(server.clone());
            }
        }
        self.show(shows);
        self.tell_hidden(self.statements.iter(), shows);
    }

    pub(super) fn remove(&mut self, of: Of<'_>, shows: &Shows) {
        let known = self.statements.iter().position(|server| of.is(server));
        let removed = known.map(|known| self.statements.swap_remove(known));
        self.show(shows);
        self.tell_hidden(removed.iter(), shows);
    }

    pub(super) fn heartbeat(
        &mut self,
        of: Of<'_>,
        heartbeat: Bytes,
        now: SystemTime,
        shows: &Shows,
    ) {
        if let Some(server) = self.statements.iter_mut().find(|server| of.is(server)) {
            server.heartbeat = heartbeat;
            server.updated = now;
            self.show(shows);
        }
    }

    pub(super) fn stated(&self, of: Of<'_>) -> Option<&Server> {
        self.statements.iter().find(|server| of.is(server))
    }

    /// The own links that are not shown, and to whom they have lost.
    pub(super) fn lost(&self) -> impl Iterator<Item = (Claim, Arc<MemberRun>)> {
        claims::lost(&self.statements)
    }

    /// Tells clients that what is not shown is gone, under the numbers that other members may have
    /// shown it by.
    fn tell_hidden<'a>(&self, all: impl Iterator<Item = &'a Server>, shows: &Shows) {
        let shown = self.told.as_ref().map(|told| told.number);
        for server in all.filter(|server| Some(server.number) != shown) {
            let member = shows.games.admit(&server.placement.game);
            member.tell(server.number, Change::Gone);
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
