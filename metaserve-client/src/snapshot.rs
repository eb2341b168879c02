//! The list at one moment, and what has changed since the moment before.

use bytes::Bytes;
use imbl::{OrdMap, OrdSet, ordmap::DiffItem};
use metaserve::{
    Fingerprint, Game,
    protocol::{client::PlacedServer, extensions::Extensions},
};
use std::{fmt, net::SocketAddr, sync::Arc};

/// The name of a server in the list: the same for as long as it is listed, and never given to
/// another, not even by another run of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId {
    pub(crate) epoch: u64,
    pub(crate) number: u64,
}

impl ServerId {
    /// The daemon's number for it, which is another server's in another run of the daemon.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

/// One server in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// Its name in the list.
    pub id: ServerId,
    /// The game it belongs to.
    pub game: Game,
    /// The address to join by: the IPv4 one, if the server has one.
    pub address: SocketAddr,
    /// All its addresses: one, or an IPv4 and an IPv6 one.
    pub addresses: Vec<SocketAddr>,
    /// The fingerprint of its certificate, if it has one: who has the key of it, and nobody
    /// else, is this server, wherever it runs.
    pub identity: Option<Fingerprint>,
    /// What it says of itself, unchanged.
    pub heartbeat: Bytes,
    /// What the daemon says of it besides: extensions of the protocol, none so far.
    pub extensions: Extensions,
}

impl Server {
    pub(crate) fn new(epoch: u64, placed: PlacedServer) -> Self {
        let addresses = [Some(placed.address), placed.second_address];
        Self {
            id: ServerId {
                epoch,
                number: placed.number,
            },
            game: placed.game,
            address: placed.address,
            addresses: addresses.into_iter().flatten().collect(),
            identity: placed.identity,
            heartbeat: placed.heartbeat,
            extensions: placed.extensions,
        }
    }
}

type Servers = OrdMap<ServerId, Arc<Server>>;

/// The whole list at one moment. Immutable, and cheap to clone: snapshots share what they have
/// in common.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(crate) servers: Servers,
    /// Numbers of servers that the daemon lists and we do not: their tags cannot be games.
    pub(crate) left_out: OrdSet<u64>,
    /// The game that is followed; none for all.
    pub(crate) game: Option<Game>,
    pub(crate) epoch: u64,
    pub(crate) revision: u64,
    pub(crate) changes: Arc<Changes>,
}

/// What has changed from one snapshot to the next: the rows of a view to add, redraw and remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Servers that were not in the one before.
    pub added: Vec<ServerId>,
    /// Servers in both, with another heartbeat or address.
    pub updated: Vec<ServerId>,
    /// Servers that were in the one before, and are no more.
    pub removed: Vec<ServerId>,
}

impl Changes {
    /// Whether nothing has changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }
}

impl Snapshot {
    /// The servers, those that have been listed longest first.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.servers.values().map(|server| &**server)
    }

    /// One server, if it is in the list.
    #[must_use]
    pub fn get(&self, id: ServerId) -> Option<&Server> {
        self.servers.get(&id).map(|server| &**server)
    }

    /// How many servers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// Which list this is: that of one game, or of all games, in one run of the daemon.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many changes this run of the daemon had made when the list was like this. Of two
    /// snapshots of one epoch the one with the greater revision is newer.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What has changed since the previous item of the stream; for the first item, everything
    /// was added.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The same list, with its changes counted from `previous`. Costs what has changed: parts
    /// that both share are passed over.
    #[must_use]
    pub fn since(mut self, previous: &Self) -> Self {
        let mut changes = Changes::default();
        for item in previous.servers.diff(&self.servers) {
            match item {
                DiffItem::Add(id, _) => changes.added.push(*id),
                DiffItem::Update { new: (id, _), .. } => changes.updated.push(*id),
                DiffItem::Remove(id, _) => changes.removed.push(*id),
            }
        }
        self.changes = Arc::new(changes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(numbers: &[u64]) -> Snapshot {
        let server = |number: &u64| {
            let placed = PlacedServer {
                number: *number,
                game: Game::default(),
                address: ([192, 0, 2, 1], 7777).into(),
                second_address: None,
                identity: None,
                heartbeat: Bytes::from(number.to_string()),
                extensions: Extensions::default(),
            };
            let server = Server::new(7, placed);
            (server.id, Arc::new(server))
        };
        Snapshot {
            servers: numbers.iter().map(server).collect(),
            epoch: 7,
            revision: 9,
            ..Snapshot::default()
        }
    }

    fn id(number: u64) -> ServerId {
        ServerId { epoch: 7, number }
    }

    #[test]
    fn a_list_is_asked_for_one_server_or_all_or_how_many() {
        let list = snapshot(&[5, 3]);
        let numbers: Vec<_> = list.servers().map(|server| server.id.number()).collect();
        assert_eq!(numbers, [3, 5], "those listed longest come first");
        assert_eq!((list.len(), list.is_empty()), (2, false));
        assert_eq!((list.epoch(), list.revision()), (7, 9));
        assert_eq!(list.get(id(5)).unwrap().heartbeat, "5");
        assert_eq!(list.get(id(4)), None);
        assert_eq!(id(5).to_string(), "5");
        let none = Snapshot::default();
        assert_eq!((none.len(), none.is_empty()), (0, true));
    }

    #[test]
    fn changes_are_those_since_the_list_before() {
        let before = snapshot(&[1, 2]);
        let mut after = snapshot(&[2, 3]);
        let changed = Server {
            heartbeat: "other".into(),
            ..Server::clone(after.get(id(2)).unwrap())
        };
        after.servers.insert(id(2), Arc::new(changed));
        let after = after.since(&before);
        let expected = Changes {
            added: vec![id(3)],
            updated: vec![id(2)],
            removed: vec![id(1)],
        };
        assert_eq!(after.changes(), &expected);
        assert!(before.clone().since(&before).changes().is_empty());
    }

    #[test]
    fn one_change_of_any_kind_is_a_change() {
        let one = || vec![id(1)];
        let none = Changes::default();
        assert!(none.is_empty());
        for changes in [
            Changes {
                added: one(),
                ..none.clone()
            },
            Changes {
                updated: one(),
                ..none.clone()
            },
            Changes {
                removed: one(),
                ..none.clone()
            },
        ] {
            assert!(!changes.is_empty(), "{changes:?}");
        }
    }
}
