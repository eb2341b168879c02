//! Several addresses of one or several daemons, of which the first that answers wins (RFC 8305):
//! pure.

use super::error::ConnectError;
use crate::{Role, address::Family};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

/// How long an attempt has the field for itself before the next address is tried beside it
/// (RFC 8305, section 5).
pub(super) const STAGGER: Duration = Duration::from_millis(250);

/// The TLS alert of a peer that speaks none of the protocols that were offered (RFC 7301, section
/// 3.2).
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// How many addresses are tried in one attempt to connect.
const MOST: usize = 16;

/// An address of one of the daemons, which is known by its position among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    pub(super) address: SocketAddr,
    pub(super) daemon: usize,
}

/// The order in which addresses are tried: the families in turn, beginning with the one that the
/// resolver prefers, and within a family in the order that `shuffle` makes, so that the addresses
/// share their peers. The one that was connected to last is tried at the end: a peer that comes
/// back has lost it, or was refused there.
pub(super) fn order(
    found: impl IntoIterator<Item = Candidate>,
    last: Option<SocketAddr>,
    mut shuffle: impl FnMut(&mut [Candidate]),
) -> Vec<Candidate> {
    let mut found = found.into_iter().peekable();
    let family = |it: &Candidate| Family::of(it.address.ip());
    let first = found.peek().map(family);
    let (mut preferred, mut other): (Vec<_>, Vec<_>) =
        found.partition(|it| Some(family(it)) == first);
    for family in [&mut preferred, &mut other] {
        family.sort_unstable();
        family.dedup();
        shuffle(family);
        family.sort_by_key(|it| Some(it.address) == last);
    }
    let (mut preferred, mut other) = (preferred.into_iter(), other.into_iter());
    let mut turns: Vec<Candidate> = Vec::new();
    loop {
        let turn = [preferred.next(), other.next()];
        turns.extend(turn.iter().flatten());
        if turn == [None, None] || turns.len() >= MOST {
            turns.sort_by_key(|it| Some(it.address) == last);
            return turns;
        }
    }
}

/// The failed attempts so far, by daemon.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<usize, Failed>);

#[derive(Debug, Default)]
struct Failed {
    /// Why no address of the daemon is known.
    unfound: Option<ConnectError>,
    /// The last address that said anything: silence explains less.
    said: Option<(SocketAddr, quinn::ConnectionError)>,
    silent: Vec<SocketAddr>,
    without_route: Vec<SocketAddr>,
}

impl Failures {
    /// The daemon has no address, for this reason.
    pub(super) fn unfound(&mut self, daemon: usize, error: ConnectError) {
        self.0.entry(daemon).or_default().unfound = Some(error);
    }

    pub(super) fn no_route(&mut self, at: Candidate) {
        let failed = self.0.entry(at.daemon).or_default();
        failed.without_route.push(at.address);
    }

    pub(super) fn failed(&mut self, at: Candidate, problem: quinn::ConnectionError) {
        let failed = self.0.entry(at.daemon).or_default();
        match problem {
            quinn::ConnectionError::TimedOut => failed.silent.push(at.address),
            problem => failed.said = Some((at.address, problem)),
        }
    }

    /// All of it as one error, for a peer that asked for this role at these daemons.
    pub(super) fn into_error(self, role: Role, daemons: &[Arc<str>]) -> ConnectError {
        let each = self.0.into_iter().filter_map(|(daemon, failed)| {
            let name = daemons.get(daemon)?.clone();
            Some((name, failed.into_error(role)?))
        });
        ConnectError::of_each(each.collect())
    }
}

