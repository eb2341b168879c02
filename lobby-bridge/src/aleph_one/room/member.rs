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
    /// The player's name in this room, without an away text.
    pub(super) name: Vec<u8>,
    /// The player's rainbow colours, if the rainbow is on.
    pub(super) painted: Option<(Rgb, Rgb)>,
    /// The away text, since `.afk`.
    pub(super) away: Option<Vec<u8>>,
    /// Whether the client says that the player is away.
    pub(super) marked_away: bool,
    /// While the player plays and does not read the chat: what they have missed.
    pub(super) playing: Option<Missed>,
    pub(super) game: Option<GameId>,
    /// The hub that is being looked up, and the description of the game.
    pub(super) pending: Option<(u16, Bytes)>,
    /// When the player last used `.me`.
    pub(super) acted: Option<Instant>,
    /// Whether the player's game is being tested.
    pub(super) testing: bool,
    pub(super) tests: Pace,
}

/// Players and games that a player knew when they stopped reading the chat, with those that are
/// gone since.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Players. The entry is the one that announces that the player is gone.
    pub(super) players: BTreeMap<UserId, Option<Bytes>>,
    /// Games, likewise.
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
        // In milliseconds: each test costs the time after which one more is allowed.
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

    /// Returns the name of the account. Guests have none.
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

    /// Whether the player reads the chat and is sent the lists.
    pub(super) fn listens(&self) -> bool {
        self.playing.is_none()
    }

    /// Whether the player is shown as away: they play, or are away.
    pub(super) fn is_away(&self) -> bool {
        self.playing.is_some() || self.away.is_some() || self.marked_away
    }

    pub(super) fn flags(&self) -> u16 {
        let bit = |set: bool, bit: u16| if set { bit } else { 0 };
        bit(!self.is_away(), NOT_AWAY)
            | bit(self.is_moderator(), MODERATOR)
            | bit(self.profile.account.is_some(), REGISTERED)
    }

    /// Returns the name as it is shown now (`docs/specifications/myth-metaserver.md`, section 13).
    pub(super) fn shown_name(&self) -> Vec<u8> {
        match &self.away {
            Some(away) if self.listens() => [b"|i", &away[..], b"|p-", &self.name].concat(),
            _ => self.name.clone(),
        }
    }

    /// Returns the colours as they are shown now.
    pub(super) fn colours(&self) -> (Rgb, Rgb) {
        let own = (self.profile.primary, self.profile.secondary);
        self.painted.unwrap_or(own)
    }

    /// Stops the test of the player's game, if there is one, without a message.
    pub(super) fn end_test(&mut self, turn: &mut Turn<'_>) {
        if std::mem::take(&mut self.testing) {
            *turn.tests = turn.tests.saturating_sub(1);
            turn.effects
                .push(Effect::Errand(Errand::EndTest(self.connection)));
        }
    }

    /// Calls `with` with the player's entry in the list.
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

/// Returns the cost of a test: the milliseconds until one more is allowed.
pub(super) fn test_cost(turn: &Turn<'_>) -> usize {
    usize::try_from(turn.limits.test_time.as_millis()).unwrap_or(usize::MAX)
}
