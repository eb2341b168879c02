//! What is known of one server: pure.

use super::{games::Member, key::Key};
use crate::{
    Family, Fingerprint,
    bounds::{Rows, Standing, Waiting},
    list::{Change, Placement, Server},
};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{net::SocketAddr, sync::Arc, time::SystemTime};
use tokio::sync::SetOnce;

/// One connection, or one registration of a relay, that speaks for an entry.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: u64,
    pub(super) address: SocketAddr,
    /// Set when another link has taken this one's place.
    pub(super) replaced: Arc<SetOnce<()>>,
}

impl Link {
    /// Tells whoever holds it that its time is over.
    fn end(&self) {
        // It fails when it was said before, which is as good.
        let _ = self.replaced.set(());
    }
}

/// A server with the links that speak for it: one, or one for each address family.
pub(super) struct Entry {
    pub(super) number: u64,
    /// In whose name it is told what happens.
    pub(super) member: Member,
    identity: Option<Fingerprint>,
    /// In the order in which players shall see the addresses: IPv4 first. Never empty.
    links: Vec<Link>,
    placement: Arc<Placement>,
    /// None until the first heartbeat: until then the server is not listed.
    heartbeat: Option<(Bytes, SystemTime)>,
    row: Row,
    rows: Arc<Mutex<Rows<Key>>>,
}

/// Whether a server is in the list.
enum Row {
    /// It has not said anything yet that could be shown.
    Unclaimed,
    Listed,
    Waits(Waits),
}

/// Why a server waits for a row, and when it has one.
#[derive(Clone, Debug)]
pub struct Waits {
    /// Who has the rows.
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

/// What a heartbeat did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is what the list shows from the next tick on.
    Changed,
    /// It is what the list shows as soon as the server has a row: see
    /// [`Registration::waits`](super::Registration::waits).
    Waits,
    /// It equals the one before: nothing happens, nothing is sent.
    Unchanged,
    /// Another connection speaks for this server now: nothing happens.
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

    /// Lets `link` speak for this server as well, or instead of the link of its family.
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

    /// Ends a link. Returns whether it was the last one, so that the entry has to go.
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

    /// A row that was waited for is there.
    pub(super) fn promote(&mut self) {
        if let Row::Waits(waits) = std::mem::replace(&mut self.row, Row::Listed) {
            let _ = waits.listed.set(());
            self.tell();
        }
    }

    /// Why it is not listed though it could be shown.
    pub(super) fn waits(&self) -> Option<Waits> {
        match &self.row {
            Row::Waits(waits) => Some(waits.clone()),
            Row::Unclaimed | Row::Listed => None,
        }
    }

    /// Takes a row, or the lack of one. What was listed and waits now is gone for clients.
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

    /// A link comes from another address. In the other family it takes the place of the link
    /// there, as a new one would.
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

    /// What the registry finds it by.
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
        };
        self.member.tell(self.number, Change::Listed(server));
    }
}
