//! Who is kept out of the rooms for a while: whom a moderator has kicked, and banned guests. Pure:
//! it is told the time, by both clocks.
//!
//! Who is banned altogether does not come this far: `connection.rs` turns them away.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use metaserve::bans::{Ban, Bans};

use super::{denial::Denial, names};
use crate::net::host;

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
    /// `None` on this machine itself, where everybody may be.
    pub(super) fn guest(peer: IpAddr) -> Option<Self> {
        let host = host(peer);
        (!host.is_loopback()).then_some(Self::GuestsAt(host))
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
