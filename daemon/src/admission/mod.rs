//! Decides whether a peer may connect now. Pure apart from its counters.

mod seats;
mod slots;

pub(crate) use seats::{Seat, Seats, Vacancy};
pub(crate) use slots::{Slot, Slots};

use crate::rules::Limit;
use metaserve::{
    Fingerprint, Limits, Role,
    bounds::{Bucket, Origin, Refused, Room},
    protocol::roles::Side,
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Counts handshakes and holds the places of connections, in a pool for game clients and one for
/// game servers and relays. A relay brings servers to the list, so it must find a place even when
/// clients fill theirs.
#[derive(Debug)]
pub(crate) struct Admission {
    handshakes: Slots,
    servers: Seats,
    clients: Seats,
    rates: Mutex<Rates>,
}

impl Default for Admission {
    fn default() -> Self {
        let servers = Seats::default();
        Self {
            handshakes: Slots::default(),
            clients: servers.beside(),
            servers,
            rates: Mutex::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Rates {
    /// Handshakes that were started.
    begun: Bucket,
    /// Handshakes with peers that are not admitted, made only to tell them the reason.
    told: Bucket,
}

/// How to treat a peer's first packet.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Shake hands. The slot is held until the handshake is over.
    Accept(Slot),
    /// Require address validation first, which costs no memory.
    Validate(Limit),
    /// Refuse the peer now: it would not be admitted, and too many such peers have been told the
    /// reason in this second.
    Refuse(Obstacle),
    /// Do not answer: there are too many handshakes.
    Ignore,
}

/// Why a peer is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Banned,
    Full(Limit),
}

/// Why a connection gets no place: the limit, and the reason in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPlace {
    pub(crate) limit: Limit,
    pub(crate) why: Refused,
}

impl NoPlace {
    pub(crate) const fn new(role: Role, why: Refused) -> Self {
        let limit = match (role.side(), why) {
            (Side::Follows, Refused::Leaf(..)) => Limit::MaxClientsPerPrefix,
            (Side::Publishes, Refused::Leaf(..)) => Limit::MaxServersPerPrefix,
            (Side::Follows, Refused::Full(..)) => Limit::MaxClients,
            (Side::Publishes, Refused::Full(..)) => Limit::MaxServers,
            _ => Limit::MaxConnections,
        };
        Self { limit, why }
    }
}

/// The sizes of the pool of a role.
pub(crate) const fn room(limits: &Limits, role: Role) -> Room {
    let (pool, each_leaf) = match role.side() {
        Side::Follows => (limits.max_clients, limits.max_clients_per_prefix),
        Side::Publishes => (limits.max_servers, limits.max_servers_per_prefix),
    };
    Room {
        pool,
        each_leaf,
        together: limits.max_connections,
    }
}

/// A relay counts on its own, wherever it connects from: the operator trusts it by its
/// certificate. All other peers count by their address.
pub(crate) fn origin_of_relay(certificate: Fingerprint) -> Origin {
    let [a, b, c, d, e, f, g, h, ..] = *certificate.as_bytes();
    Origin::named(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// How many peers that are not admitted are told the reason, per second. A reason can be sent only
/// after a handshake, which costs about a thousand times as much as a refusal without one. 20 of
/// them take about 20 ms of processor time; all others are refused at their first packet.
const TOLD_PER_SECOND: f64 = 20.0;

impl Admission {
    /// Judges a first packet from an address, which may be `banned` now. `validated` says that the
    /// sender has proved that it holds its address.
    pub(crate) fn first_packet(
        &self,
        limits: &Limits,
        origin: Origin,
        banned: bool,
        validated: bool,
        now: Instant,
    ) -> Verdict {
        if let Some(obstacle) = self.obstacle(limits, origin, banned)
            && !self
                .rates()
                .told
                .spend(now, TOLD_PER_SECOND, TOLD_PER_SECOND)
        {
            return Verdict::Refuse(obstacle);
        }
        if !validated && self.handshakes.taken() >= limits.retry_above_handshakes {
            return Verdict::Validate(Limit::RetryAboveHandshakes);
        }
        let per_second = limits.retry_above_per_second.into();
        let in_time = self.rates().begun.spend(now, per_second, per_second);
        if !validated && !in_time {
            return Verdict::Validate(Limit::RetryAbovePerSecond);
        }
        match self.handshakes.take(limits.max_handshakes) {
            Some(place) => Verdict::Accept(place),
            None => Verdict::Ignore,
        }
    }

    /// Why a peer would not be admitted, judged by its address alone.
    fn obstacle(&self, limits: &Limits, origin: Origin, banned: bool) -> Option<Obstacle> {
        if banned {
            return Some(Obstacle::Banned);
        }
        // The role is not known yet: the peer is refused here only if no role has a place for it.
        self.judge(limits, Role::Client, origin).err()?;
        let no_place = self.judge(limits, Role::Heartbeat, origin).err()?;
        Some(Obstacle::Full(no_place.limit))
    }

    fn judge(&self, limits: &Limits, role: Role, origin: Origin) -> Result<(), NoPlace> {
        let judged = self.pool(role).judge(origin, room(limits, role));
        judged.map_err(|why| NoPlace::new(role, why))
    }

    const fn pool(&self, role: Role) -> &Seats {
        match role.side() {
            Side::Follows => &self.clients,
            Side::Publishes => &self.servers,
        }
    }

    /// A place for one connection after its handshake, held until the connection ends.
    ///
    /// If another peer has to make room, it is notified.
    pub(crate) fn connection(
        &self,
        limits: &Limits,
        role: Role,
        origin: Origin,
    ) -> Result<(Seat, Vacancy), NoPlace> {
        let taken = self.pool(role).take(origin, room(limits, role));
        taken.map_err(|why| NoPlace::new(role, why))
    }

    /// The number of handshakes in progress.
    pub(crate) fn handshakes(&self) -> usize {
        self.handshakes.taken()
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests can start at any instant"
)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn anybody() -> Origin {
        Origin::new([192, 0, 2, 1].into())
    }

    fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    }

    #[test]
    fn under_load_addresses_must_be_validated_and_then_packets_are_ignored() {
        let limits = limits(|it| (it.retry_above_handshakes, it.max_handshakes) = (1, 2));
        let (admission, now) = (Admission::default(), Instant::now());
        let judge = |validated| admission.first_packet(&limits, anybody(), false, validated, now);
        let Verdict::Accept(first) = judge(false) else {
            panic!("calm")
        };
        let busy = judge(false);
        assert!(matches!(
            busy,
            Verdict::Validate(Limit::RetryAboveHandshakes)
        ));
        let Verdict::Accept(_second) = judge(true) else {
            panic!("validated")
        };
        assert_eq!(admission.handshakes(), 2);
        assert!(matches!(judge(true), Verdict::Ignore));
        drop(first);
        assert!(matches!(judge(true), Verdict::Accept(_)));
    }

    #[test]
    fn addresses_must_be_validated_above_a_rate_of_handshakes() {
        let limits = limits(|it| it.retry_above_per_second = 3);
        let (admission, start) = (Admission::default(), Instant::now());
        let begun = |now| {
            let judge = || admission.first_packet(&limits, anybody(), false, false, now);
            (0..9)
                .filter(|_| matches!(judge(), Verdict::Accept(_)))
                .count()
        };
        assert_eq!(begun(start), 3);
        let validated = admission.first_packet(&limits, anybody(), false, true, start);
        assert!(matches!(validated, Verdict::Accept(_)));
        assert_eq!(begun(start + Duration::from_secs(1)), 3);
    }

    #[test]
    fn a_peer_that_is_not_admitted_is_told_why_up_to_a_rate_and_then_refused_at_once() {
        let full = limits(|it| (it.max_servers_per_prefix, it.max_clients_per_prefix) = (1, 1));
        let (admission, now) = (Admission::default(), Instant::now());
        let _server = admission
            .connection(&full, Role::Heartbeat, anybody())
            .unwrap();
        let again = admission.connection(&full, Role::Heartbeat, anybody());
        assert_eq!(again.unwrap_err().limit, Limit::MaxServersPerPrefix);
        for _ in 0..30 {
            let verdict = admission.first_packet(&full, anybody(), false, false, now);
            assert!(matches!(verdict, Verdict::Accept(_)), "it may be a client");
        }
        let _client = admission
            .connection(&full, Role::Client, anybody())
            .unwrap();
        for _ in 0..20 {
            let verdict = admission.first_packet(&full, anybody(), false, false, now);
            assert!(matches!(verdict, Verdict::Accept(_)), "{verdict:?}");
        }
        let verdict = admission.first_packet(&full, anybody(), false, false, now);
        let full_house = Obstacle::Full(Limit::MaxServersPerPrefix);
        assert!(matches!(verdict, Verdict::Refuse(why) if why == full_house));
        let neighbour = Origin::new("192.0.2.2".parse().unwrap());
        let verdict = admission.first_packet(&full, neighbour, false, false, now);
        assert!(matches!(verdict, Verdict::Accept(_)), "{verdict:?}");
    }

    #[test]
    fn each_pool_has_its_own_limit_and_both_share_one() {
        let limits = limits(|it| {
            (it.max_connections, it.max_servers, it.max_clients) = (4, 2, 3);
        });
        let admission = Admission::default();
        let come = |role| admission.connection(&limits, role, anybody());
        let _clients: Vec<_> = (0..3).map(|_| come(Role::Client).unwrap()).collect();
        assert_eq!(come(Role::Client).unwrap_err().limit, Limit::MaxClients);
        let server = come(Role::Heartbeat).unwrap();
        let full = come(Role::Heartbeat).unwrap_err();
        assert_eq!(full.limit, Limit::MaxConnections);
        drop((_clients, server));
        let _servers = [come(Role::Heartbeat).unwrap(), come(Role::Relay).unwrap()];
        assert_eq!(come(Role::Relay).unwrap_err().limit, Limit::MaxServers);
    }

    #[tokio::test]
    async fn a_single_address_and_a_relay_get_a_place_when_all_are_taken() {
        let limits = limits(|it| it.max_servers = 4);
        let admission = Admission::default();
        let crowd: Vec<_> = (0..4)
            .map(|_| {
                admission
                    .connection(&limits, Role::Heartbeat, anybody())
                    .unwrap()
            })
            .collect();
        let lone = Origin::new("198.51.100.1".parse().unwrap());
        let (_lone, vacancy) = admission
            .connection(&limits, Role::Heartbeat, lone)
            .unwrap();
        assert_eq!(vacancy, Vacancy::TakenOver);
        crowd[3].0.losing().cancelled().await;
        assert!(!crowd[2].0.losing().is_cancelled());
        let losing = crowd.iter().map(|(seat, _)| seat.losing().is_cancelled());
        assert!(losing.eq([false, false, false, true]));
        // It connects from the crowd's address, but does not count as part of the crowd.
        let relay = origin_of_relay(Fingerprint::from([7; 32]));
        let (_relay, vacancy) = admission.connection(&limits, Role::Relay, relay).unwrap();
        assert_eq!(vacancy, Vacancy::TakenOver);
        crowd[2].0.losing().cancelled().await;
        assert_eq!(admission.servers.taken(), 4);
    }
}
