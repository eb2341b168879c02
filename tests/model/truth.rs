//! What must be listed: the registry's rules, written again with plain maps and without
//! optimisation.

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

/// The name of a server in the model. Its heartbeats begin with it, so that a list shows which
/// server it has.
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
    /// Its place in the order of first heartbeats, once it has sent one.
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
    /// The number of rows of each address; a network has four times as many.
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

/// The prefix of an address that has its own rows, and the prefix of the network around it.
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

    /// The prefixes of its row: those of the address that players see first.
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
    /// Registers a publisher of a server. Returns `None` if there are already `max_games` games,
    /// and this is another one.
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

    /// Whether another registration has replaced this one.
    pub(super) fn replaced(&self, link: Link) -> bool {
        self.position(link).is_none()
    }

    /// Whether the server of this registration waits for a row.
    pub(super) fn waits(&self, link: Link) -> bool {
        self.position(link)
            .is_some_and(|at| self.entries[at].waits())
    }

    /// Whether it is listed.
    pub(super) fn is_listed(&self, link: Link) -> bool {
        self.position(link)
            .is_some_and(|at| self.entries[at].listed)
    }

    /// The number of servers that wait for a row.
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

    /// Sets the address of a link. If the server's row counts elsewhere from now on, it takes a
    /// free row there first; then the servers waiting at the old prefix get the row that it
    /// leaves.
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

    /// Changes the number of rows of each address. No server loses its row.
    pub(super) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
        self.settle();
    }

    /// Gives rows to the servers that have waited longest, as long as there are rows.
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

    /// Whether a row is free for this server.
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

    /// The number of connected servers, whether listed or not.
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
