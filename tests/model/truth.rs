//! What must be listed: the registry's rules once more, in plain maps and without haste.

use bytes::Bytes;
use metaserve::{Fingerprint, Game, registry::Applied};
use std::{
    collections::{BTreeMap, HashSet},
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

/// A server as every list must show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) game: Game,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) identity: Option<Fingerprint>,
    pub(super) heartbeat: Bytes,
}

/// The name of a server in the model. Its heartbeats begin with it, so that a list tells whom it
/// shows.
pub(super) type Who = u32;

/// A list.
pub(super) type Rows = BTreeMap<Who, Rc<Row>>;

/// The name of a registration in the model.
pub(super) type Link = u64;

#[derive(Debug)]
struct Entry {
    who: Who,
    game: Game,
    identity: Option<Fingerprint>,
    four: Option<(Link, SocketAddr)>,
    six: Option<(Link, SocketAddr)>,
    heartbeat: Option<Bytes>,
    /// Since its first heartbeat, by how many servers had sent one before.
    claim: Option<u64>,
    /// Whether it has a row of its address, or did not have to wait for one.
    listed: bool,
    row: Option<Rc<Row>>,
}

/// All servers.
#[derive(Debug)]
pub(super) struct Truth {
    entries: Vec<Entry>,
    last: u64,
    claims: u64,
    /// How many rows each address has; a network has four times as many.
    rows: usize,
}

impl Default for Truth {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            last: 0,
            claims: 0,
            rows: usize::MAX,
        }
    }
}

/// The beginning of an address that has rows of its own, and that of the network around it.
type Prefixes = (Vec<u16>, Vec<u16>);

fn prefixes(ip: IpAddr) -> Prefixes {
    match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets().map(u16::from);
            (octets.to_vec(), octets[..3].to_vec())
        }
        IpAddr::V6(ip) => (ip.segments()[..4].to_vec(), ip.segments()[..3].to_vec()),
    }
}

impl Entry {
    fn place(&mut self, link: Link, address: SocketAddr) {
        self.leave(link);
        let family = if address.is_ipv6() {
            &mut self.six
        } else {
            &mut self.four
        };
        *family = Some((link, address));
        self.show();
    }

    fn leave(&mut self, link: Link) {
        for family in [&mut self.four, &mut self.six] {
            family.take_if(|(known, _)| *known == link);
        }
        self.show();
    }

    fn has(&self, link: Link) -> bool {
        [self.four, self.six]
            .iter()
            .flatten()
            .any(|(known, _)| *known == link)
    }

    /// Where its row counts: by the address that players see first.
    fn prefixes(&self) -> Option<Prefixes> {
        let (_, address) = self.four.or(self.six)?;
        Some(prefixes(address.ip()))
    }

    fn waits(&self) -> bool {
        self.claim.is_some() && !self.listed
    }

    fn show(&mut self) {
        let addresses = [self.four, self.six]
            .into_iter()
            .flatten()
            .map(|(_, it)| it);
        let shown = self.heartbeat.clone().filter(|_| self.listed);
        self.row = shown.map(|heartbeat| {
            Rc::new(Row {
                game: self.game.clone(),
                addresses: addresses.collect(),
                identity: self.identity,
                heartbeat,
            })
        });
    }
}

impl Truth {
    /// Somebody speaks for a server. None if the games are `max_games` already, and this is
    /// another.
    pub(super) fn register(
        &mut self,
        max_games: usize,
        game: &Game,
        address: SocketAddr,
        identity: Option<Fingerprint>,
    ) -> Option<(Link, Who)> {
        let games: HashSet<_> = self.entries.iter().map(|entry| &entry.game).collect();
        if games.len() >= max_games && !games.contains(game) {
            return None;
        }
        self.last += 1;
        let link = self.last;
        let same = |entry: &Entry| identity.is_some() && entry.identity == identity;
        self.entries
            .retain(|entry| !same(entry) || entry.game == *game);
        if let Some(at) = self.entries.iter().position(same) {
            self.place(at, link, address);
            return Some((link, self.entries[at].who));
        }
        let mut entry = Entry {
            who: link as Who,
            game: game.clone(),
            identity,
            four: None,
            six: None,
            heartbeat: None,
            claim: None,
            listed: false,
            row: None,
        };
        entry.place(link, address);
        let who = entry.who;
        self.entries.push(entry);
        self.settle();
        Some((link, who))
    }

