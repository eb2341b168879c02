//! Zones that want to be started, and what is to be saved.

use super::Tables;
use crate::{
    ids::{Name, ZoneId},
    log::{Absent, Dirty, Rev},
    object::Millis,
};

impl Tables {
    pub(in super::super) fn due(&self, now: Millis, most: usize) -> Vec<(ZoneId, Millis)> {
        let due = self.wake.iter().filter(|(_, at)| **at <= now);
        let mut due: Vec<_> = due.map(|(zone, at)| (zone.clone(), *at)).collect();
        due.sort_by(|a, b| (a.1, &a.0).cmp(&(b.1, &b.0)));
        due.truncate(most);
        due
    }

    pub(in super::super) fn woken(&mut self, zone: &ZoneId, at: Millis) {
        if self.wake.get(zone) == Some(&at) {
            self.wake.remove(zone);
        }
    }

    pub(in super::super) fn dirty(&self, most: usize) -> Vec<Dirty> {
        let mut dirty: Vec<_> = self.dirty.iter().collect();
        dirty.sort_by_key(|(_, number)| **number);
        dirty
            .into_iter()
            .take(most)
            .map(|(it, _)| it.clone())
            .collect()
    }

    pub(in super::super) fn absent(&mut self, name: &Name) -> Option<Absent> {
        let absent = self.in_no_zone(name);
        if absent.is_none() {
            self.dirty.remove(&Dirty::Character(name.folded()));
        }
        absent
    }

    fn in_no_zone(&self, name: &Name) -> Option<Absent> {
        let it = self.characters.get(&name.folded())?;
        let zone = self.zones.get(&it.at.zone);
        let cursor = zone.and_then(|it| it.state.as_ref()).map(|it| it.cursor);
        let is_in_zone = it.at.present && cursor.is_some_and(|cursor| cursor >= it.enter);
        (!is_in_zone).then(|| Absent {
            character: name.clone(),
            zone: it.at.zone.clone(),
            at: it.at.arrival.at,
            sheet: it.at.arrival.sheet.clone(),
        })
    }

    pub(in super::super) fn saved(&mut self, what: &Dirty, rev: Rev) {
        let (what, now) = match what {
            Dirty::Zone(zone) => (what.clone(), self.stored_rev(zone)),
            Dirty::Character(name) => (
                Dirty::Character(name.folded()),
                self.characters
                    .get(&name.folded())
                    .map(|it| it.at.arrival.sheet.rev),
            ),
        };
        if self.dirty.remove(&what).is_some() && now.is_some_and(|it| it != rev) {
            self.mark(what);
        }
    }

    pub(super) fn mark(&mut self, what: Dirty) {
        self.last_dirty += 1;
        self.dirty.entry(what).or_insert(self.last_dirty);
    }

    fn stored_rev(&self, zone: &ZoneId) -> Option<Rev> {
        Some(self.zones.get(zone)?.state.as_ref()?.rev)
    }
}
