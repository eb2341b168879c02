//! Texts in answers, made UTF-8: gamedig 0.9 refuses an answer with a text that is not, and a wrong
//! letter in a name must not keep a server off the list. Pure.
//!
//! | answers of | here |
//! | --- | --- |
//! | `GameSpy` 1, 2 and 3, Just Cause 2, Savage 2, Mindustry | read and written in UTF-8 |
//! | Frontlines: Fuel of War | the same; one in several datagrams is passed on as it is |
//! | Unreal 2 | texts are in Windows-1252 or UTF-16, which the library reads: what it refuses of UTF-16 is replaced, and what it shows of a text's length is hidden |
//! | Eco | passed on as it is: JSON, which is UTF-8 |

use crate::text::decode;
use gamedig::{
    Game,
    protocols::{Protocol as Spoken, gamespy::GameSpyVersion, types::ProprietaryProtocol},
};

/// How the answers of a game are made UTF-8.
#[derive(Clone, Copy)]
pub(super) struct Transcode {
    walk: fn(&mut Walk<'_>) -> Option<()>,
    /// What the library reads of a datagram, in bytes.
    limit: usize,
}

/// The way of a game's answers.
pub(super) fn of(game: &Game) -> Transcode {
    use ProprietaryProtocol::{FFOW, JC2M, Mindustry, Savage2};
    let (walk, limit): (fn(&mut Walk<'_>) -> Option<()>, _) = match &game.protocol {
        Spoken::Gamespy(GameSpyVersion::One) => (gamespy1, 1024),
        Spoken::Gamespy(GameSpyVersion::Two) => (gamespy2, 1024),
        Spoken::Gamespy(GameSpyVersion::Three) => (gamespy3, 2048),
        Spoken::Unreal2 => (unreal2, 1024),
        Spoken::PROPRIETARY(JC2M) => (just_cause2, 2048),
        Spoken::PROPRIETARY(Savage2) => (savage2, 1024),
        Spoken::PROPRIETARY(FFOW) => (frontlines, 6144),
        Spoken::PROPRIETARY(Mindustry) => (mindustry, 500),
        _ => (|_| None, usize::MAX),
    };
    Transcode { walk, limit }
}

impl Transcode {
    /// The datagram with its texts in UTF-8. If they do not fit then in what the library reads,
    /// whatever is not ASCII is a question mark: cut anywhere, such an answer is still understood as
    /// far as it goes.
    pub(super) fn apply(self, datagram: &[u8]) -> Vec<u8> {
        let whole = self.walked(datagram, |text| decode(text).into_bytes());
        match whole.len() <= self.limit {
            true => whole,
            false => self.walked(datagram, ascii),
        }
    }

    fn walked(self, datagram: &[u8], write: fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut walk = Walk {
            rest: datagram,
            written: Vec::with_capacity(datagram.len()),
            write,
        };
        // An answer that ends early ends here too.
        let _ = (self.walk)(&mut walk);
        walk.written.extend(walk.rest);
        walk.written
    }
}

fn ascii(text: &[u8]) -> Vec<u8> {
    let plain = text.iter().map(|it| if it.is_ascii() { *it } else { b'?' });
    plain.collect()
}

/// A datagram that is copied from front to back. Each method gives None when its part is not there.
struct Walk<'a> {
    rest: &'a [u8],
    written: Vec<u8>,
    write: fn(&[u8]) -> Vec<u8>,
}

impl<'a> Walk<'a> {
    /// Copies bytes that are no text.
    fn raw(&mut self, length: usize) -> Option<&'a [u8]> {
        let (raw, rest) = self.rest.split_at_checked(length)?;
        self.written.extend(raw);
        self.rest = rest;
        Some(raw)
    }

