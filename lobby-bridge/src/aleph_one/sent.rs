//! Our packets (`docs/specifications/myth-metaserver.md`, section 6), turned into frames. Each is
//! encoded once.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::{BufMut, Bytes, BytesMut};

use super::{GameId, Rgb, UserId, codec::frame};

/// Lists are split so that no frame is longer than this (`docs/specifications/myth-metaserver.md`,
/// section 22), unless one entry is longer.
const LIST_BYTES: usize = 8_000;

/// Asks for a sign of life (type 202).
pub(super) const KEEP_ALIVE: Bytes = Bytes::from_static(b"\xde\xad\x00\xca\0\0\0\x08");

/// Tells the client to go on (type 12).
pub(super) const ACCEPT: Bytes = Bytes::from_static(b"\xde\xad\x00\x0c\0\0\0\x08");

/// A change of a list entry (`docs/specifications/myth-metaserver.md`, sections 6.9,
/// 6.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is new. If it is known already, it is replaced.
    Add = 0,
    /// It is gone.
    Delete = 1,
    /// It has changed. If it is unknown, it is added.
    Change = 2,
}

/// The code of a denial or message of type 3 (`docs/specifications/myth-metaserver.md`, section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The packet is not allowed now.
    Syntax = 0,
    /// Not possible here or now. Clients show the text.
    NotNow = 1,
    /// Unknown account, wrong password, wrong token.
    BadUser = 3,
    /// Not logged in yet.
    NotLoggedIn = 4,
    /// The account, or the connection, is logged in already.
    LoggedIn = 6,
    /// Not an error.
    Welcome = 8,
    /// The receiver is not in the room.
    NotInRoom = 10,
    /// No one else can enter.
    RoomFull = 13,
    /// The account may not log in now.
    Locked = 14,
    /// Guests may not enter.
    NoGuests = 16,
}

/// A room's entry in the list of rooms (`docs/specifications/myth-metaserver.md`, section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomEntry {
    /// Selects the name that the client shows.
    pub id: u16,
    /// How many players are listed in it.
    pub players: u16,
    /// Where to connect.
    pub address: SocketAddrV4,
    /// How many games are listed in it.
    pub games: u16,
    /// 0 normal, 1 ranked, 2 tournament.
    pub kind: u16,
}

/// A player's entry in the list of players (`docs/specifications/myth-metaserver.md`, section 6.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayerEntry<'a> {
    /// The flags (`docs/specifications/myth-metaserver.md`, section 13).
    pub flags: u16,
    /// The player.
    pub user: UserId,
    /// Whether the player is away or in a game.
    pub away: bool,
    /// The colour behind the name.
    pub primary: Rgb,
    /// The colour beside the name.
    pub secondary: Rgb,
    /// The shown name.
    pub name: &'a [u8],
    /// The account, empty for guests.
    pub account: &'a [u8],
}

/// A game's entry in the list of games (`docs/specifications/myth-metaserver.md`, section 6.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameEntry<'a> {
    /// The game.
    pub id: GameId,
    /// Where to join it.
    pub address: SocketAddrV4,
    /// How long it still lasts; `None` if that is unknown.
    pub seconds_left: Option<u32>,
    /// The player who hosts it.
    pub gatherer: UserId,
    /// The description (`docs/specifications/myth-metaserver.md`, section 16).
    pub description: &'a [u8],
}

/// Type 6: asks for a proof of the account, in one of the ways of
/// `docs/specifications/myth-metaserver.md`, section 8.
pub(super) fn salt(authentication: u16, salt: &[u8; 16]) -> Bytes {
    frame(6, |body| {
        body.put_u16(authentication);
        body.put_slice(salt);
    })
}

/// Type 7: the user id and the token for a room.
pub(super) fn login_successful(user: UserId, token: &[u8; 32]) -> Bytes {
    frame(7, |body| {
        body.put_u32(user.0);
        body.put_u32(0);
        body.put_slice(token);
    })
}

/// Type 0: the list of rooms.
pub(super) fn rooms(rooms: &[RoomEntry]) -> Bytes {
    frame(0, |body| {
        for room in rooms {
            body.put_u16(room.id);
            body.put_u16(room.players);
            address(body, room.address);
            body.put_u16(room.games);
            body.put_u16(room.kind);
            body.put_u16(0);
            body.put_bytes(0, 8);
        }
    })
}

/// Type 18: hubs by id.
pub(super) fn hubs(hubs: &[(u16, SocketAddrV4)]) -> Bytes {
    frame(18, |body| {
        for (id, hub) in hubs {
            body.put_u16(*id);
            address(body, *hub);
        }
    })
}

/// Type 9: the user id, and how many players fit into the room.
pub(super) fn room_login_successful(user: UserId, limit: u16) -> Bytes {
    frame(9, |body| {
        body.put_u32(user.0);
        body.put_u16(limit);
        body.put_u16(0);
    })
}

/// Type 3: a code with a text.
pub(super) fn message(code: Code, text: &str) -> Bytes {
    frame(3, |body| {
        body.put_u32(code as u32);
        string(body, text.as_bytes());
    })
}

