//! Which zones are to be started when: pure.

use crate::{clock::millis, ids::ZoneId, object::Millis};
use metaserve::{Backoff, Retry};
use std::{collections::BTreeMap, time::Duration};

/// A zone that is served by the same owner for so long since it was due, and has not asked for
/// another time, has nothing to do. That of a host which has died is free before.
const HAS_SEEN_IT: Millis = 10_000;

/// What is known of the zones that are due.
#[derive(Debug, Default)]
pub(super) struct Agenda(BTreeMap<ZoneId, Due>);

#[derive(Debug)]
struct Due {
    at: Millis,
    is_asked: bool,
    /// Not to be asked for before.
    next: Millis,
    /// The epoch of its owner, and since when that is known.
    owner: Option<(u64, Millis)>,
    /// After failures.
    backoff: Option<Backoff>,
}

impl Due {
    fn new(at: Millis) -> Self {
        Self {
            at,
            is_asked: false,
            next: 0,
            owner: None,
            backoff: None,
        }
    }
}

impl Agenda {
    /// Learns which zones are due, and says which of them are to be asked for now, at most so many.
    pub(super) fn look(
        &mut self,
        due: Vec<(ZoneId, Millis)>,
        now: Millis,
        most: usize,
    ) -> Vec<ZoneId> {
        let mut earlier = std::mem::take(&mut self.0);
        let mut ask = Vec::new();
        for (zone, at) in due {
            let mut due = earlier.remove(&zone).unwrap_or_else(|| Due::new(at));
            if due.at != at {
                (due.at, due.owner) = (at, None);
            }
            if !due.is_asked && due.next <= now && ask.len() < most {
                due.is_asked = true;
                ask.push(zone.clone());
            }
            self.0.insert(zone, due);
        }
        earlier.retain(|_, it| it.is_asked);
        self.0.extend(earlier);
        ask
    }

    /// How many zones could not be started, and are not to be asked for yet.
    pub(super) fn resting(&self, now: Millis) -> usize {
        self.0.values().filter(|it| it.next > now).count()
    }

    /// The zone has an owner. If that has had the time to see that it is due, returns when it was:
    /// it is to be taken off the list.
    pub(super) fn found(&mut self, zone: &ZoneId, epoch: u64, now: Millis) -> Option<Millis> {
        let due = self.0.get_mut(zone)?;
        (due.is_asked, due.next, due.backoff) = (false, now, None);
        match due.owner {
            Some((known, since)) if known == epoch => {
                (now.saturating_sub(since) >= HAS_SEEN_IT).then_some(due.at)
            }
            _ => {
                due.owner = Some((epoch, now));
                None
            }
        }
    }

    /// Nobody could start the zone. Whether that is new. `random` is from 0 to 1.
    pub(super) fn failed(&mut self, zone: &ZoneId, now: Millis, random: f64) -> bool {
        let Some(due) = self.0.get_mut(zone) else {
            return false;
        };
        (due.is_asked, due.owner) = (false, None);
        let is_new = due.backoff.is_none();
        let backoff = due
            .backoff
            .get_or_insert_with(|| Backoff::new(Duration::from_secs(1), Duration::from_secs(60)));
        due.next = now + millis(backoff.delay(Retry::Soon, random));
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(map: &str) -> ZoneId {
        format!("shared/{map}").parse().unwrap()
    }

    fn due(zones: &[(&str, Millis)]) -> Vec<(ZoneId, Millis)> {
        zones.iter().map(|(map, at)| (zone(map), *at)).collect()
    }

    #[test]
    fn a_zone_is_asked_for_once_at_a_time_and_so_many_at_most() {
        let mut agenda = Agenda::default();
        let all = due(&[("a", 1), ("b", 2), ("c", 3)]);
        assert_eq!(agenda.look(all.clone(), 5, 2), [zone("a"), zone("b")]);
        assert_eq!(agenda.look(all.clone(), 6, 1), [zone("c")]);
        assert_eq!(agenda.look(all.clone(), 7, 9), []);
        agenda.found(&zone("b"), 1, 7);
        assert_eq!(agenda.look(all, 8, 9), [zone("b")]);
    }

    /// Its owner may have died just before: it is taken off the list when another one had the time
    /// to notice that.
    #[test]
    fn a_zone_stays_due_until_one_owner_has_had_time_for_it() {
        let mut agenda = Agenda::default();
        let all = due(&[("a", 1)]);
        for (epoch, now, woken) in [
            (7, 1_000, None),
            (7, 6_000, None),
            (8, 7_000, None),
            (8, 16_999, None),
            (8, 17_000, Some(1)),
        ] {
            assert_eq!(agenda.look(all.clone(), now, 9), [zone("a")]);
            assert_eq!(agenda.found(&zone("a"), epoch, now), woken, "at {now}");
        }
        // It has asked for another time: its owner is awake.
        assert_eq!(agenda.look(due(&[("a", 2)]), 18_000, 9), [zone("a")]);
        assert_eq!(agenda.found(&zone("a"), 8, 18_000), None);
    }

    #[test]
    fn a_zone_that_cannot_be_started_is_asked_for_less_and_less_and_said_once() {
        let mut agenda = Agenda::default();
        let all = due(&[("a", 1)]);
        let mut now = 0;
        for (wait, is_new) in [
            (1_000, true),
            (2_000, false),
            (4_000, false),
            (8_000, false),
        ] {
            assert_eq!(agenda.look(all.clone(), now, 9), [zone("a")]);
            assert_eq!(agenda.failed(&zone("a"), now, 0.5), is_new);
            assert_eq!(agenda.look(all.clone(), now + wait - 1, 9), []);
            now += wait;
        }
        assert_eq!(agenda.look(all.clone(), now, 9), [zone("a")]);
        agenda.found(&zone("a"), 1, now);
        assert_eq!(agenda.look(all, now, 9), [zone("a")]);
        assert!(agenda.failed(&zone("a"), now, 0.5));
    }

    /// Their map may be gone: however many they are, they are not in the way of others.
    #[test]
    fn zones_that_rest_are_counted_until_they_are_asked_for() {
        let mut agenda = Agenda::default();
        let all = due(&[("a", 1), ("b", 1), ("c", 1)]);
        assert_eq!(agenda.resting(0), 0);
        agenda.look(all.clone(), 0, 9);
        agenda.failed(&zone("a"), 0, 0.5);
        agenda.failed(&zone("b"), 0, 0.5);
        agenda.found(&zone("c"), 1, 0);
        assert_eq!(agenda.resting(0), 2);
        assert_eq!(agenda.resting(1_000), 0);
    }

    #[test]
    fn what_is_not_due_any_more_is_forgotten() {
        let mut agenda = Agenda::default();
        assert_eq!(agenda.look(due(&[("a", 1)]), 1, 9), [zone("a")]);
        assert_eq!(agenda.look(Vec::new(), 2, 9), []);
        agenda.found(&zone("a"), 1, 3);
        assert_eq!(agenda.look(Vec::new(), 4, 9), []);
        assert!(agenda.0.is_empty());
    }
}
