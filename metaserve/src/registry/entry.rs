//! What the registry knows about one server. Pure.

use super::{Shared, games::Member, key::Key};
use crate::{
    Family, Fingerprint,
    bounds::{Standing, Waiting},
    list::{By, Change, Claim, Origin, Placement, Server},
};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc, time::SystemTime};
use tokio::sync::SetOnce;

/// One connection, or one server stated by a relay, that speaks for an entry.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: u64,
    /// In a cluster, when it has taken its place.
    pub(super) claim: Claim,
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
    /// Its key among the rows, and as long as nothing else is known its number.
    pub(super) id: u64,
    /// The number that others know it by.
    number: u64,
    /// Whether others know it by its number.
    known: bool,
    /// The membership of its game, through which changes are announced.
    pub(super) member: Member,
    /// In the order in which players see the addresses: IPv4 first. Never empty.
    links: Vec<Link>,
    placement: Arc<Placement>,
    /// None until the first heartbeat: until then the server is not listed.
    heartbeat: Option<(Bytes, SystemTime)>,
    row: Row,
    shared: Arc<Shared>,
}

/// Whether a server is in the list.
enum Row {
    /// It has not sent a heartbeat yet.
    Unclaimed,
    Listed,
    /// Boxed, since few servers wait.
    Waits(Box<Waits>),
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
        member: Member,
        identity: Option<Fingerprint>,
        by: By,
        link: Link,
        shared: Arc<Shared>,
    ) -> Self {
        let placement = Placement {
            game: member.game().clone(),
            address: link.address,
            second_address: None,
            identity,
            by,
            claims: shared.claims(link.claim, None),
        };
        Self {
            id: link.id,
            number: link.id,
            known: false,
            member,
            links: vec![link],
            placement: Arc::new(placement),
            heartbeat: None,
            row: Row::Unclaimed,
            shared,
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

    /// As [`join`](Self::join), if the server has a row of the list then.
    ///
    /// # Errors
    /// Why it would wait. Nothing has changed.
    pub(super) fn join_if_free(&mut self, link: Link) -> Result<(), Waiting> {
        self.take_row(link.id, link.address)?;
        self.join(link);
        Ok(())
    }

    /// As [`move_to`](Self::move_to), if the server has a row of the list then.
    ///
    /// # Errors
    /// Why it would wait. Nothing has changed.
    pub(super) fn move_if_free(&mut self, link: u64, address: SocketAddr) -> Result<(), Waiting> {
        if self.links.iter().any(|known| known.id == link) {
            self.take_row(link, address)?;
            self.move_to(link, address);
        }
        Ok(())
    }

    /// Takes the row that the server needs when this link is at `address`, if it is free, and gives
    /// up the one that it has.
    fn take_row(&self, link: u64, address: SocketAddr) -> Result<(), Waiting> {
        let family = |of: &SocketAddr| Family::of(of.ip());
        let others = self.links.iter().filter(|known| known.id != link);
        let others = others.map(|known| known.address);
        let stay = others.filter(|other| family(other) != family(&address));
        let first = stay.chain([address]).min_by_key(family);
        let ip = first.unwrap_or(address).ip();
        self.shared.rows.lock().move_if_free(self.id, ip)
    }

    /// Removes a link. Returns whether it was the last one: then the entry has ended, and must be
    /// removed.
    #[must_use]
    pub(super) fn leave(&mut self, link: u64) -> bool {
        let before = self.links.len();
        self.links.retain(|known| known.id != link);
        if self.links.is_empty() {
            self.end();
            return true;
        }
        if self.links.len() != before {
            self.place();
        }
        false
    }

    /// Removes the link with this claim, which has lost to another member's, and tells its holder.
    /// As [`leave`](Self::leave).
    #[must_use]
    pub(super) fn lose(&mut self, claim: Claim) -> bool {
        let lost = self.links.iter().find(|link| link.claim == claim);
        let lost = lost.map(|link| {
            link.end();
            link.id
        });
        lost.is_some_and(|link| self.leave(link))
    }

    /// Tells every link that it has been replaced, and clients that the server is gone.
    pub(super) fn end(&self) {
        for link in &self.links {
            link.end();
        }
        self.unlist();
        self.shared.rows.lock().release(self.id);
    }

    fn unlist(&self) {
        if !matches!(self.row, Row::Listed) {
            return;
        }
        match &self.shared.merged {
            None => self.member.tell(self.number, Change::Gone),
            Some(merged) => merged.unlist_own(self.number, &self.placement),
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
            Row::Waits(waits) => Some(Waits::clone(waits)),
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
                self.row = Row::Waits(Box::new(Waits::new(why)));
            }
        }
        self.tell();
    }

    /// Moves a link to another address. In the other address family it replaces the link there, as
    /// a new link would.
    ///
    /// Where it takes a place, it claims it anew: in the other family, or without an identity at
    /// the address. In the same family an identity keeps its place, and the claim on it: it has not
    /// connected later than one at another member only because its network has changed.
    pub(super) fn move_to(&mut self, link: u64, address: SocketAddr) {
        let moved = |known: &Link| known.id == link && known.address != address;
        if let Some(at) = self.links.iter().position(moved) {
            let mut link = self.links.remove(at);
            let stays = self.placement.identity.is_some()
                && Family::of(address.ip()) == Family::of(link.address.ip());
            if !stays {
                link.claim = Claim(self.shared.draw());
            }
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
            let standing = self.shared.rows.lock().claim(self.id, ip, key);
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
        Key::new(self.placement.identity, self.id)
    }

    fn place(&mut self) {
        let mut links = self.links.iter();
        let Some(first) = links.next() else { return };
        let second = links.next();
        let placement = Arc::new(Placement {
            game: self.member.game().clone(),
            address: first.address,
            second_address: second.map(|link| link.address),
            identity: self.placement.identity,
            by: self.placement.by,
            claims: self
                .shared
                .claims(first.claim, second.map(|link| link.claim)),
        });
        let shared = self.shared.clone();
        match &shared.merged {
            Some(merged) if !self.placement.is_in_row_of(&placement) => merged.together(|| {
                self.unlist();
                self.placement = placement;
                self.renumber();
                self.stand_there();
            }),
            _ => {
                self.placement = placement;
                self.stand_there();
            }
        }
    }

    /// Takes another number, because others may have taken over the one that it had, with the row
    /// that it leaves.
    fn renumber(&mut self) {
        if std::mem::take(&mut self.known) {
            self.number = self.shared.draw();
        }
    }

    /// Takes a row at its address, or keeps the one that it has, and tells what is shown of it.
    fn stand_there(&mut self) {
        let ip = self.placement.address.ip();
        let moved = self.shared.rows.lock().move_to(self.id, ip);
        match moved {
            Some(standing) => self.stand(standing),
            None => self.tell(),
        }
    }

    fn tell(&mut self) {
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
        match &self.shared.merged {
            None => self.member.tell(self.number, Change::Listed(server)),
            Some(merged) => {
                let new = !std::mem::replace(&mut self.known, true);
                self.number = merged.list_own(server, new);
            }
        }
    }
}
