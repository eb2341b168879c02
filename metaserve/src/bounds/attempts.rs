//! Limits on guessing passwords. Pure: the caller passes the time in.

use super::{Origin, Prefix};
use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// How many failed attempts are allowed at once, and after which time one more is. Successful
/// attempts do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptLimits {
    /// For one account from one address. Default: 10, then one every 20 s.
    pub each_pair: (u32, Duration),
    /// For one account from all addresses. Default: 100, then one every 10 s. This is higher than
    /// for the pair, so that one guesser does not lock the owner out.
    pub each_account: (u32, Duration),
    /// From one address (IPv6: /64) for all accounts. Default: 50, then one every 5 s.
    pub each_address: (u32, Duration),
    /// How many accounts and addresses are remembered, about 100 bytes each. Default: 10,000.
    /// Beyond it, those with the fewest failures are forgotten.
    pub remembered: usize,
}

/// Failed attempts, by account and address. An attempt is charged when it begins, so that many
/// parallel ones count as many, and refunded when it succeeds.
///
/// ```
/// use metaserve::bounds::{AttemptLimits, Attempts};
///
/// let mut attempts = Attempts::new(AttemptLimits::default());
/// let (address, now) = ("192.0.2.1".parse()?, metaserve::time::now());
/// let Some(attempt) = attempts.begin(Some("ann"), address, now) else {
///     panic!("too many attempts");
/// };
/// // Check the password here. If it is right:
/// attempts.succeeded(attempt);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Attempts {
    limits: AttemptLimits,
    /// When all failures of each will be forgiven. An absent entry has none.
    forgiven: HashMap<Who, Instant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Pair(String, Prefix),
    Account(String),
    Address(Prefix),
}

/// An attempt that was allowed. Dropping it leaves it charged, as a failure.
#[derive(Debug)]
pub struct Attempt(Vec<Who>);

impl Attempts {
    /// Without failures so far.
    #[must_use]
    pub fn new(limits: AttemptLimits) -> Self {
        Self {
            limits,
            forgiven: HashMap::new(),
        }
    }

    /// Charges an attempt; `None` if there were too many. Without a name, only the address is
    /// charged. Names are compared as they are: fold them first if case does not matter.
    pub fn begin(&mut self, username: Option<&str>, from: IpAddr, now: Instant) -> Option<Attempt> {
        let from = Origin::new(from).leaf();
        let mut who = vec![Who::Address(from)];
        if let Some(username) = username {
            who.push(Who::Pair(username.to_owned(), from));
            who.push(Who::Account(username.to_owned()));
        }
        who.iter().all(|who| self.may(who, now)).then(|| {
            self.make_room(who.len(), now);
            for who in who.clone() {
                let (_, each) = self.limits.of(&who);
                let forgiven = self.forgiven.entry(who).or_insert(now);
                *forgiven = now.max(*forgiven) + each;
            }
            Attempt(who)
        })
    }

    /// Refunds a successful attempt.
    pub fn succeeded(&mut self, attempt: Attempt) {
        for who in attempt.0 {
            let (_, each) = self.limits.of(&who);
            if let Some(forgiven) = self.forgiven.get_mut(&who) {
                *forgiven = forgiven.checked_sub(each).unwrap_or(*forgiven);
            }
        }
    }

    fn may(&self, who: &Who, now: Instant) -> bool {
        let (burst, each) = self.limits.of(who);
        let owed = self
            .forgiven
            .get(who)
            .map_or(Duration::ZERO, |it| it.saturating_duration_since(now));
        owed + each <= each * burst
    }

    /// Forgets entries that are already forgiven, and if necessary those that would be next.
    fn make_room(&mut self, room: usize, now: Instant) {
        let most = self.limits.remembered.saturating_sub(room);
        if self.forgiven.len() <= most {
            return;
        }
        self.forgiven.retain(|_, forgiven| *forgiven > now);
        while self.forgiven.len() > most {
            let next = self.forgiven.iter().min_by_key(|(_, forgiven)| **forgiven);
            let Some((next, _)) = next else { return };
            let next = next.clone();
            self.forgiven.remove(&next);
        }
    }
}

impl AttemptLimits {
    fn of(&self, who: &Who) -> (u32, Duration) {
        match who {
            Who::Pair(..) => self.each_pair,
            Who::Account(_) => self.each_account,
            Who::Address(_) => self.each_address,
        }
    }
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            each_pair: (10, Duration::from_secs(20)),
            each_account: (100, Duration::from_secs(10)),
            each_address: (50, Duration::from_secs(5)),
            remembered: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    const SECOND: Duration = Duration::from_secs(1);

    fn attempts() -> Attempts {
        Attempts::new(AttemptLimits {
            each_pair: (2, 10 * SECOND),
            each_account: (4, 10 * SECOND),
            each_address: (6, SECOND),
            remembered: 100,
        })
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn guesses_are_limited_and_allowed_again_one_by_one() {
        let (mut attempts, now) = (attempts(), time::now());
        let mut may = |after: u32| {
            attempts
                .begin(Some("bob"), ip(1), now + after * SECOND)
                .is_some()
        };
        assert_eq!([may(0), may(0), may(0)], [true, true, false]);
        assert_eq!([may(9), may(10), may(10)], [false, true, false]);
        assert_eq!([may(100), may(100), may(100)], [true, true, false]);
    }

    #[test]
    fn the_owner_can_log_in_while_another_address_guesses() {
        let (mut attempts, now) = (attempts(), time::now());
        while attempts.begin(Some("bob"), ip(1), now).is_some() {}
        assert!(attempts.begin(Some("bob"), ip(2), now).is_some());
        assert!(attempts.begin(Some("ann"), ip(1), now).is_some());
    }

    #[test]
    fn many_addresses_guessing_one_account_are_stopped() {
        let (mut attempts, now) = (attempts(), time::now());
        let mut tries = (0..100).map(|last| attempts.begin(Some("bob"), ip(last), now));
        assert_eq!(tries.by_ref().flatten().count(), 4);
    }

    #[test]
    fn one_address_guessing_many_accounts_is_stopped() {
        let (mut attempts, now) = (attempts(), time::now());
        let tries = (0..100).map(|n| attempts.begin(Some(&n.to_string()), ip(1), now));
        assert_eq!(tries.flatten().count(), 6);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let (mut attempts, now) = (attempts(), time::now());
        let tries = (1..=100_u128).map(|last| {
            let from = IpAddr::from((0x2001_0db8_u128 << 96 | last).to_be_bytes());
            attempts.begin(Some("bob"), from, now)
        });
        assert_eq!(tries.flatten().count(), 2);
    }

    #[test]
    fn successful_attempts_are_never_stopped() {
        let (mut attempts, now) = (attempts(), time::now());
        for _ in 0..1_000 {
            let attempt = attempts.begin(Some("bob"), ip(1), now).unwrap();
            attempts.succeeded(attempt);
        }
    }

    #[test]
    fn a_flood_of_names_does_not_forgive_earlier_guesses() {
        let (mut attempts, now) = (attempts(), time::now());
        while attempts.begin(Some("bob"), ip(1), now).is_some() {}
        for n in 0..10_000_u32 {
            let [_, a, b, c] = n.to_be_bytes();
            let from = IpAddr::from([10, a, b, c]);
            attempts.begin(Some(&n.to_string()), from, now);
            assert!(attempts.forgiven.len() <= 100);
        }
        assert!(attempts.begin(Some("bob"), ip(1), now).is_none());
    }
}
