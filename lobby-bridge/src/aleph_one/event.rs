//! The events of a hall, and its effects.

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

/// An action of a connection, or the result of something that the hall asked for on its behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It connected to the login daemon.
    AtLogin(Ends),
    /// It connected to the room with this position in the rules.
    AtRoom(usize, Ends),
    /// It sent this packet.
    Packet(Packet),
    /// Its password or token was checked, as [`Errand::Check`] asked.
    Checked(Result<Account, Unchecked>),
    /// The free hubs were looked up, as [`Errand::FindHubs`] asked; none if that failed.
    HubsFound(Vec<(u16, SocketAddrV4)>),
    /// A hub was looked up, as [`Errand::FindHub`] asked.
    HubFound(u16, Result<SocketAddrV4, NoHub>),
    /// Its game was tested, as [`Errand::Test`] asked. These are the lines for the player.
    Tested(Vec<String>),
    /// A line for the player in answer to a command.
    Told(String),
    /// A ban could not be written. The line tells the moderator why.
    NotBanned(Box<BanOrder>, String),
    /// It has ended. This is the last event of every connection.
    Ended,
}

/// Why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchecked {
    /// No such account, or a wrong password or token.
    Wrong,
    /// Too many attempts have failed.
    TooOften,
    /// The accounts cannot be read, or there are none.
    Unavailable,
}

/// Why a game cannot use a hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHub {
    /// There is no hub with this id, or its host has no IPv4 address.
    Unknown,
    /// The hubs cannot be read.
    Unavailable,
}

/// How a client proves that an account is its own.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// The password, decoded from MacRoman.
    Password(String),
    /// A token from the HTTPS service.
    Token([u8; 16]),
}

impl std::fmt::Debug for Proof {
    /// Never shows the secret, since this may be logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Token(_) => "Token",
        })
    }
}

/// The login daemon or the room that a listener accepts connections to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The login daemon.
    Login,
    /// The room with this position.
    Room(usize),
}

/// Something that happens to the hall other than by its peers.
#[derive(Clone, Debug)]
pub enum News {
    /// It is time to forget what has expired.
    Expire,
    /// It is time to tell the registry how long games still last.
    Relist,
    /// It is time to tell players how full the rooms are.
    Announce,
    /// It is time to look whether there is any hub.
    LookForHubs,
    /// Whether there is any hub, as [`Errand::LookForHubs`] asked.
    HasHub(bool),
    /// The bans that hold from now on.
    Bans(Arc<Bans>),
    /// Servers of the registry have changed.
    Natives(Vec<Change<Native>>),
}

/// An order of the hall to its server.
pub type Effect = peers::Effect<GameId, Box<ListedGame>, Errand>;

/// Work that the hall asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Check a proof, and report [`Event::Checked`].
    Check(ConnectionId, Claim),
    /// Look up the hubs of this network version, and report [`Event::HubsFound`]. Until then,
    /// nothing else of this connection is executed.
    FindHubs(ConnectionId, String),
    /// Look up the hub with this id, and report [`Event::HubFound`]. Until then, nothing else of
    /// this connection is executed.
    FindHub(ConnectionId, u16),
    /// Look whether there is any hub, and report [`News::HasHub`] if that can be found out.
    LookForHubs,
    /// Test whether others can join at this address, and report [`Event::Tested`].
    Test(ConnectionId, SocketAddrV4),
    /// Stop the test, and report nothing.
    EndTest(ConnectionId),
    /// Ban the guests from an address on behalf of this moderator, and report [`Event::Told`] or
    /// [`Event::NotBanned`].
    Ban(ConnectionId, Box<BanOrder>),
    /// Remove the bans of guests with this name for this moderator, and report [`Event::Told`].
    Unban(ConnectionId, Vec<u8>),
    /// Write this to the log in the database, if the operator wants that.
    Log(LogRow),
}

/// A moderator's order to ban a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BanOrder {
    /// The guest's address.
    pub peer: IpAddr,
    /// For how long.
    pub time: Duration,
    /// The guest's name, in MacRoman.
    pub name: Vec<u8>,
    /// The moderator's account.
    pub by: String,
    /// The reason.
    pub reason: String,
}

/// A client's claim to own an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The name of the account.
    pub username: String,
    /// The proof.
    pub proof: Proof,
    /// The client's address.
    pub from: IpAddr,
}

/// A game, as it is passed on to the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGame {
    /// Where to join it.
    pub address: SocketAddrV4,
    /// The gatherer's description (`docs/specifications/myth-metaserver.md`, section 16). It is
    /// known to be readable.
    pub description: Bytes,
    /// Whether it has started.
    pub started: bool,
    /// How long it still lasts, if it has a time limit.
    pub seconds_left: Option<u32>,
    /// The gatherer's name, in MacRoman.
    pub gatherer: Vec<u8>,
}

/// A server of the registry, as a game to show to players.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeGame {
    /// Where to join it.
    pub address: SocketAddrV4,
    /// The server as a game description (`docs/specifications/myth-metaserver.md`, section 16).
    pub description: Bytes,
    /// How long it still lasts, if it has a time limit.
    pub seconds_left: Option<u32>,
}

/// A server of the registry, and the time of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Native {
    /// How it is shown.
    pub game: NativeGame,
    /// When that was read.
    pub read: Instant,
}

/// A smaller error of the clock is not worth sending to everybody.
const CLOCK_SECONDS: u32 = 5;

impl Native {
    /// Whether players know everything in `newer` already, if their clocks went on since.
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

/// Returns a description without its time limit, which changes all the time in one made from a
/// server's record.
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
