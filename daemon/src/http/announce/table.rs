//! Which secret lists which server, and until when. Pure: it has no clock.

use bytes::Bytes;
use metaserve::{
    Family, Fingerprint, Game, Limits, Pacing,
    announce::{Outcome, Refusal},
    bounds::Waiting,
    registry::{Applied, NotAnnounced, Registration, Registry},
    tls::secret::Announcer,
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

/// All announced servers.
pub(super) struct Table {
    registry: Arc<Registry>,
    servers: HashMap<Fingerprint, Server>,
    places: HashMap<SocketAddr, Place>,
}

/// One server: the same secret, game and port, in one address family or both.
struct Server {
    pacing: Pacing,
    /// At least one, and at most one for each family.
    links: Vec<Link>,
}

/// An address that a server is announced from.
struct Link {
    address: SocketAddr,
    until: Instant,
    registration: Registration,
}

/// An address and port in the list.
struct Place {
    announcer: Announcer,
    /// The servers there: one, or one for each of several games.
    servers: u32,
    /// When the TTL of the last of them is over.
    until: Instant,
}

/// What a secret announces.
#[derive(Clone, Debug)]
pub(super) struct Put {
    pub(super) announcer: Announcer,
    pub(super) identity: Fingerprint,
    pub(super) game: Game,
    pub(super) address: SocketAddr,
    pub(super) ttl: Duration,
    pub(super) heartbeat: Bytes,
}

/// When an announcer that finds all places taken may try again: after the usual TTL.
const FULL: Duration = metaserve::announce::DEFAULT_TTL;

impl Table {
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            servers: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// The number of announced servers.
    pub(super) fn len(&self) -> usize {
        self.servers.len()
    }

    /// Lists a server, or keeps it listed. Gives whether it is new, and what came of its heartbeat.
    ///
    /// # Errors
    /// What is in the list stays there, whatever is wrong.
    pub(super) fn put(
        &mut self,
        put: &Put,
        limits: &Limits,
        now: Instant,
    ) -> Result<(Outcome, Applied), Refusal> {
        if let Some(place) = self.places.get(&put.address)
            && place.announcer != put.announcer
        {
            let reason = format!(
                "{} is listed with another secret: use that secret, or wait until its TTL is over",
                put.address
            );
            let left = place.until.saturating_duration_since(now);
            return Err(Refusal::new(Outcome::Taken, reason).retry_after(left));
        }
        let (outcome, mut server) = match self.servers.remove(&put.identity) {
            Some(known) => (Outcome::Kept, known),
            None if self.servers.len() >= limits.max_announced => {
                let reason = format!(
                    "{} servers are announced already, as many as may be (--max-announced): try \
                     again later, or publish over QUIC",
                    limits.max_announced
                );
                return Err(Refusal::new(Outcome::Full, reason).retry_after(FULL));
            }
            None => (Outcome::Listed, Server::new(limits)),
        };
        let applied = self.state(&mut server, put, limits, now);
        if !server.links.is_empty() {
            self.servers.insert(put.identity, server);
        }
        Ok((outcome, applied?))
    }

    /// Lists `server` at the address of `put`, with its heartbeat.
    fn state(
        &mut self,
        server: &mut Server,
        put: &Put,
        limits: &Limits,
        now: Instant,
    ) -> Result<Applied, Refusal> {
        let until = now + put.ttl;
        let at = self.link(server, put, until)?;
        self.hold_row(server, at)?;
        server.pacing.set_interval(limits.min_interval);
        let unchanged = server.pacing.offer(put.heartbeat.clone()).unchanged;
        let stated = match unchanged {
            // It is stated again, in case that another member of the cluster has taken the place.
            true => Some(put.heartbeat.clone()),
            false => server.pacing.take(now),
        };
        let Some(stated) = stated else {
            let due = server.pacing.due(now).unwrap_or(now);
            let reason = format!(
                "too soon: the list shows a change of a server once in {:?} (--min-interval); this \
                 one stays listed, and its newest heartbeat is shown then",
                limits.min_interval
            );
            let left = due.saturating_duration_since(now);
            return Err(Refusal::new(Outcome::TooSoon, reason).retry_after(left));
        };
        let link = &mut server.links[at];
        let mut applied = link.registration.heartbeat(stated.clone());
        if applied == Applied::Replaced {
            link.registration = self.register(put)?;
            applied = link.registration.heartbeat(stated);
        }
        self.hold_row(server, at)?;
        Ok(applied)
    }

    /// Removes a link whose server has no row of the list: an announced server never waits for one.
    fn hold_row(&mut self, server: &mut Server, at: usize) -> Result<(), Refusal> {
        let Some(waits) = server.links[at].registration.waits() else {
            return Ok(());
        };
        let link = server.links.swap_remove(at);
        self.leave(link.address);
        Err(no_row(&waits.why))
    }

    /// The place of the server's link at the address of `put`: the one that it has there, the one of
    /// the same family, which moves, or a new one.
    fn link(&mut self, server: &mut Server, put: &Put, until: Instant) -> Result<usize, Refusal> {
        let family = Family::of(put.address.ip());
        let known = |link: &Link| Family::of(link.address.ip()) == family;
        let at = match server.links.iter().position(known) {
            Some(at) if server.links[at].address == put.address => at,
            Some(at) => {
                let link = &mut server.links[at];
                let moved = link.registration.move_if_free(put.address);
                moved.map_err(|why| no_row(&why))?;
                let before = std::mem::replace(&mut link.address, put.address);
                self.leave(before);
                self.enter(put, until);
                at
            }
            None => {
                let registration = self.register(put)?;
                server.links.push(Link {
                    address: put.address,
                    until,
                    registration,
                });
                self.enter(put, until);
                server.links.len() - 1
            }
        };
        server.links[at].until = until;
        if let Some(place) = self.places.get_mut(&put.address) {
            place.until = place.until.max(until);
        }
        Ok(at)
    }

    fn register(&self, put: &Put) -> Result<Registration, Refusal> {
        let registered = self.registry.announce(&put.game, put.address, put.identity);
        registered.map_err(|error| match error {
            NotAnnounced::Games(_) => {
                Refusal::new(Outcome::Games, error.to_string()).retry_after(FULL)
            }
            NotAnnounced::Rows(why) => no_row(&why),
        })
    }

    /// Takes a server off the list. Gives whether it was there.
    pub(super) fn remove(&mut self, identity: Fingerprint) -> bool {
        let server = self.servers.remove(&identity);
        let links = server.iter().flat_map(|server| &server.links);
        links.for_each(|link| leave(&mut self.places, link.address));
        server.is_some()
    }

    /// Takes what was not announced again off the list, and shows heartbeats that have waited.
    /// Gives how many links have ended.
    pub(super) fn sweep(&mut self, now: Instant) -> usize {
        for server in self.servers.values_mut() {
            if let Some(heartbeat) = server.pacing.take(now) {
                // If another member of the cluster has taken its place, the next announcement
                // takes it back.
                server.links[0].registration.heartbeat(heartbeat);
            }
        }
        self.end(|link| link.until <= now).len()
    }

    /// Takes the servers at these addresses off the list, and gives where they were.
    pub(super) fn take_off(&mut self, addresses: impl Fn(IpAddr) -> bool) -> Vec<SocketAddr> {
        self.end(|link| addresses(link.address.ip()))
    }

    fn end(&mut self, ends: impl Fn(&Link) -> bool) -> Vec<SocketAddr> {
        let Self {
            servers, places, ..
        } = self;
        let mut ended = Vec::new();
        servers.retain(|_, server| {
            server.links.retain(|link| {
                let ends = ends(link);
                if ends {
                    leave(places, link.address);
                    ended.push(link.address);
                }
                !ends
            });
            !server.links.is_empty()
        });
        ended
    }

    /// One more server at the address of `put`.
    fn enter(&mut self, put: &Put, until: Instant) {
        let place = self.places.entry(put.address).or_insert(Place {
            announcer: put.announcer,
            servers: 0,
            until,
        });
        place.servers += 1;
    }

    fn leave(&mut self, address: SocketAddr) {
        leave(&mut self.places, address);
    }
}

/// The refusal of a server that would have to wait for a row of the list.
fn no_row(why: &Waiting) -> Refusal {
    let reason = format!(
        "not listed: {} servers of {} are listed already (--max-listed-per-prefix)",
        why.listed,
        why.prefix()
    );
    Refusal::new(Outcome::Rows, reason).retry_after(FULL)
}

/// One server less at this address.
fn leave(places: &mut HashMap<SocketAddr, Place>, address: SocketAddr) {
    if let Some(place) = places.get_mut(&address) {
        place.servers -= 1;
        if place.servers == 0 {
            places.remove(&address);
        }
    }
}

impl Server {
    fn new(limits: &Limits) -> Self {
        Self {
            pacing: Pacing::new(limits.min_interval),
            links: Vec::with_capacity(1),
        }
    }
}

#[cfg(test)]
mod tests;