/// Type 10: a line of the server.
pub(super) fn room_message(text: &[u8]) -> Bytes {
    frame(10, |body| string(body, text))
}

/// Type 200: a message of `sender` to everybody.
pub(super) fn chat(sender: UserId, colour: Rgb, name: &[u8], message: &[u8]) -> Bytes {
    let header = ChatHeader {
        colour,
        sender,
        target: UserId(0),
    };
    frame(200, |body| header.put(body, name, message))
}

/// Type 201: a message of `sender` to `target`.
pub(super) fn private_message(
    (sender, target): (UserId, UserId),
    colour: Rgb,
    name: &[u8],
    message: &[u8],
) -> Bytes {
    let header = ChatHeader {
        colour,
        sender,
        target,
    };
    frame(201, |body| {
        body.put_u32(target.0);
        body.put_u32(1);
        header.put(body, name, message);
    })
}

struct ChatHeader {
    colour: Rgb,
    sender: UserId,
    /// The receiver; 0 for everybody.
    target: UserId,
}

impl ChatHeader {
    fn put(&self, body: &mut BytesMut, name: &[u8], message: &[u8]) {
        body.put_u16(0);
        body.put_u16(length(26 + name.len() + message.len()));
        rgb(body, self.colour);
        body.put_u16(0);
        body.put_u16(u16::from(self.target != UserId(0)));
        body.put_u16(0);
        body.put_u32(self.sender.0);
        body.put_u32(self.target.0);
        string(body, name);
        string(body, message);
    }
}

/// A list of players or games under construction: type 1 or 2, split into frames.
#[derive(Debug)]
pub struct List {
    number: u16,
    entries: BytesMut,
    frames: Vec<Bytes>,
}

impl List {
    /// Begins a list of players.
    pub(super) fn players() -> Self {
        Self::of(1)
    }

    /// Begins a list of games.
    pub(super) fn games() -> Self {
        Self::of(2)
    }

    fn of(number: u16) -> Self {
        Self {
            number,
            entries: BytesMut::new(),
            frames: Vec::new(),
        }
    }

    /// Adds an encoded entry.
    pub(super) fn entry(&mut self, entry: &[u8]) {
        if !self.entries.is_empty() && self.entries.len() + entry.len() > LIST_BYTES {
            self.end_frame();
        }
        self.entries.extend_from_slice(entry);
    }

    /// Returns the frames. There are none if there are no entries.
    pub(super) fn frames(mut self) -> Vec<Bytes> {
        if !self.entries.is_empty() {
            self.end_frame();
        }
        self.frames
    }

    fn end_frame(&mut self) {
        let entries = self.entries.split();
        self.frames
            .push(frame(self.number, |body| body.put_slice(&entries)));
    }
}

impl PlayerEntry<'_> {
    /// Encodes the entry.
    pub(super) fn encode(&self, verb: Verb) -> Bytes {
        let mut entry = BytesMut::with_capacity(64 + self.name.len() + self.account.len());
        entry.put_u16(verb as u16);
        entry.put_u16(self.flags);
        entry.put_u32(0);
        entry.put_u32(self.user.0);
        entry.put_u32(0);
        entry.put_u16(0);
        entry.put_u16(length(40 + self.name.len() + self.account.len()));
        entry.put_u32(0);
        entry.put_u16(0);
        entry.put_u16(u16::from(self.away));
        rgb(&mut entry, self.primary);
        entry.put_u16(0);
        rgb(&mut entry, self.secondary);
        entry.put_bytes(0, 2 + 2 + 2 + 14);
        string(&mut entry, self.name);
        string(&mut entry, self.account);
        entry.freeze()
    }
}

impl GameEntry<'_> {
    /// Encodes the entry.
    pub(super) fn encode(&self, verb: Verb) -> Bytes {
        let mut entry = BytesMut::with_capacity(32 + self.description.len());
        entry.put_u32(self.id.0);
        address(&mut entry, self.address);
        entry.put_u8(verb as u8);
        entry.put_u8(0);
        let left = self.seconds_left.map(i32::try_from);
        entry.put_i32(left.map_or(-1, |left| left.unwrap_or(i32::MAX)));
        entry.put_u32(self.gatherer.0);
        entry.put_u16(length(self.description.len()));
        entry.put_bytes(0, 10);
        entry.put_slice(self.description);
        entry.freeze()
    }
}

fn address(body: &mut BytesMut, address: SocketAddrV4) {
    let ip: &Ipv4Addr = address.ip();
    body.put_slice(&ip.octets());
    body.put_u16(address.port());
}

fn rgb(body: &mut BytesMut, Rgb(channels): Rgb) {
    for channel in channels {
        body.put_u16(channel);
    }
}

/// Writes a string up to its first NUL. A NUL within it would make the client lose the frame.
fn string(body: &mut BytesMut, text: &[u8]) {
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    body.put_slice(text);
    body.put_u8(0);
}

fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
