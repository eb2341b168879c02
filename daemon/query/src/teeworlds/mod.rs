//! Teeworlds and `DDNet`.

pub mod packets;
mod seven;
mod six;
#[cfg(test)]
mod tests;

use crate::{Protocol, Unanswered, dialogue::Dialogue, text};
use fastrand::Rng;
use metaserve::{Player, ServerInfo};

pub(crate) fn dialogue(protocol: Protocol, mut rng: Rng) -> Box<dyn Dialogue> {
    match protocol {
        Protocol::Teeworlds7 => Box::new(seven::Seven::new(rng.u32(..))),
        _ => Box::new(six::Six::new(rng.u32(..))),
    }
}

/// Asks a server of 0.7 for its description, with the token that it has given us and ours for it.
#[must_use]
pub fn info_question(theirs: packets::Token, ours: packets::Token) -> Vec<u8> {
    seven::question(theirs, ours)
}

/// The description in a server's answer to [`info_question`]; `None` if the message is none, or cut
/// short. Whether it is for us is for its token to say.
#[must_use]
pub fn info_answer(message: &packets::Message<'_>) -> Option<ServerInfo> {
    seven::described(message)
}

fn plain(bytes: &[u8]) -> String {
    text::tidy(&text::decode(bytes))
}

/// What both versions say of a server.
struct Described<'a> {
    version: &'a [u8],
    name: &'a [u8],
    map: &'a [u8],
    mode: &'a [u8],
    password: bool,
    players: i64,
    max_players: i64,
}

impl From<Described<'_>> for ServerInfo {
    fn from(it: Described<'_>) -> Self {
        let some = |bytes| text::some(plain(bytes));
        Self {
            map: some(it.map),
            mode: some(it.mode),
            players: it.players.try_into().ok(),
            max_players: it.max_players.try_into().ok(),
            password: Some(it.password),
            version: some(it.version),
            ..Self::new(plain(it.name))
        }
    }
}

fn player(name: &[u8], score: Option<i64>) -> Player {
    Player {
        score,
        ..Player::new(plain(name))
    }
}

fn malformed(what: &str) -> Unanswered {
    Unanswered::Malformed(what.to_owned())
}
