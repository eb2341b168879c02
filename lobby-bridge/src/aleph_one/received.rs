//! Packets of clients (`docs/specifications/myth-metaserver.md`, section 5), read from frames.

use bytes::{Buf, Bytes};

use super::{Rgb, UserId, codec::Kind};

/// One packet of a client. Strings are MacRoman, and not checked any further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// 5.2
    Login(Box<Login>),
    /// 5.7: the token, and the login name.
    RoomLogin([u8; 32], Vec<u8>),
    /// 5.5
    Logout,
    /// 5.8
    PlayerData(PlayerData),
    /// 5.10
    CreateGame(CreateGame),
    /// 5.5
    RemoveGame,
    /// 5.9
    PlayerMode {
        /// Whether the player does not want to read the room's chat.
        deaf: bool,
        /// The game session that the player is in.
        session: Vec<u8>,
    },
    /// 5.3
    PasswordResponse([u8; 16]),
    /// 5.5
    SyncGames,
    /// 5.5
    ResetGame,
    /// 5.11: the length in ticks of 1/30 s.
    StartGame(i32),
    /// 5.4
    Localization,
    /// 5.6: the network protocol of the wanted hubs.
    RemoteHubRequest(Vec<u8>),
    /// 5.12
    Chat {
        /// The user who claims to write it.
        sender: UserId,
        /// The text.
        message: Vec<u8>,
    },
    /// 5.13
    PrivateMessage(PrivateMessage),
    /// 5.5
    KeepAlive,
    /// `docs/specifications/myth-metaserver.md`, section 4: it has no meaning here.
    Ignored,
}

/// 5.1
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlayerData {
    /// Whether the client says that the player is away.
    pub away: bool,
    /// The player's colour.
    pub primary: Rgb,
    /// The team's colour.
    pub secondary: Rgb,
    /// The player's name.
    pub name: Vec<u8>,
}

/// 5.2
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// 0 Macintosh, 1 Windows, 4 other.
    pub platform: u16,
    /// The highest type of authentication that the client knows.
    pub authentication: u16,
    /// The game, `MARATHON` for Aleph One.
    pub service: Vec<u8>,
    /// The date on which the client was built, as C writes it.
    pub build_date: Vec<u8>,
    /// The time of the build.
    pub build_time: Vec<u8>,
    /// The account, or `guest`.
    pub username: Vec<u8>,
    /// Name and colours.
    pub player: PlayerData,
}

/// 5.10
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateGame {
    /// The gatherer's port, TCP and UDP.
    pub port: u16,
    /// The hub that hosts the game; 0 for none.
    pub hub: u16,
    /// The description (`docs/specifications/myth-metaserver.md`, section 16).
    pub description: Bytes,
}

/// 5.13
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateMessage {
    /// The receiver.
    pub target: UserId,
    /// The receiver again.
    pub target_again: UserId,
    /// Whether the sender wants a copy.
    pub echo: bool,
    /// The user who claims to write it.
    pub sender: UserId,
    /// The text.
    pub message: Vec<u8>,
}

/// The body ends before the fixed part of the packet does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a body of {length} bytes, which is too short for {kind:?}")]
pub struct TooShort {
    /// The kind of packet that was announced.
    pub kind: Kind,
    /// The length of the body.
    pub length: usize,
}

/// Reads the packet in a frame. Bytes after its last field are ignored.
///
/// # Errors
/// The body is too short.
pub fn packet(kind: Kind, body: &Bytes) -> Result<Packet, TooShort> {
    let length = body.len();
    Reader(body)
        .packet(kind, body)
        .ok_or(TooShort { kind, length })
}

/// The unread part of a body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn packet(&mut self, kind: Kind, body: &Bytes) -> Option<Packet> {
        Some(match kind {
            Kind::Login => Packet::Login(Box::new(self.login()?)),
            Kind::RoomLogin => Packet::RoomLogin(*self.array()?, self.string()),
            Kind::Logout => Packet::Logout,
            Kind::PlayerData => Packet::PlayerData(self.player_data()?),
            Kind::CreateGame => Packet::CreateGame(CreateGame {
                port: self.u16()?,
                hub: self.u16()?,
                description: body.slice(4..),
            }),
            Kind::RemoveGame => Packet::RemoveGame,
            Kind::PlayerMode => Packet::PlayerMode {
                deaf: self.u16()? != 0,
                session: self.0.to_vec(),
            },
            Kind::PasswordResponse => Packet::PasswordResponse(*self.array()?),
            Kind::SyncGames => Packet::SyncGames,
            Kind::ResetGame => Packet::ResetGame,
            Kind::StartGame => {
                let length = self.u32()?;
                self.skip(8)?;
                Packet::StartGame(length.cast_signed())
            }
            Kind::Localization => Packet::Localization,
            Kind::RemoteHubRequest => Packet::RemoteHubRequest(self.string()),
            Kind::Chat => {
                let (sender, _) = self.chat_header()?;
                let message = self.message();
                Packet::Chat { sender, message }
            }
            Kind::PrivateMessage => {
                let (target, echo) = (UserId(self.u32()?), self.u32()? != 0);
                let (sender, target_again) = self.chat_header()?;
                Packet::PrivateMessage(PrivateMessage {
                    target,
                    target_again,
                    echo,
                    sender,
                    message: self.message(),
                })
            }
            Kind::KeepAlive => Packet::KeepAlive,
            Kind::Ignored => Packet::Ignored,
        })
    }

    fn login(&mut self) -> Option<Login> {
        let platform = self.u16()?;
        self.skip(10)?;
        let authentication = self.u16()?;
        self.skip(2)?;
        Some(Login {
            platform,
            authentication,
            service: self.characters()?,
            build_date: self.characters()?,
            build_time: self.characters()?,
            username: self.characters()?,
            player: self.player_data()?,
        })
    }

    fn player_data(&mut self) -> Option<PlayerData> {
        self.skip(2)?;
        let state = self.u16()?;
        let primary = self.rgb()?;
        self.skip(2)?;
        let secondary = self.rgb()?;
        self.skip(2 + 2 + 2 + 14)?;
        Some(PlayerData {
            away: state & 1 != 0,
            primary,
            secondary,
            name: self.string(),
        })
    }

    /// Reads sender and receiver from the 24 bytes at the beginning of all chat.
    fn chat_header(&mut self) -> Option<(UserId, UserId)> {
        self.skip(16)?;
        Some((UserId(self.u32()?), UserId(self.u32()?)))
    }

    /// Reads the second of two strings. The first is the sender's name, which is known already.
    fn message(&mut self) -> Vec<u8> {
        self.string();
        self.string()
    }

    /// Reads up to the next NUL, or to the end if there is none.
    fn string(&mut self) -> Vec<u8> {
        let end = self.0.iter().position(|byte| *byte == 0);
        let (string, rest) = match end {
            Some(end) => (&self.0[..end], &self.0[end + 1..]),
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        string.to_vec()
    }

    /// Reads a field of 32 bytes, up to its first NUL.
    fn characters(&mut self) -> Option<Vec<u8>> {
        let field = self.array::<32>()?;
        let text = field.split(|byte| *byte == 0).next();
        text.map(<[u8]>::to_vec)
    }

    fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(array)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn rgb(&mut self) -> Option<Rgb> {
        Some(Rgb([self.u16()?, self.u16()?, self.u16()?]))
    }

    fn u16(&mut self) -> Option<u16> {
        self.0.try_get_u16().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.0.try_get_u32().ok()
    }
}

#[cfg(test)]
mod tests;
