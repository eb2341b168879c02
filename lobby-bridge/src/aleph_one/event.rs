//! What happens to a hall, and what it asks its server to do about it.

use std::{
    net::{IpAddr, SocketAddrV4},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use metaserve::bans::Bans;

use super::{GameId, description::Description, received::Packet};
use crate::{
    accounts::{Account, LogRow},
    follow::Change,
    peers::{self, ConnectionId, Ends},
};

/// What a connection did, or what became of something that was asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It came in at the login daemon.
    AtLogin(Ends),
    /// It came in at the room with this position in the rules.
    AtRoom(usize, Ends),
    /// It sent this.
    Packet(Packet),
    /// Its password or token was looked at, as [`Errand::Check`] had asked.
    Checked(Result<Account, Unchecked>),
    /// Hubs were looked for, as [`Errand::FindHubs`] had asked; none if that failed.
    HubsFound(Vec<(u16, SocketAddrV4)>),
    /// A hub was looked for, as [`Errand::FindHub`] had asked.
    HubFound(u16, Result<SocketAddrV4, NoHub>),
    /// Its game was tested, as [`Errand::Test`] had asked. These are the lines for the player.
    Tested(Vec<String>),
    /// A line for the player, about what he has asked for.
    Told(String),
    /// A ban could not be written; the line says why.
    NotBanned(Box<BanOrder>, String),
    /// It has ended, whatever it was. Nothing more comes from it.
    Ended,
}

/// Why an account is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// No such account, or a wrong password or token.
    Wrong,
    /// Somebody has tried too often.
    TooOften,
    /// The accounts cannot be read, or there are none.
    Unavailable,
}

/// Why a game cannot be at a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHub {
    /// There is none with this id, or its host has no IPv4 address.
    Unknown,
    /// The hubs cannot be read.
    Unavailable,
}

/// What a client shows to prove that an account is its own.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// The password, MacRoman read as text.
    Password(String),
    /// What the HTTPS service gave out.
    Token([u8; 16]),
}

impl std::fmt::Debug for Proof {
    /// Never shows it: this may be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Token(_) => "Token",
        })
    }
}

/// What a listener leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The login daemon.
    Login,
    /// The room with this position.
    Room(usize),
}

/// What happens to the hall beside its peers.
#[derive(Clone, Debug)]
pub enum News {
    /// Something may have become too old.
    Expire,
    /// The registry is to be told how long games still go on.
    Relist,
    /// Players may be told how full the rooms are.
    Announce,
    /// There may be hubs now, or none any more.
    LookForHubs,
    /// Hubs were looked for, as [`Errand::LookForHubs`] had asked: whether there is any.
    HasHub(bool),
    /// The bans from now on.
    Bans(Arc<Bans>),
    /// What has changed about the servers of the registry.
    Natives(Vec<Change<Native>>),
}

/// What the hall asks its server to do.
pub type Effect = peers::Effect<GameId, Box<ListedGame>, Errand>;

/// What the hall needs from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Look at a proof, and say [`Event::Checked`].
    Check(ConnectionId, Claim),
    /// Look for the hubs of this network version, and say [`Event::HubsFound`]. Nothing else of
    /// this connection counts before that.
    FindHubs(ConnectionId, String),
    /// Look for the hub with this id, and say [`Event::HubFound`]. Nothing else of this
    /// connection counts before that.
    FindHub(ConnectionId, u16),
    /// Look whether there is any hub, and say [`News::HasHub`] if that can be known.
    LookForHubs,
    /// Test whether others can join here, and say [`Event::Tested`].
    Test(ConnectionId, SocketAddrV4),
    /// Stop testing, and say nothing.
    EndTest(ConnectionId),
    /// Ban the guests from an address for this moderator, and say [`Event::Told`] or
    /// [`Event::NotBanned`].
    Ban(ConnectionId, Box<BanOrder>),
    /// Lift the bans of guests with this name for this moderator, and say [`Event::Told`].
    Unban(ConnectionId, Vec<u8>),
    /// Write this down, if it is wanted.
    Log(LogRow),
}

/// A guest whom a moderator bans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanOrder {
    /// Where he is.
    pub peer: IpAddr,
    /// For how long.
    pub time: Duration,
    /// What he has called himself, MacRoman.
    pub name: Vec<u8>,
    /// The moderator's account.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Who somebody claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The account.
    pub username: String,
    /// How he shows it.
    pub proof: Proof,
    /// Where he is.
    pub from: IpAddr,
}

/// A game, as the registry is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGame {
    /// Where it is joined.
    pub address: SocketAddrV4,
    /// What its gatherer says of it (`docs/specifications/myth-metaserver.md`, section 16); it can
    /// be read.
    pub description: Bytes,
    /// Whether it has begun.
    pub started: bool,
    /// How long it goes on.
    pub seconds_left: Option<u32>,
    /// What its gatherer is called, MacRoman.
    pub gatherer: Vec<u8>,
}

/// A server of the registry, as a game to show to players.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeGame {
    /// Where it is joined.
    pub address: SocketAddrV4,
    /// It as a description (`docs/specifications/myth-metaserver.md`, section 16).
    pub description: Bytes,
    /// How long it goes on.
    pub seconds_left: Option<u32>,
}

/// A server of the registry, and when its clock was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// How it is shown.
    pub game: NativeGame,
    /// When that was true.
    pub read: Instant,
}

/// A clock that is off by less is not worth telling everybody.
const CLOCK_SECONDS: u32 = 5;

impl Native {
    /// Whether players know all that `newer` says, by what they were told and their clocks.
    #[must_use]
    pub fn tells(&self, newer: &Self) -> bool {
        let elapsed = newer.read.saturating_duration_since(self.read).as_secs();
        let elapsed = u32::try_from(elapsed).unwrap_or(u32::MAX);
        let clock = match (self.game.seconds_left, newer.game.seconds_left) {
            (Some(told), Some(left)) => told.saturating_sub(elapsed).abs_diff(left) < CLOCK_SECONDS,
            (told, left) => told == left,
        };
        clock
            && self.game.address == newer.game.address
            && timeless(&self.game.description) == timeless(&newer.game.description)
    }
}

/// A description but for how long the game takes, which in one made from a server's record
/// changes all the time.
fn timeless(description: &[u8]) -> Option<Description> {
    let description = Description::parse(description).ok()?;
    let time_limit_ticks = match description.is_timed() {
        true => 1,
        false => 0,
    };
    Some(Description {
        time_limit_ticks,
        ..description
    })
}
