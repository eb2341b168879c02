//! Several addresses of one name, of which the first that answers wins (RFC 8305): pure.

use super::error::ConnectError;
use crate::{Role, address::Family};
use std::{net::SocketAddr, time::Duration};

/// How long an attempt has the field for itself before the next address is tried beside it
/// (RFC 8305, section 5).
pub(super) const STAGGER: Duration = Duration::from_millis(250);

/// The TLS alert of a peer that speaks none of the protocols that were offered (RFC 7301, section
/// 3.2).
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// How many addresses of a name are tried.
const MOST: usize = 16;

/// The order in which addresses are tried: the families in turn, beginning with the one that the
/// resolver prefers, and within a family in the order that `shuffle` makes, so that the addresses
/// of a name share its peers.
pub(super) fn order(
    addresses: impl IntoIterator<Item = SocketAddr>,
    mut shuffle: impl FnMut(&mut [SocketAddr]),
) -> Vec<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let first = addresses.peek().map(|address| Family::of(address.ip()));
    let (mut preferred, mut other): (Vec<_>, Vec<_>) =
        addresses.partition(|address| Some(Family::of(address.ip())) == first);
    for family in [&mut preferred, &mut other] {
        family.sort_unstable();
        family.dedup();
        shuffle(family);
    }
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut turns = Vec::new();
    loop {
        let turn = [preferred.next(), other.next()];
        turns.extend(turn.iter().flatten());
        if turn == [None, None] || turns.len() >= MOST {
            return turns;
        }
    }
}

/// The failed attempts so far.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The last address that said anything: silence explains less.
    said: Option<(SocketAddr, quinn::ConnectionError)>,
    silent: Vec<SocketAddr>,
    without_route: Vec<SocketAddr>,
}

impl Failures {
    pub(super) fn no_route(&mut self, address: SocketAddr) {
        self.without_route.push(address);
    }

    pub(super) fn failed(&mut self, address: SocketAddr, problem: quinn::ConnectionError) {
        match problem {
            quinn::ConnectionError::TimedOut => self.silent.push(address),
            problem => self.said = Some((address, problem)),
        }
    }

    /// All of it as one error, for who asked for this role; none when nothing was tried.
    pub(super) fn into_error(self, role: Role) -> Option<ConnectError> {
        let Self {
            said,
            silent,
            without_route,
        } = self;
        match said {
            Some((address, quinn::ConnectionError::ConnectionClosed(close)))
                if close.error_code
                    == quinn::TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL) =>
            {
                Some(ConnectError::NotSpoken { address, role })
            }
            Some((address, problem)) => Some(ConnectError::Connect { address, problem }),
            None if !silent.is_empty() => Some(ConnectError::NoAnswer { addresses: silent }),
            None if !without_route.is_empty() => Some(ConnectError::NoRoute {
                addresses: without_route,
            }),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<SocketAddr> {
        let all = text.split(' ').map(|it| it.parse().unwrap());
        all.collect()
    }

    #[test]
    fn families_take_turns_and_the_preferred_one_begins() {
        let table = [
            (
                "[::1]:1 [::2]:1 [::3]:1 1.0.0.1:1 1.0.0.2:1",
                "[::3]:1 1.0.0.2:1 [::2]:1 1.0.0.1:1 [::1]:1",
            ),
            ("1.0.0.1:1 [::1]:1", "1.0.0.1:1 [::1]:1"),
            ("1.0.0.1:1 1.0.0.1:1", "1.0.0.1:1"),
        ];
        for (found, tried) in table {
            let order = order(addresses(found), |family| family.reverse());
            assert_eq!(order, addresses(tried), "{found}");
        }
        assert_eq!(order([], |_| ()), []);
        let many = (1..=1_000).map(|port| ([192, 0, 2, 1], port).into());
        assert!(order(many, |_| ()).len() <= MOST);
    }

    #[test]
    fn an_answer_explains_more_than_silence_and_silence_more_than_no_route() {
        let [one, two] = ["192.0.2.1:1", "192.0.2.2:2"].map(|it| it.parse().unwrap());
        let mut failures = Failures::default();
        failures.no_route(one);
        failures.failed(one, quinn::ConnectionError::Reset);
        failures.failed(two, quinn::ConnectionError::TimedOut);
        let error = failures.into_error(Role::Client).unwrap().to_string();
        assert_eq!(error, "cannot connect to 192.0.2.1:1: reset by peer");

        let mut failures = Failures::default();
        failures.no_route(one);
        let error = failures.into_error(Role::Client).unwrap().to_string();
        assert!(
            error.starts_with("this machine has no route to 192.0.2.1:1"),
            "{error}"
        );

        let mut failures = Failures::default();
        for address in [one, two] {
            failures.failed(address, quinn::ConnectionError::TimedOut);
        }
        failures.no_route(one);
        let error = failures.into_error(Role::Client).unwrap().to_string();
        let expected = "nothing answers on UDP at 192.0.2.1:1 and 192.0.2.2:2: check";
        assert!(error.starts_with(expected), "{error}");
        assert!(Failures::default().into_error(Role::Client).is_none());
    }
}
