//! May this peer come in now: pure but for counters.

use crate::{
    limit::Limit,
    places::{Place, Places, PrefixPlace, Prefixes},
    rate::Bucket,
};
use metaserve::{Limits, Role};
use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Counts handshakes and connections.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    handshakes: Places,
    connections: Places,
    clients: Places,
    prefixes: Prefixes,
    rates: Mutex<Rates>,
}

#[derive(Debug, Default)]
struct Rates {
    /// Handshakes that were begun.
    begun: Bucket,
    /// Handshakes with peers who are not let in, made to tell them so.
    told: Bucket,
}

/// What to do with a peer's first packet.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Shake hands; the place is held until that is over.
    Accept(Place),
    /// Have it prove first that it holds its address, which costs us no memory.
    Validate(Limit),
    /// It would not be let in, and more are told why than we have time for: refuse it now.
    Refuse(Obstacle),
    /// Say nothing: we are busy beyond answering.
    Ignore,
}

/// Why a peer is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Banned,
    Full(Limit),
}

/// The places of one connection, until it ends.
#[derive(Debug)]
pub(crate) struct Admitted {
    _connection: Place,
    _prefix: PrefixPlace,
    _client: Option<Place>,
}

/// A reason can be told only after a handshake, and that costs about a thousand times as much as
/// a refusal without one. So peers who are not let in are told why so often in a second, 20 ms of
/// a processor's time, and the others are refused at their first packet.
const TOLD_PER_SECOND: f64 = 20.0;

impl Admission {
    /// Judges a first packet from an address, which may be `banned` now. `validated`: its sender
    /// has shown that it holds its address.
    pub(crate) fn first_packet(
        &self,
        limits: &Limits,
        address: IpAddr,
        banned: bool,
        validated: bool,
        now: Instant,
    ) -> Verdict {
        if let Some(obstacle) = self.obstacle(limits, address, banned)
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

    /// Why a peer of whom no more is known than its address would not be let in.
    fn obstacle(&self, limits: &Limits, address: IpAddr, banned: bool) -> Option<Obstacle> {
        if banned {
            return Some(Obstacle::Banned);
        }
        if self.connections.taken() >= limits.max_connections {
            return Some(Obstacle::Full(Limit::MaxConnections));
        }
        (self.prefixes.taken(address) >= limits.max_connections_per_prefix)
            .then_some(Obstacle::Full(Limit::MaxConnectionsPerPrefix))
    }

    /// Places for one connection, held until it ends; or the limit that stands against it.
    pub(crate) fn connection(
        &self,
        limits: &Limits,
        role: Role,
        address: IpAddr,
    ) -> Result<Admitted, Limit> {
        let connection = self.connections.take(limits.max_connections);
        let connection = connection.ok_or(Limit::MaxConnections)?;
        let prefix = self
            .prefixes
            .take(address, limits.max_connections_per_prefix);
        let prefix = prefix.ok_or(Limit::MaxConnectionsPerPrefix)?;
        let client = match role {
            Role::Client => {
                let place = self.clients.take(limits.max_clients);
                Some(place.ok_or(Limit::MaxClients)?)
            }
            Role::Heartbeat | Role::Relay => None,
        };
        Ok(Admitted {
            _connection: connection,
            _prefix: prefix,
            _client: client,
        })
    }

    /// How many handshakes are under way.
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
    reason = "any instant will do to begin with"
)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ANYBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    }

    #[test]
    fn validation_is_asked_for_under_load_and_silence_follows() {
        let limits = limits(|it| (it.retry_above_handshakes, it.max_handshakes) = (1, 2));
        let (admission, now) = (Admission::default(), Instant::now());
        let judge = |validated| admission.first_packet(&limits, ANYBODY, false, validated, now);
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
        assert!(matches!(judge(true), Verdict::Ignore));
        drop(first);
        assert!(matches!(judge(true), Verdict::Accept(_)));
    }

    #[test]
    fn so_many_handshakes_are_begun_in_a_second_before_addresses_have_to_be_proven() {
        let limits = limits(|it| it.retry_above_per_second = 3);
        let (admission, start) = (Admission::default(), Instant::now());
        let begun = |now| {
            let judge = || admission.first_packet(&limits, ANYBODY, false, false, now);
            (0..9)
                .filter(|_| matches!(judge(), Verdict::Accept(_)))
                .count()
        };
        assert_eq!(begun(start), 3);
        let validated = admission.first_packet(&limits, ANYBODY, false, true, start);
        assert!(matches!(validated, Verdict::Accept(_)));
        assert_eq!(begun(start + Duration::from_secs(1)), 3);
    }

    #[test]
    fn who_is_not_let_in_is_told_so_while_that_is_cheap_and_then_refused_at_once() {
        let full = limits(|it| it.max_connections_per_prefix = 1);
        let (admission, now) = (Admission::default(), Instant::now());
        let _in = admission
            .connection(&full, Role::Heartbeat, ANYBODY)
            .unwrap();
        let again = admission.connection(&full, Role::Heartbeat, ANYBODY);
        assert_eq!(again.unwrap_err(), Limit::MaxConnectionsPerPrefix);
        for _ in 0..20 {
            let verdict = admission.first_packet(&full, ANYBODY, false, false, now);
            assert!(matches!(verdict, Verdict::Accept(_)), "{verdict:?}");
        }
        let verdict = admission.first_packet(&full, ANYBODY, false, false, now);
        let full_house = Obstacle::Full(Limit::MaxConnectionsPerPrefix);
        assert!(matches!(verdict, Verdict::Refuse(why) if why == full_house));
        let neighbour = "192.0.2.2".parse().unwrap();
        let verdict = admission.first_packet(&full, neighbour, false, false, now);
        assert!(matches!(verdict, Verdict::Accept(_)), "{verdict:?}");
    }

    #[test]
    fn a_refused_connection_gives_back_what_it_had_taken_of_other_limits() {
        let mut limits = Limits::default();
        (limits.max_connections, limits.max_clients) = (2, 1);
        let admission = Admission::default();
        let come = |role| admission.connection(&limits, role, ANYBODY);
        let _client = come(Role::Client).unwrap();
        assert_eq!(come(Role::Client).unwrap_err(), Limit::MaxClients);
        let _server = come(Role::Heartbeat).unwrap();
        assert_eq!(come(Role::Relay).unwrap_err(), Limit::MaxConnections);
    }
}
