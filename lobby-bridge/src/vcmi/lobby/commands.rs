//! A frame to commands, each executed before the next is looked at
//! (`docs/specifications/vcmi-lobby.md`, sections 5, 6 and 8).

use std::time::Instant;

use super::Lobby;
use crate::vcmi::{
    ConnectionId,
    grammar::{Tag, tags},
    handshake,
    message::Message,
};

/// Why the rest of a frame is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The command is refused, and the client is sent the reason.
    Refused(Refusal),
    /// The client is sent nothing.
    Silently,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Why a command is refused. The texts, with their mistakes, are part of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("User already authorized")]
    AlreadyAuthorised,
    #[error("Too short username {0}")]
    ShortUserName(String),
    #[error("Username {0} is reserved by system")]
    ReservedUserName(String),
    #[error("Invalid username")]
    InvalidUserName,
    #[error("Can't connect with the name {0}. This login is already occpupied")]
    TakenUserName(String),
    /// Also the answer to an unknown channel.
    #[error("Cannot create session with name {0}, session with this name already exists")]
    TakenRoomName(String),
    #[error("Cannot create session with invalid name {0}")]
    InvalidRoomName(String),
    #[error("Changing amount of players is not possible for existing session")]
    CountIsFixed,
    #[error("Cannot create room with invalid amount of players")]
    InvalidCount,
    #[error("Room with name {0} doesn't exist")]
    UnknownRoom(String),
    #[error("Room {0} is full")]
    FullRoom(String),
    #[error("Incorrect password")]
    WrongPassword,
    #[error("Insuficcient permissions")]
    NotHost,
}

/// A command that is skipped for any reason is `Ok`: the next one is executed.
pub(super) type Outcome = Result<(), Stop>;

impl Lobby {
    pub(super) fn frame(&mut self, who: ConnectionId, payload: &[u8], now: Instant) {
        let Some(client) = self.clients.get_mut(&who) else {
            return;
        };
        client.asked = false;
        let keeps_prefix = client.name.is_some() || payload.first() == Some(&b'<');
        let (encoding, text) = match client.prefix {
            Some(prefix) if keeps_prefix => (prefix.encoding, payload),
            _ => match handshake::prefix(payload) {
                Ok((prefix, text)) => {
                    client.prefix = Some(prefix);
                    (prefix.encoding, text)
                }
                Err(invalid) => {
                    self.send(who, &Message::new("ERROR").arg(invalid));
                    return self.close(who);
                }
            },
        };
        let text = encoding.decode(text);
        for tag in tags(&text).take(self.rules.limits.tags_per_frame) {
            match self.execute(who, tag, now) {
                Ok(()) => {}
                Err(Stop::Silently) => return,
                Err(Stop::Refused(refusal)) => {
                    return self.send(who, &Message::new("ERROR").arg(refusal));
                }
            }
        }
    }

    /// Executes one command. Skips unknown commands, and all commands of a client that has not
    /// greeted or that an earlier command of the frame has removed.
    fn execute(
        &mut self,
        who: ConnectionId,
        Tag { name, value }: Tag<'_>,
        now: Instant,
    ) -> Outcome {
        let Some(client) = self.clients.get(&who) else {
            return Err(Stop::Silently);
        };
        if name == "GREETINGS" {
            return self.greetings(who, value);
        }
        if client.name.is_none() {
            return Ok(());
        }
        match name {
            "VER" => self.ver(who, value),
            "MSG" => self.msg(who, value),
            "CHANNEL" => self.channel(who, value),
            "NEW" => self.new_room(who, value),
            "PSWD" => self.pswd(who, value),
            "COUNT" => self.count(who, value),
            "JOIN" => self.join(who, value),
            "HOSTMODE" => self.host_mode(who, value),
            "MODS" => self.mods(who, value),
            "LEAVE" => self.leave(who, value),
            "KICK" => self.kick(who, value, now),
            "READY" => self.ready(who, value, now),
            "FORCESTART" => self.force_start(who, value, now),
            "HERE" => self.here(who),
            "ROOT" => self.root(who, value),
            // ALIVE has no effect beyond its arrival. USER and all others are unknown to this
            // lobby.
            _ => Ok(()),
        }
    }
}
