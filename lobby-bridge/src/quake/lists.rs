//! What clients are told: a part of the [`Master`].

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    net::{SocketAddr, SocketAddrV4},
    time::Instant,
};

use bytes::Bytes;
use metaserve::address::Family;

use super::{
    goldsrc::{self, Page},
    info::Info,
    listing::NativeChange,
    lobby::{Effect, Errand, Master},
    request::Request,
};
use crate::{
    metrics::{Datagram, LeftOut},
    peers::Way,
};

/// How many pages of a list count as one list: as many as hold the longest one.
const PAGES: u32 = 32;

impl Master {
    /// All servers that clients may see, with the addresses where players join them.
    fn shown(&self) -> impl Iterator<Item = (&Info, &[SocketAddr])> {
        let ours = self.servers.iter();
        let ours = ours.map(|it| (&it.description.info, std::slice::from_ref(&it.address)));
        let natives = self.natives.values().map(|it| (&it.info, &*it.addresses));
        ours.chain(natives)
    }

    /// Answers a well-formed request for an accepted game, also with an empty list.
    pub(super) fn request(&mut self, way: Way, request: &Request<'_>, now: Instant) -> Vec<Effect> {
        let games = &self.rules.games;
        let game = request.game(games);
        if game.is_some_and(|game| !games.accepts(game)) {
            self.tally.datagram(Datagram::Game);
            return Vec::new();
        }
        if !self.may_be_told(way, now) {
            return Vec::new();
        }
        let games = &self.rules.games;
        let wanted = self.shown().filter(|(info, _)| request.wants(info, games));
        let addresses = wanted.flat_map(|(_, addresses)| addresses);
        let addresses = addresses.filter(|it| request.wants_family(Family::of(it.ip())));
        let addresses: HashSet<SocketAddr> = addresses.copied().collect();
        let mut addresses: Vec<SocketAddr> = addresses.into_iter().collect();
        // Nobody is always the first.
        self.rng.shuffle(&mut addresses);
        let datagrams = self
            .rules
            .dialect
            .speech()
            .list(addresses, request.is_extended);
        vec![Effect::Errand(Errand::Answer(way, datagrams))]
    }

    /// Answers with the servers that come after those of the page before.
    pub(super) fn page(&mut self, way: Way, page: &Page<'_>, now: Instant) -> Vec<Effect> {
        let (peer, lists) = (way.peer(), &self.rules.limits.lists);
        let allowed = self.flood.allows_part(peer.ip(), PAGES, lists, now);
        if !self.counted(peer, allowed) {
            return Vec::new();
        }
        // In an order that nobody can foresee and that stays the same, so that nobody is missing in
        // the next page, whoever has come or left meanwhile.
        let place = |server: SocketAddrV4| {
            let mut hasher = DefaultHasher::new();
            (self.order, server).hash(&mut hasher);
            (hasher.finish(), server)
        };
        let wanted = self.shown().flat_map(|(info, addresses)| {
            let v4 = addresses.iter().filter_map(|it| match it {
                SocketAddr::V4(it) => Some(*it),
                SocketAddr::V6(_) => None,
            });
            v4.filter(|it| page.wants(info, *it)).map(place)
        });
        let mut wanted: Vec<(u64, SocketAddrV4)> = wanted.collect();
        wanted.sort_unstable();
        wanted.dedup();
        if page.wants_one_per_host() {
            let mut hosts = HashSet::new();
            wanted.retain(|(_, server)| hosts.insert(*server.ip()));
        }
        let begin = page.after.map(place);
        let begin = begin.map_or(0, |begin| wanted.partition_point(|it| *it <= begin));
        let rest = wanted.get(begin..).unwrap_or_default().iter();
        let servers: Vec<_> = rest
            .map(|(_, server)| *server)
            .take(goldsrc::SIZE)
            .collect();
        let is_last = begin + servers.len() == wanted.len();
        let datagram = goldsrc::write_page(&servers, is_last, page.key());
        vec![Effect::Errand(Errand::Answer(way, vec![datagram]))]
    }

    /// Answers a ping. It costs others no more than a list does.
    pub(super) fn ping(&mut self, way: Way, answer: Bytes, now: Instant) -> Vec<Effect> {
        match self.may_be_told(way, now) {
            true => vec![Effect::Errand(Errand::Answer(way, vec![answer]))],
            false => Vec::new(),
        }
    }

    /// Whether an address gets one more answer that it has not proved to want.
    fn may_be_told(&mut self, way: Way, now: Instant) -> bool {
        let (peer, lists) = (way.peer(), &self.rules.limits.lists);
        let allowed = self.flood.allows(peer.ip(), lists, now);
        self.counted(peer, allowed)
    }

    /// Counts a request that is allowed or not.
    fn counted(&self, peer: SocketAddr, allowed: bool) -> bool {
        self.tally.datagram(match allowed {
            true => Datagram::Accepted,
            false => Datagram::Rate,
        });
        if !allowed {
            tracing::debug!(%peer, "no list: it has asked too often");
        }
        allowed
    }

    pub(super) fn natives_changed(&mut self, changes: Vec<NativeChange>) {
        for change in changes {
            match change {
                NativeChange::Show(id, native) => {
                    let has_room = self.natives.len() < self.rules.limits.natives;
                    if has_room || self.natives.contains_key(&id) {
                        self.natives.insert(id, native);
                    } else {
                        self.tally.left_out(LeftOut::Shown);
                        tracing::warn!(server = ?native.addresses, "not shown to players: there are too many servers");
                    }
                }
                NativeChange::Withdraw(id) => drop(self.natives.remove(&id)),
            }
        }
    }
}