    /// Writes a text that ends with a byte, or with the datagram.
    fn text(&mut self, end: u8) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.rest.iter().position(|byte| *byte == end);
        let (text, rest) = self.rest.split_at(length.unwrap_or(self.rest.len()));
        self.written.extend((self.write)(text));
        self.rest = rest;
        if length.is_some() {
            self.raw(1);
        }
        Some(text)
    }

    fn texts(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.text(0).map(|_| ()))
    }

    /// Settings, up to an empty key.
    fn settings(&mut self) -> Option<()> {
        while !self.text(0)?.is_empty() {
            self.text(0)?;
        }
        Some(())
    }

    /// A text whose length is in a byte in front of it.
    fn short_text(&mut self) -> Option<()> {
        let (length, rest) = self.rest.split_first()?;
        let (text, rest) = rest.split_at_checked(usize::from(*length))?;
        let mut text = (self.write)(text);
        // The last character may not be there in whole.
        while text.len() > usize::from(u8::MAX) || str::from_utf8(&text).is_err() {
            text.pop();
        }
        self.written.push(text.len() as u8);
        self.written.extend(text);
        self.rest = rest;
        Some(())
    }

    /// All that is left, with nothing but ASCII in it.
    fn plain(&mut self) {
        self.written.extend(ascii(self.rest));
        self.rest = &[];
    }
}

/// `\key\value\key\value`
fn gamespy1(answer: &mut Walk<'_>) -> Option<()> {
    loop {
        answer.text(b'\\')?;
    }
}

/// Settings up to an empty key and value, then tables of players and teams, each behind a zero byte:
/// rows, names of columns up to an empty one, fields.
fn gamespy2(answer: &mut Walk<'_>) -> Option<()> {
    answer.raw(5)?;
    loop {
        let (key, value) = (answer.text(0)?, answer.text(0)?);
        if key.is_empty() && value.is_empty() {
            break;
        }
    }
    loop {
        // The zero byte of the first table is the end of the empty value.
        let rows = usize::from(*answer.raw(1)?.first()?);
        let mut columns = 0;
        while rows > 0 && !answer.text(0)?.is_empty() {
            columns += 1;
        }
        answer.texts(rows * columns)?;
        answer.raw(1)?;
    }
}

/// A challenge, or settings and players in numbered parts. The library looks for players at wrong
/// places, in the middle of characters too, and finds none.
fn gamespy3(answer: &mut Walk<'_>) -> Option<()> {
    let is_data = answer.raw(5)?.first() == Some(&0);
    if is_data {
        answer.text(0)?;
        let is_first = answer.raw(2)?.first()? & 0x7f == 0;
        if is_first {
            answer.settings()?;
        }
        answer.plain();
    }
    Some(())
}

/// As `GameSpy` 3 in one part, with players of a form of their own: name, Steam's number, ping.
fn just_cause2(answer: &mut Walk<'_>) -> Option<()> {
    let is_data = answer.raw(5)?.first() == Some(&0);
    is_data.then_some(())?;
    answer.raw(11)?;
    answer.settings()?;
    answer.raw(2)?;
    loop {
        answer.texts(2)?;
        answer.raw(2)?;
    }
}

/// Name, players, their limit, time, map, next map, place, least players, mode, version, level.
fn savage2(answer: &mut Walk<'_>) -> Option<()> {
    answer.raw(12)?;
    answer.texts(1)?;
    answer.raw(2)?;
    answer.texts(4)?;
    answer.raw(1)?;
    answer.texts(2)
}

/// A whole message that is no challenge: version, six texts, and numbers.
fn frontlines(answer: &mut Walk<'_>) -> Option<()> {
    let is_whole = answer.rest.starts_with(&[0xff; 4]) && answer.rest.get(4) != Some(&b'A');
    is_whole.then_some(())?;
    answer.raw(6)?;
    answer.texts(6)
}

/// Name, map, players, wave, version, its kind, mode, limit, description, name of the mode.
fn mindustry(answer: &mut Walk<'_>) -> Option<()> {
    answer.short_text()?;
    answer.short_text()?;
    answer.raw(12)?;
    answer.short_text()?;
    answer.raw(5)?;
    answer.short_text()?;
    answer.short_text()
}