    fn position(&self, link: Link) -> Option<usize> {
        self.entries.iter().position(|entry| entry.has(link))
    }

    /// Whether somebody else speaks for the server of this registration now.
    pub(super) fn replaced(&self, link: Link) -> bool {
        self.position(link).is_none()
    }

    /// Whether the server of this registration waits for a row.
    pub(super) fn waits(&self, link: Link) -> bool {
        self.position(link)
            .is_some_and(|at| self.entries[at].waits())
    }

    /// Whether it has one.
    pub(super) fn is_listed(&self, link: Link) -> bool {
        self.position(link)
            .is_some_and(|at| self.entries[at].listed)
    }

    /// How many servers wait for a row.
    pub(super) fn waiting(&self) -> usize {
        self.entries.iter().filter(|entry| entry.waits()).count()
    }

    pub(super) fn heartbeat(&mut self, link: Link, heartbeat: Bytes) -> Applied {
        let Some(at) = self.position(link) else {
            return Applied::Replaced;
        };
        if self.entries[at].heartbeat.as_ref() == Some(&heartbeat) {
            return Applied::Unchanged;
        }
        self.entries[at].heartbeat = Some(heartbeat);
        if self.entries[at].claim.is_none() {
            self.claims += 1;
            self.entries[at].claim = Some(self.claims);
            self.entries[at].listed = self.has_room_for(at);
        }
        self.entries[at].show();
        match self.entries[at].listed {
            true => Applied::Changed,
            false => Applied::Waits,
        }
    }

    pub(super) fn move_to(&mut self, link: Link, address: SocketAddr) {
        if let Some(at) = self.position(link) {
            self.place(at, link, address);
        }
    }

    /// A link comes from this address. A server whose row counts elsewhere from now on takes one
    /// there, if there is one, before those who wait where it was get the one that it leaves.
    fn place(&mut self, at: usize, link: Link, address: SocketAddr) {
        let before = self.entries[at].prefixes();
        self.entries[at].place(link, address);
        self.counts_from(at, before);
    }

    fn counts_from(&mut self, at: usize, before: Option<Prefixes>) {
        let entry = &mut self.entries[at];
        if entry.claim.is_some() && entry.prefixes() != before {
            entry.listed = false;
            let listed = self.has_room_for(at);
            self.entries[at].listed = listed;
            self.entries[at].show();
        }
        self.settle();
    }

    pub(super) fn leave(&mut self, link: Link) {
        let Some(at) = self.position(link) else {
            return;
        };
        let before = self.entries[at].prefixes();
        self.entries[at].leave(link);
        if self.entries[at].prefixes().is_none() {
            self.entries.remove(at);
            self.settle();
        } else {
            self.counts_from(at, before);
        }
    }

    /// Each address has so many rows from now on. Nobody loses one.
    pub(super) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
        self.settle();
    }

    /// Gives rows to those who wait longest, for as long as there is one for anybody.
    fn settle(&mut self) {
        loop {
            let waiting = (0..self.entries.len()).filter(|at| self.entries[*at].waits());
            let ready = waiting.filter(|at| self.has_room_for(*at));
            let Some(next) = ready.min_by_key(|at| self.entries[*at].claim) else {
                return;
            };
            self.entries[next].listed = true;
            self.entries[next].show();
        }
    }

    /// Whether there is a row where this server's would count.
    fn has_room_for(&self, at: usize) -> bool {
        let Some((address, network)) = self.entries[at].prefixes() else {
            return false;
        };
        let listed = self.entries.iter().filter(|entry| entry.listed);
        let there: Vec<_> = listed.filter_map(Entry::prefixes).collect();
        let at_address = there.iter().filter(|it| it.0 == address).count();
        let around = there.iter().filter(|it| it.1 == network).count();
        at_address < self.rows && around < self.rows.saturating_mul(4)
    }

    /// How many servers are connected, listed or not.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The list of one game, or of all.
    pub(super) fn rows(&self, game: Option<&Game>) -> Rows {
        let wanted = |entry: &&Entry| game.is_none_or(|game| entry.game == *game);
        let listed = |entry: &Entry| Some((entry.who, entry.row.clone()?));
        self.entries
            .iter()
            .filter(wanted)
            .filter_map(listed)
            .collect()
    }
}
