//! What the registry knows about one server. Pure.

use super::{games::Member, key::Key};
use crate::{
    Family, Fingerprint,
    bounds::{Rows, Standing, Waiting},
    list::{Change, Claims, Origin, Placement, Server},
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{net::SocketAddr, sync::Arc, time::SystemTime};
use tokio::sync::SetOnce;

/// One connection, or one server stated by a relay, that speaks for an entry.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) address: SocketAddr,
    /// Set when another link has replaced this one.
    pub(super) replaced: Arc<SetOnce<()>>,
}

impl Link {
    /// Tells the holder that this link has ended.
    fn end(&self) {
        // `set` fails if it was set before, which is fine.
        let _ = self.replaced.set(());
    }
}

/// A server with the links that speak for it: one, or one per address family.
pub(super) struct Entry {
    pub(super) number: u64,
    /// The membership of its game, through which changes are announced.
    pub(super) member: Member,
    identity: Option<Fingerprint>,
    /// In the order in which players see the addresses: IPv4 first. Never empty.
    links: Vec<Link>,
    placement: Arc<Placement>,
    /// None until the first heartbeat: until then the server is not listed.
    heartbeat: Option<(Bytes, SystemTime)>,
    row: Row,
    rows: Arc<Mutex<Rows<Key>>>,
}

/// Whether a server is in the list.
enum Row {
    /// It has not sent a heartbeat yet.
    Unclaimed,
    Listed,
    Waits(Waits),
}

/// Why a server waits for a row, and a way to await it.
#[derive(Clone, Debug)]
pub struct Waits {
    /// How many servers have rows, and the position in the queue.
    pub why: Waiting,
    listed: Arc<SetOnce<()>>,
}

impl Waits {
    fn new(why: Waiting) -> Self {
        let listed = Arc::default();
        Self { why, listed }
    }

    /// Completes when the server is listed. Cancel-safe.
    pub async fn listed(&self) {
        self.listed.wait().await;
    }
}

/// The effect of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The list shows it from the next tick on.
    Changed,
    /// The list shows it as soon as the server has a row: see
    /// [`Registration::waits`](super::Registration::waits).
    Waits,
    /// It equals the one before: nothing is sent.
    Unchanged,
    /// Another connection speaks for this server now: the heartbeat is ignored.
    Replaced,
}

impl Entry {
    pub(super) fn new(
        number: u64,
        member: Member,
        identity: Option<Fingerprint>,
        link: Link,
        rows: Arc<Mutex<Rows<Key>>>,
    ) -> Self {
        let placement = Arc::new(Placement {
            game: member.game.clone(),
            address: link.address,
            second_address: None,
            identity,
            claims: Claims::default(),
        });
        Self {
            number,
            member,
            identity,
            links: vec![link],
            placement,
            heartbeat: None,
            row: Row::Unclaimed,
            rows,
        }
    }

    /// Adds `link`, or replaces the link of its address family with it.
    pub(super) fn join(&mut self, link: Link) {
        let family = |of: &Link| Family::of(of.address.ip());
        self.links.retain(|old| {
            let stays = family(old) != family(&link);
            if !stays {
                old.end();
            }
            stays
        });
        self.links.push(link);
        self.links.sort_by_key(family);
        self.place();
    }

    /// Removes a link. Returns whether it was the last one, so that the entry must be removed.
    #[must_use]
    pub(super) fn leave(&mut self, link: u64) -> bool {
        let before = self.links.len();
        self.links.retain(|known| known.id != link);
        if self.links.is_empty() {
            return true;
        }
        if self.links.len() != before {
            self.place();
        }
        false
    }

    /// Tells every link that it has been replaced, and clients that the server is gone.
    pub(super) fn end(&self) {
        for link in &self.links {
            link.end();
        }
        self.unlist();
        self.rows.lock().release(self.number);
    }

    fn unlist(&self) {
        if matches!(self.row, Row::Listed) {
            self.member.tell(self.number, Change::Gone);
        }
    }

    /// Gives the server the row that it waited for.
    pub(super) fn promote(&mut self) {
        if let Row::Waits(waits) = std::mem::replace(&mut self.row, Row::Listed) {
            let _ = waits.listed.set(());
            self.tell();
        }
    }

    /// Why the server is not listed although it has sent a heartbeat.
    pub(super) fn waits(&self) -> Option<Waits> {
        match &self.row {
            Row::Waits(waits) => Some(waits.clone()),
            Row::Unclaimed | Row::Listed => None,
        }
    }

    /// Takes a row, or waits for one. A listed server that has to wait is removed from clients'
    /// lists.
    fn stand(&mut self, standing: Standing) {
        match (standing, &mut self.row) {
            (Standing::Listed, Row::Waits(_)) => return self.promote(),
            (Standing::Listed, row) => *row = Row::Listed,
            (Standing::Waits(why), Row::Waits(waits)) => waits.why = why,
            (Standing::Waits(why), _) => {
                self.unlist();
                self.row = Row::Waits(Waits::new(why));
            }
        }
        self.tell();
    }

    /// Moves a link to another address. In the other address family it replaces the link there, as
    /// a new link would.
    pub(super) fn move_to(&mut self, link: u64, address: SocketAddr) {
        let moved = |known: &Link| known.id == link && known.address != address;
        if let Some(at) = self.links.iter().position(moved) {
            let link = self.links.remove(at);
            self.join(Link { address, ..link });
        }
    }

    pub(super) fn apply(&mut self, link: u64, heartbeat: Bytes, now: SystemTime) -> Applied {
        if !self.links.iter().any(|known| known.id == link) {
            return Applied::Replaced;
        }
        if self
            .heartbeat
            .as_ref()
            .is_some_and(|(old, _)| *old == heartbeat)
        {
            return Applied::Unchanged;
        }
        let first = self.heartbeat.replace((heartbeat, now)).is_none();
        if first {
            let (key, ip) = (self.key(), self.placement.address.ip());
            let standing = self.rows.lock().claim(self.number, ip, key);
            self.stand(standing);
        } else {
            self.tell();
        }
        match self.row {
            Row::Listed => Applied::Changed,
            Row::Waits(_) | Row::Unclaimed => Applied::Waits,
        }
    }

    /// The key of this server in the registry.
    fn key(&self) -> Key {
        Key::new(self.identity, self.number)
    }

    fn place(&mut self) {
        let address = |at: usize| self.links.get(at).map(|link| link.address);
        let Some(first) = address(0) else { return };
        self.placement = Arc::new(Placement {
            game: self.member.game.clone(),
            address: first,
            second_address: address(1),
            identity: self.identity,
            claims: Claims::default(),
        });
        let moved = self.rows.lock().move_to(self.number, first.ip());
        match moved {
            Some(standing) => self.stand(standing),
            None => self.tell(),
        }
    }

    fn tell(&self) {
        let (Some((heartbeat, updated)), Row::Listed) = (&self.heartbeat, &self.row) else {
            return;
        };
        let server = Server {
            number: self.number,
            placement: self.placement.clone(),
            heartbeat: heartbeat.clone(),
            updated: *updated,
            origin: Origin::Here,
        };
        self.member.tell(self.number, Change::Listed(server));
    }
}
