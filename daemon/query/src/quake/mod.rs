//! Quake and its descendants.
//!
//! Each of these servers answers a status request with one datagram: a word, its settings in one
//! line of `\key\value`, and a line for each player.
//!
//! What Quake III and `DarkPlaces` send was recorded from their servers; what `QuakeWorld`, Quake
//! II and modifications send is from memory, where no test says otherwise.

mod answer;
mod ask;
mod games;
mod info;
mod netquake;
mod people;
#[cfg(test)]
mod tests;

pub use answer::Answer;

use crate::{Protocol, Unanswered, dialogue::Dialogue};
use fastrand::Rng;

/// Reads a `statusResponse`, a server's settings and its players: of Quake III, `DarkPlaces` and
/// their descendants.
///
/// # Errors
/// When it is something else, or has no settings.
pub fn status_response(datagram: &[u8]) -> Result<Answer<'_>, Unanswered> {
    Answer::read(datagram, b"statusResponse").unwrap_or_else(|| Err(other("statusResponse")))
}

/// Reads an `infoResponse`, which has a few settings and the number of players: of Quake III,
/// `DarkPlaces` and their descendants.
///
/// # Errors
/// When it is something else, or has no settings.
pub fn info_response(datagram: &[u8]) -> Result<Answer<'_>, Unanswered> {
    Answer::read(datagram, b"infoResponse").unwrap_or_else(|| Err(other("infoResponse")))
}

/// Reads a `QuakeWorld` server's answer to `status`: its settings and its players.
///
/// # Errors
/// When it is something else, or has no settings.
pub fn quakeworld_status(datagram: &[u8]) -> Result<Answer<'_>, Unanswered> {
    Answer::read(datagram, b"n").unwrap_or_else(|| Err(other("answer to status")))
}

/// What the list shows of a `QuakeWorld` server. Of a server without a name, the name is empty.
#[must_use]
pub fn quakeworld_record(status: &Answer<'_>) -> metaserve::ServerInfo {
    info::quake1(status)
}

/// Reads a Quake II server's answer to `status`: its settings and its players.
///
/// # Errors
/// When it is something else, or has no settings.
pub fn quake2_status(datagram: &[u8]) -> Result<Answer<'_>, Unanswered> {
    Answer::read(datagram, b"print").unwrap_or_else(|| Err(other("answer to status")))
}

/// What the list shows of a Quake II server. Of a server without a name, the name is empty.
#[must_use]
pub fn quake2_record(status: &Answer<'_>) -> metaserve::ServerInfo {
    info::quake2(status)
}

/// Reads settings that stand alone, `\key\value\key\value`, such as those that servers of
/// `GoldSrc` send to their masters.
///
/// # Errors
/// When there are none.
pub fn settings(text: &[u8]) -> Result<Answer<'_>, Unanswered> {
    Answer::of(text)
}

/// What the list shows of a `GoldSrc` server, from what it tells a master. It has no name there.
#[must_use]
pub fn goldsrc_record(settings: &Answer<'_>) -> metaserve::ServerInfo {
    info::goldsrc(settings)
}

fn other(word: &str) -> Unanswered {
    Unanswered::Malformed(format!("it is no {word}"))
}

pub(crate) fn dialogue(protocol: Protocol, rng: Rng) -> Box<dyn Dialogue> {
    match protocol {
        Protocol::Quake1 => Box::new(ask::Status::quake1()),
        Protocol::Quake2 => Box::new(ask::Status::quake2()),
        Protocol::NetQuake => Box::new(netquake::Players::default()),
        _ => Box::new(ask::Quake3::new(rng)),
    }
}
