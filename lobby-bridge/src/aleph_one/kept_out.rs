//! Players who are kept out of the rooms for a while: those whom a moderator has kicked, and banned
//! guests. Pure: the time of both clocks is passed in.
//!
//! Peers who are banned altogether do not get this far: `peers` refuses them.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Instant, SystemTime},
};

use metaserve::bans::{Ban, Bans};

use super::{denial::Denial, names};
use crate::peers::host;

/// The most kicks that are remembered.
const KICKED: usize = 10_000;

/// How a kicked player is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known {
    /// By the account.
    Account(String),
    /// By the address, if they come as a guest: a guest can choose another name at any time. Many
    /// people may share an address, so those with an account are still admitted.
    GuestsAt(IpAddr),
}

impl Known {
    /// Returns `None` for the loopback addresses, from which everybody behind a local proxy seems
    /// to come.
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
    /// When each kick ends, and the name that the player had.
    kicked: HashMap<Known, (Instant, Vec<u8>)>,
    bans: Arc<Bans>,
    /// One moment in the time of both clocks. Bans have a resolution of one second.
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

    /// Adopts the bans that hold from now on.
    pub(super) fn adopt(&mut self, bans: Arc<Bans>) {
        self.bans = bans;
    }

    /// Tells the time. Bans end by the wall clock, which may be set.
    pub(super) fn keep_time(&mut self, now: Instant, wall: SystemTime) {
        self.clocks = Some((now, wall));
    }

    /// Keeps a player out until then, unless they are already kept out for longer.
    pub(super) fn kick(&mut self, known: Known, name: &[u8], until: Instant) {
        let room = self.kicked.len() < KICKED || self.kicked.contains_key(&known);
        if room {
            let kept = self.kicked.entry(known);
            let kept = kept.or_insert_with(|| (until, name.to_vec()));
            kept.0 = kept.0.max(until);
        }
    }

    /// Ends the kicks of everybody with this name. Returns whether there were any.
    pub(super) fn forgive(&mut self, name: &[u8]) -> bool {
        let before = self.kicked.len();
        self.kicked.retain(|known, (_, kicked)| match known {
            Known::Account(account) if account.as_bytes() == name => false,
            _ => !names::alike(kicked, name),
        });
        self.kicked.len() < before
    }

    /// Forgets kicks that have ended.
    pub(super) fn expire(&mut self, now: Instant) {
        self.kicked.retain(|_, (until, _)| *until > now);
    }

    /// Checks that the owner of an account may come in.
    pub(super) fn account(&self, username: &str, now: Instant) -> Result<(), Denial> {
        self.not_kicked(&Known::Account(username.to_owned()), now)
    }

    /// Checks that a guest from this address may come in.
    pub(super) fn guest(&self, peer: IpAddr, now: Instant) -> Result<(), Denial> {
        if let Some(ban) = self.guest_ban(peer, now) {
            return Err(Denial::banned(&ban));
        }
        Known::guest(peer).map_or(Ok(()), |known| self.not_kicked(&known, now))
    }

    /// Returns the ban that holds for guests from this address, if there is one.
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
    fn a_kicked_player_stays_out_for_the_longer_of_two_times() {
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
    fn only_players_with_the_forgiven_name_come_back() {
        let (mut kept, now) = (KeptOut::new(), Instant::now());
        let account = |name: &str| Known::Account(name.to_owned());
        kept.kick(account("bob"), b"Bobby", now + HOUR);
        kept.kick(account("ann"), b"Annie", now + HOUR);
        let out = |kept: &KeptOut| ["bob", "ann"].map(|it| kept.account(it, now).is_err());
        assert!(!kept.forgive(b"carol"));
        assert_eq!(out(&kept), [true, true]);
        // By the account's name, or by the name in the game.
        assert!(kept.forgive(b"bob"));
        assert_eq!(out(&kept), [false, true]);
        assert!(kept.forgive(b"annie"));
        assert_eq!(out(&kept), [false, false]);
        assert!(!kept.forgive(b"annie"));
    }

    #[test]
    fn beyond_the_limit_known_kicks_can_still_be_extended() {
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