/// The server, its rules, or its players.
fn unreal2(answer: &mut Walk<'_>) -> Option<()> {
    match answer.raw(5)?.last()? {
        0 => {
            answer.raw(4)?;
            unreal2_text(answer)?;
            answer.raw(8)?;
            (0..3).try_for_each(|_| unreal2_text(answer))
        }
        1 => loop {
            unreal2_text(answer)?;
        },
        2 => loop {
            answer.raw(4)?;
            unreal2_text(answer)?;
            answer.raw(12)?;
        },
        _ => None,
    }
}

/// A text with its length in a byte in front of it: with the highest bit in units of UTF-16, else in
/// bytes, up to a zero. The library takes that byte for the first one of the text, and leaves out
/// what is at most 0x1a.
fn unreal2_text(answer: &mut Walk<'_>) -> Option<()> {
    const IN_UNITS: u8 = 0x80;
    let length = *answer.rest.first()?;
    if length & IN_UNITS == 0 {
        let (text, zero) = answer
            .rest
            .split_at(answer.rest.iter().position(|it| *it == 0)?);
        let [_, text @ ..] = text else {
            return answer.raw(1).map(|_| ());
        };
        answer.written.push(length.min(0x1a));
        answer.written.extend(text);
        answer.rest = zero;
        return answer.raw(1).map(|_| ());
    }
    answer.raw(1)?;
    // Some games have such a byte in front of the text.
    if answer.rest.first() == Some(&1) {
        answer.raw(1)?;
    }
    let units = 2 * usize::from(length & !IN_UNITS);
    let (text, rest) = answer.rest.split_at_checked(units)?;
    let units = text
        .chunks_exact(2)
        .map(|it| u16::from_le_bytes([it[0], it[1]]));
    // Half of a character is one unit, as is what replaces it.
    for character in char::decode_utf16(units) {
        let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
        let units = character.encode_utf16(&mut [0; 2]).to_vec();
        answer
            .written
            .extend(units.iter().flat_map(|it| it.to_le_bytes()));
    }
    answer.rest = rest;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Protocol, library::LibraryGame};
    use proptest::prelude::*;

    const GAMES: [&str; 8] = [
        "gamespy1",
        "gamespy2",
        "gamespy3",
        "jc2m",
        "savage2",
        "ffow",
        "mindustry",
        "unreal2",
    ];

    fn transcoded(name: &str, datagram: &[u8]) -> Vec<u8> {
        match LibraryGame::find(name) {
            Some((Protocol::Library(found), _)) => of(&found.game().unwrap()).apply(datagram),
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn texts_are_written_in_utf8_and_numbers_stay() {
        let table: [(&str, &[u8], &[u8]); 8] = [
            (
                "gamespy1",
                b"\\hostname\\Caf\xe9\\player_0\\\xd1\xe5\xf0\xe2\xe5\xf0\\final\\",
                "\\hostname\\Café\\player_0\\Сервер\\final\\".as_bytes(),
            ),
            // Three players with clans, and a table of 200 teams that is cut.
            (
                "gamespy2",
                b"\0\x80\0\0\x01hostname\0Caf\xe9\0\0\0\x03player_\0clan_\0\0Zo\xeb\0\xc9toile\0Bo\0\xc9toile\0Al\0\xc9toile\0\0\xc8team_t\0\0R\xe9d\0",
                b"\0\x80\0\0\x01hostname\0Caf\xc3\xa9\0\0\0\x03player_\0clan_\0\0Zo\xc3\xab\0\xc3\x89toile\0Bo\0\xc3\x89toile\0Al\0\xc3\x89toile\0\0\xc8team_t\0\0R\xc3\xa9d\0",
            ),
            (
                "gamespy3",
                b"\0\x80\0\0\x01splitnum\0\x80\0hostname\0Caf\xe9\0\0\x01player_\0\0Zo\xeb\0",
                b"\0\x80\0\0\x01splitnum\0\x80\0hostname\0Caf\xc3\xa9\0\0\x01player_\0\0Zo?\0",
            ),
            (
                "jc2m",
                b"\0\x80\0\0\x01splitnum\0\x80\xffhostname\0Caf\xe9\0\0\xff\xfeZo\xeb\x007\0\xe9\0",
                b"\0\x80\0\0\x01splitnum\0\x80\xffhostname\0Caf\xc3\xa9\0\0\xff\xfeZo\xc3\xab\x007\0\xe9\0",
            ),
            (
                "savage2",
                b"\xe9\0\0\0\0\0\0\0\0\0\0\0Caf\xe9\0\xe9\xe91\0m\0n\0\xe9\0\xe9m\xe9\0v\0\xe9",
                b"\xe9\0\0\0\0\0\0\0\0\0\0\0Caf\xc3\xa9\0\xe9\xe91\0m\0n\0\xc3\xa9\0\xe9m\xc3\xa9\0v\0\xe9",
            ),
            (
                "ffow",
                b"\xff\xff\xff\xffI\xe9Caf\xe9\0m\0m\0m\0d\0\xe9\0\xe9\0\xe9",
                b"\xff\xff\xff\xffI\xe9Caf\xc3\xa9\0m\0m\0m\0d\0\xc3\xa9\0\xe9\0\xe9",
            ),
            (
                "mindustry",
                b"\x04Caf\xe9\x01m\0\0\0\xe9\0\0\0\0\0\0\0\0\0\x00\0\0\0\xe9\x02\xe9d\x01\xe9",
                b"\x05Caf\xc3\xa9\x01m\0\0\0\xe9\0\0\0\0\0\0\0\0\0\x00\0\0\0\xe9\x03\xc3\xa9d\x02\xc3\xa9",
            ),
            // Half of a character, a byte of length that would be seen, and one that would not.
            (
                "unreal2",
                b"\x80\0\0\0\0\x01\0\0\0\0\x61\x1e\0\0\x62\x1e\0\0\x82A\0\x3d\xd8\x30Caf\xe9\0\x03DM\0\xe9",
                b"\x80\0\0\0\0\x01\0\0\0\0\x61\x1e\0\0\x62\x1e\0\0\x82A\0\xfd\xff\x1aCaf\xe9\0\x03DM\0\xe9",
            ),
        ];
        for (name, datagram, written) in table {
            let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
            assert_eq!(shown(&transcoded(name, datagram)), shown(written), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_cut_within_a_character_loses_it() {
        let cut = [b"\x05", &"Дом".as_bytes()[..5], b"\x01m"].concat();
        let written = transcoded("mindustry", &cut);
        assert_eq!(written, ["\x04До".as_bytes(), b"\x01m"].concat());
        let full = [&[255][..], &[0xe9; 255]].concat();
        let written = transcoded("mindustry", &full);
        let (length, text) = written.split_first().unwrap();
        assert_eq!(usize::from(*length), text.len());
        assert!(str::from_utf8(text).is_ok());
    }

    /// Of a longer datagram the library reads the front alone.
    #[test]
    fn what_gets_too_long_keeps_its_length() {
        let long = [b"\\hostname\\Caf\xe9\\motd\\", &b"\xe9a".repeat(480)[..]].concat();
        let written = transcoded("gamespy1", &long);
        assert!(written.starts_with(b"\\hostname\\Caf?\\"));
        assert_eq!(written.len(), long.len());
    }

    proptest! {
        #[test]
        fn any_bytes_pass(datagram: Vec<u8>, kind in 0..3_u8) {
            for name in GAMES {
                transcoded(name, &datagram);
                let typical = [&[0x80, 0, 0, 0, kind], &datagram[..]].concat();
                transcoded(name, &typical);
            }
        }

        #[test]
        fn what_is_ascii_stays_as_it_is(datagram in "[\\x00-\\x7f]{0,60}") {
            for name in GAMES.into_iter().filter(|it| *it != "unreal2") {
                prop_assert_eq!(transcoded(name, datagram.as_bytes()), datagram.as_bytes());
            }
        }
    }
}
