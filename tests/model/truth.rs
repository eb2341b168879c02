//! What must be listed: the registry's rules once more, in plain maps and without haste.

use bytes::Bytes;
use metaserve::{Fingerprint, Game, registry::Applied};
use std::{
    collections::{BTreeMap, HashSet},
    net::SocketAddr,
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
    row: Option<Rc<Row>>,
}

/// All servers.
#[derive(Debug, Default)]
pub(super) struct Truth {
    entries: Vec<Entry>,
    last: u64,
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

    fn show(&mut self) {
        let addresses = [self.four, self.six]
            .into_iter()
            .flatten()
            .map(|(_, it)| it);
        self.row = self.heartbeat.clone().map(|heartbeat| {
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
        if let Some(known) = self.entries.iter_mut().find(|entry| same(entry)) {
            known.place(link, address);
            return Some((link, known.who));
        }
        let mut entry = Entry {
            who: link as Who,
            game: game.clone(),
            identity,
            four: None,
            six: None,
            heartbeat: None,
            row: None,
        };
        entry.place(link, address);
        let who = entry.who;
        self.entries.push(entry);
        Some((link, who))
    }

    fn of(&mut self, link: Link) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.has(link))
    }

    /// Whether somebody else speaks for the server of this registration now.
    pub(super) fn replaced(&mut self, link: Link) -> bool {
        self.of(link).is_none()
    }

    pub(super) fn heartbeat(&mut self, link: Link, heartbeat: Bytes) -> Applied {
        let Some(entry) = self.of(link) else {
            return Applied::Replaced;
        };
        if entry.heartbeat.as_ref() == Some(&heartbeat) {
            return Applied::Unchanged;
        }
        entry.heartbeat = Some(heartbeat);
        entry.show();
        Applied::Changed
    }

    pub(super) fn move_to(&mut self, link: Link, address: SocketAddr) {
        if let Some(entry) = self.of(link) {
            entry.place(link, address);
        }
    }

    pub(super) fn leave(&mut self, link: Link) {
        if let Some(entry) = self.of(link) {
            entry.leave(link);
        }
        self.entries
            .retain(|entry| entry.four.is_some() || entry.six.is_some());
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