impl Failed {
    fn into_error(self, role: Role) -> Option<ConnectError> {
        let Self {
            unfound,
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
            None => unfound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Retry;
    use quinn::ConnectionError::{Reset, TimedOut, VersionMismatch};

    /// The addresses of one daemon.
    fn addresses(text: &str) -> Vec<Candidate> {
        let all = text.split(' ').map(|it| at(0, it));
        all.collect()
    }

    fn at(daemon: usize, address: &str) -> Candidate {
        let address = address.parse().unwrap();
        Candidate { address, daemon }
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
            let order = order(addresses(found), None, |family| family.reverse());
            assert_eq!(order, addresses(tried), "{found}");
        }
        assert_eq!(order([], None, |_| ()), []);
        let many = (1..=1_000).map(|port| Candidate {
            address: ([192, 0, 2, 1], port).into(),
            daemon: 0,
        });
        assert!(order(many, None, |_| ()).len() <= MOST);
    }

    /// Otherwise all peers of a lost daemon would press on the same other one.
    #[test]
    fn peers_spread_over_addresses_and_daemons_alike() {
        let mut random = fastrand::Rng::with_seed(7);
        let found = [
            at(0, "192.0.2.1:1"),
            at(0, "192.0.2.2:1"),
            at(1, "192.0.2.3:1"),
            at(1, "[2001:db8::1]:1"),
        ];
        let mut firsts = BTreeMap::<_, u32>::new();
        let mut orders = BTreeMap::<_, u32>::new();
        for _ in 0..6_000 {
            let order = order(found, None, |family| random.shuffle(family));
            *firsts.entry(order[0]).or_default() += 1;
            *orders.entry(order).or_default() += 1;
        }
        assert_eq!(firsts.len(), 3, "the preferred family begins: {firsts:?}");
        assert!(
            firsts.values().all(|it| (1_900..2_100).contains(it)),
            "{firsts:?}"
        );
        assert_eq!(orders.len(), 6, "each order of the three: {orders:?}");
        assert!(
            orders.values().all(|it| (900..1_100).contains(it)),
            "{orders:?}"
        );
    }

    #[test]
    fn the_address_that_was_lost_is_tried_at_the_end() {
        let mut random = fastrand::Rng::with_seed(7);
        let found = addresses("192.0.2.1:1 192.0.2.2:1 192.0.2.3:1 [2001:db8::1]:1");
        for last in &found {
            for _ in 0..100 {
                let lost = Some(last.address);
                let order = order(found.clone(), lost, |family| random.shuffle(family));
                assert_eq!((order.len(), order.last()), (4, Some(last)));
            }
        }
        let many: Vec<_> = (1..=100)
            .map(|it| at(0, &format!("192.0.2.{it}:1")))
            .collect();
        let lost = Some(many[0].address);
        let order = order(many.clone(), lost, |_| ());
        assert_eq!(order, many[1..=MOST], "others are there to be tried");
    }

    /// The error of these failures of one daemon.
    fn error(of: impl FnOnce(&mut Failures)) -> String {
        let mut failures = Failures::default();
        of(&mut failures);
        let daemons = ["192.0.2.1:1".into()];
        failures.into_error(Role::Client, &daemons).to_string()
    }

    #[test]
    fn an_answer_explains_more_than_silence_and_silence_more_than_no_route() {
        let [one, two] = ["192.0.2.1:1", "192.0.2.2:2"].map(|it| at(0, it));
        let said = error(|failures| {
            failures.no_route(one);
            failures.failed(one, Reset);
            failures.failed(two, TimedOut);
        });
        assert_eq!(said, "cannot connect to 192.0.2.1:1: reset by peer");

        let said = error(|failures| failures.no_route(one));
        let expected = "this machine has no route to 192.0.2.1:1";
        assert!(said.starts_with(expected), "{said}");

        let said = error(|failures| {
            failures.failed(one, TimedOut);
            failures.failed(two, TimedOut);
            failures.no_route(one);
        });
        let expected = "nothing answers on UDP at 192.0.2.1:1 and 192.0.2.2:2: check";
        assert!(said.starts_with(expected), "{said}");
    }

    #[test]
    fn each_daemon_is_named_with_what_happened_there() {
        let names: [Arc<str>; 2] = ["a.example:1".into(), "b.example:2".into()];
        let [one, two] = [at(0, "192.0.2.1:1"), at(1, "192.0.2.2:2")];
        let error = |problems: [quinn::ConnectionError; 2]| {
            let mut failures = Failures::default();
            for (at, problem) in [one, two].into_iter().zip(problems) {
                failures.failed(at, problem);
            }
            failures.into_error(Role::Client, &names)
        };
        let both = error([VersionMismatch, VersionMismatch]);
        let said = both.to_string();
        assert!(
            said.contains("a.example:1: cannot connect to 192.0.2.1:1: "),
            "{said}"
        );
        assert!(
            said.contains("; b.example:2: cannot connect to 192.0.2.2:2: "),
            "{said}"
        );
        assert_eq!(both.retry(), Retry::Briefly, "no daemon can heal");
        let one_heals = error([VersionMismatch, TimedOut]);
        assert_eq!(one_heals.retry(), Retry::Soon, "one daemon may come back");
        let silent = error([TimedOut, TimedOut]).to_string();
        let expected = "nothing answers on UDP at 192.0.2.1:1 and 192.0.2.2:2: check";
        assert!(silent.starts_with(expected), "{silent}");
    }

    #[test]
    fn a_family_is_absent_where_no_daemon_has_it() {
        let names: [Arc<str>; 2] = ["a.example:1".into(), "b.example:2".into()];
        let mut failures = Failures::default();
        for (daemon, name) in names.iter().enumerate() {
            failures.unfound(daemon, ConnectError::Family(name.clone(), Family::V6));
        }
        assert!(failures.into_error(Role::Client, &names).is_absent_family());
    }
}
