//! Who is kept out of the rooms for a while: whom a moderator has kicked, and banned guests. Pure:
//! it is told the time, by both clocks.
//!
//! Who is banned altogether does not come this far: `peers` turns them away.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Instant, SystemTime},
};

use metaserve::bans::{Ban, Bans};

use super::{denial::Denial, names};
use crate::peers::host;

/// The most who are remembered as kicked.
const KICKED: usize = 10_000;

/// How somebody is known again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// By the account.
    Account(String),
    /// As any guest from this host: a guest can choose another name at once. Many people may share
    /// an address, so that those there who have an account are not meant.
    GuestsAt(IpAddr),
}

impl Known {
    /// `None` for whoever comes from the address that this machine calls itself by, such as
    /// everybody behind a proxy here.
    pub(super) fn guest(peer: IpAddr) -> Option<Self> {
        let here = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ];
        let elsewhere = !here.contains(&peer.to_canonical());
        elsewhere.then(|| Self::GuestsAt(host(peer)))
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct KeptOut {
    /// Until when, and what they were called.
    kicked: HashMap<Known, (Instant, Vec<u8>)>,
    bans: Arc<Bans>,
    /// The same moment by both clocks: bans go by the second.
    clocks: Option<(Instant, SystemTime)>,
}

impl KeptOut {
    pub(super) fn new() -> Self {
        Self {
            kicked: HashMap::new(),
            bans: Arc::default(),
            clocks: None,
        }
    }

    /// The bans from now on.
    pub(super) fn adopt(&mut self, bans: Arc<Bans>) {
        self.bans = bans;
    }

    /// What time it is: bans end by a clock that may be set.
    pub(super) fn keep_time(&mut self, now: Instant, wall: SystemTime) {
        self.clocks = Some((now, wall));
    }

    /// Keeps somebody out until then, if not for longer already.
    pub(super) fn kick(&mut self, known: Known, name: &[u8], until: Instant) {
        let room = self.kicked.len() < KICKED || self.kicked.contains_key(&known);
        if room {
            let kept = self.kicked.entry(known);
            let kept = kept.or_insert_with(|| (until, name.to_vec()));
            kept.0 = kept.0.max(until);
        }
    }

    /// Lets those come back who are called so.
    pub(super) fn forgive(&mut self, name: &[u8]) -> bool {
        let before = self.kicked.len();
        self.kicked.retain(|known, (_, kicked)| match known {
            Known::Account(account) if account.as_bytes() == name => false,
            _ => !names::alike(kicked, name),
        });
        self.kicked.len() < before
    }

    /// Forgets what is over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.kicked.retain(|_, (until, _)| *until > now);
    }

    /// Whether the owner of an account may come in.
    pub(super) fn account(&self, username: &str, now: Instant) -> Result<(), Denial> {
        self.not_kicked(&Known::Account(username.to_owned()), now)
    }

    /// Whether a guest may come in from here.
    pub(super) fn guest(&self, peer: IpAddr, now: Instant) -> Result<(), Denial> {
        if let Some(ban) = self.guest_ban(peer, now) {
            return Err(Denial::banned(&ban));
        }
        Known::guest(peer).map_or(Ok(()), |known| self.not_kicked(&known, now))
    }

    /// The ban that holds for guests from here, if one does.
    pub(super) fn guest_ban(&self, peer: IpAddr, now: Instant) -> Option<Ban> {
        let (then, wall) = self.clocks?;
        let wall = wall + now.saturating_duration_since(then);
        self.bans.covering_guests(peer, wall)
    }

    fn not_kicked(&self, known: &Known, now: Instant) -> Result<(), Denial> {
        match self.kicked.get(known) {
            Some((until, _)) if *until > now => Err(Denial::LOCKED),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "any instant will do to begin with"
)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn here() -> IpAddr {
        [192, 0, 2, 7].into()
    }

    #[test]
    fn who_is_kicked_stays_out_until_then_and_the_longer_time_counts() {
        let (mut kept, now) = (KeptOut::new(), Instant::now());
        let known = Known::guest(here()).unwrap();
        kept.kick(known.clone(), b"Bob", now + 2 * HOUR);
        kept.kick(known, b"Bob", now + HOUR);
        let may = |kept: &KeptOut, at| kept.guest(here(), now + at).is_ok();
        assert!(!may(&kept, Duration::ZERO) && !may(&kept, HOUR));
        assert!(may(&kept, 2 * HOUR));
        kept.expire(now + 2 * HOUR - Duration::from_secs(1));
        assert_eq!(kept.kicked.len(), 1);
        kept.expire(now + 2 * HOUR);
        assert!(kept.kicked.is_empty());
    }

    #[test]
    fn who_is_called_so_comes_back_and_nobody_else() {
        let (mut kept, now) = (KeptOut::new(), Instant::now());
        let account = |name: &str| Known::Account(name.to_owned());
        kept.kick(account("bob"), b"Bobby", now + HOUR);
        kept.kick(account("ann"), b"Annie", now + HOUR);
        let out = |kept: &KeptOut| ["bob", "ann"].map(|it| kept.account(it, now).is_err());
        assert!(!kept.forgive(b"carol"));
        assert_eq!(out(&kept), [true, true]);
        // By the account, or by what they were called.
        assert!(kept.forgive(b"bob"));
        assert_eq!(out(&kept), [false, true]);
        assert!(kept.forgive(b"annie"));
        assert_eq!(out(&kept), [false, false]);
        assert!(!kept.forgive(b"annie"));
    }

    #[test]
    fn as_many_are_remembered_as_may_be_and_those_are_kept_longer_all_the_same() {
        let (mut kept, now) = (KeptOut::new(), Instant::now());
        for number in 0..=KICKED {
            let known = Known::Account(number.to_string());
            kept.kick(known, b"x", now + HOUR);
        }
        assert_eq!(kept.kicked.len(), KICKED);
        kept.kick(Known::Account("7".to_owned()), b"x", now + 2 * HOUR);
        assert!(kept.account("7", now + HOUR).is_err());
        assert!(kept.account(&KICKED.to_string(), now).is_ok());
    }
}
