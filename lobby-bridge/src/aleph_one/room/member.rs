//! One player in a room.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use metaserve::bounds::Id;

use super::turn::Turn;
use crate::{
    accounts::Account,
    aleph_one::{
        GameId, Rgb, UserId,
        event::{Effect, Errand},
        sent::PlayerEntry,
        users::Profile,
    },
    peers::{ConnectionId, Pace},
};

const NOT_AWAY: u16 = 0x4000;
const MODERATOR: u16 = 0x1000;
const REGISTERED: u16 = 0x0001;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Member {
    pub(super) connection: ConnectionId,
    pub(super) peer: IpAddr,
    pub(super) profile: Arc<Profile>,
    pub(super) place: Id,
    /// What others call him, while he is not away.
    pub(super) name: Vec<u8>,
    /// His colours of the rainbow.
    pub(super) painted: Option<(Rgb, Rgb)>,
    /// His away text, since `.afk`.
    pub(super) away: Option<Vec<u8>>,
    /// Whether his client has called him away.
    pub(super) marked_away: bool,
    /// He plays, and does not listen: what he has missed meanwhile.
    pub(super) playing: Option<Missed>,
    pub(super) game: Option<GameId>,
    /// A hub that is being looked up, for a game with this description.
    pub(super) pending: Option<(u16, Bytes)>,
    /// When he last said `.me`.
    pub(super) acted: Option<Instant>,
    /// Whether his game is being tested.
    pub(super) testing: bool,
    pub(super) tests: Pace,
}

/// What somebody knew when he stopped listening, and which of that is gone since.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// With the entry that says he is gone, once he is.
    pub(super) players: BTreeMap<UserId, Option<Bytes>>,
    /// The same of games.
    pub(super) games: BTreeMap<GameId, Option<Bytes>>,
}

impl Member {
    pub(super) fn new(
        connection: ConnectionId,
        peer: IpAddr,
        name: Vec<u8>,
        profile: Arc<Profile>,
        place: Id,
        turn: &Turn<'_>,
    ) -> Self {
        // In milliseconds of tests: each is charged the time that one takes to come back.
        let each = test_cost(turn);
        let tests = Pace::new(turn.limits.tests.saturating_mul(each), 1_000, turn.now);
        Self {
            connection,
            peer,
            profile,
            place,
            name,
            painted: None,
            away: None,
            marked_away: false,
            playing: None,
            game: None,
            pending: None,
            acted: None,
            testing: false,
            tests,
        }
    }

    /// His account's name; guests have none.
    pub(super) fn account(&self) -> Option<String> {
        let account = self.profile.account.as_ref();
        account.map(|account| account.username.clone())
    }

    pub(super) fn is_visible(&self) -> bool {
        !self.has(|account| account.hidden)
    }

    pub(super) fn is_moderator(&self) -> bool {
        self.has(|account| account.moderator)
    }

    fn has(&self, what: impl FnOnce(&Account) -> bool) -> bool {
        self.profile.account.as_ref().is_some_and(what)
    }

    /// Whether he is told what goes on.
    pub(super) fn listens(&self) -> bool {
        self.playing.is_none()
    }

    /// Whether he is shown as away: he plays, or is not there.
    pub(super) fn is_away(&self) -> bool {
        self.playing.is_some() || self.away.is_some() || self.marked_away
    }

    pub(super) fn flags(&self) -> u16 {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        bit(!self.is_away(), NOT_AWAY)
            | bit(self.is_moderator(), MODERATOR)
            | bit(self.profile.account.is_some(), REGISTERED)
    }

    /// His name as it is now (`docs/specifications/myth-metaserver.md`, section 13).
    pub(super) fn shown_name(&self) -> Vec<u8> {
        match &self.away {
            Some(away) if self.listens() => [b"|i", &away[..], b"|p-", &self.name].concat(),
            _ => self.name.clone(),
        }
    }

    /// His colours as they are now.
    pub(super) fn colours(&self) -> (Rgb, Rgb) {
        let own = (self.profile.primary, self.profile.secondary);
        self.painted.unwrap_or(own)
    }

    /// Stops the test of his game, if there is one, without a word.
    pub(super) fn end_test(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.testing) {
            *turn.tests = turn.tests.saturating_sub(1);
            turn.effects
                .push(Effect::Errand(Errand::EndTest(self.connection)));
        }
    }

    /// Calls `with` with his entry in the list.
    pub(super) fn entry<T>(&self, with: impl FnOnce(PlayerEntry<'_>) -> T) -> T {
        let (primary, secondary) = self.colours();
        let account: &[u8] = match self.profile.account {
            Some(_) => &self.profile.login.username,
            None => b"",
        };
        with(PlayerEntry {
            flags: self.flags(),
            user: self.profile.id,
            away: self.is_away(),
            primary,
            secondary,
            name: &self.shown_name(),
            account,
        })
    }
}

/// What a test is charged: the milliseconds until one more may be asked for.
pub(super) fn test_cost(turn: &Turn<'_>) -> usize {
    usize::try_from(turn.limits.test_time.as_millis()).unwrap_or(usize::MAX)
}
