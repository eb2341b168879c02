//! What a server says of itself (`docs/specifications/quake3-master.md`, section 5).

use bytes::Bytes;
use metaserve_query::quake::Answer;

use super::message::{integer, is_blank};

/// The longest key and value that is read (`docs/specifications/quake3-master.md`, section 2).
const MAX_BYTES: usize = 255;

/// How a server is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// By the name of its game only.
    Named,
    /// By name, and by its protocol alone.
    Anonymous,
}

/// A server, as lists need to know it. The name of the game and the type of game have no blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The game's name on the wire.
    pub gamename: String,
    /// How it is found.
    pub kind: Kind,
    /// The number of its protocol.
    pub protocol: i64,
    /// The type of game; `0` if it says none.
    pub gametype: String,
    /// How many are in the game; `None` if that is not known.
    pub clients: Option<u32>,
    /// How many it has room for.
    pub max_clients: Option<u32>,
    /// What else clients can ask for, by its key on the wire, in dialects that have such filters.
    pub facts: Vec<(&'static str, String)>,
}

impl Info {
    /// What it says under a key of its facts.
    #[must_use]
    pub fn fact(&self, key: &str) -> Option<&str> {
        let fact = self.facts.iter().find(|(it, _)| *it == key);
        fact.map(|(_, value)| &**value)
    }

    /// Whether it is known that nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients == Some(0)
    }

    /// Whether it is known that there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = |(clients, most)| clients >= most;
        self.clients.zip(self.max_clients).is_some_and(full)
    }
}

/// An infoResponse that can be read. Whether it is true is for its challenge to show.
#[derive(Clone, Debug)]
pub struct Told<'a> {
    answer: Answer<'a>,
}

/// A server's own description, without the challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What lists need to know.
    pub info: Info,
    /// The folder of a modification, if it names one.
    pub modification: Option<String>,
    /// The whole infostring, without the challenge; in dialects without challenges, the whole
    /// answer.
    pub raw: Bytes,
}

impl<'a> Told<'a> {
    /// Takes what was read of a datagram.
    #[must_use]
    pub const fn new(answer: Answer<'a>) -> Self {
        Self { answer }
    }

    /// What was read.
    #[must_use]
    pub const fn answer(&self) -> &Answer<'a> {
        &self.answer
    }

    /// The value of the first such key, compared with case. One that is too long is none.
    pub(super) fn get(&self, key: &str) -> Option<&'a [u8]> {
        let mut settings = self.answer.settings();
        let (_, value) =
            settings.find(|(it, value)| it == &key.as_bytes() && value.len() <= MAX_BYTES)?;
        Some(value)
    }

    /// The challenge that it repeats.
    #[must_use]
    pub fn challenge(&self) -> Option<&'a [u8]> {
        self.get("challenge")
    }

    /// The description, if it has everything that is needed. `expected` is the name of the game
    /// that the tag of the server's heartbeat stands for, if it stands for one.
    #[must_use]
    pub fn description(&self, expected: Option<&str>) -> Option<Description> {
        let text = |key: &str| {
            let text = self.get(key).map(str::from_utf8)?.ok()?;
            let is_word = !text.is_empty() && !text.bytes().any(is_blank);
            is_word.then(|| text.to_owned())
        };
        let gamename = match (expected, self.get("gamename")) {
            (Some(expected), None) => expected.to_owned(),
            (Some(expected), Some(told)) if told == expected.as_bytes() => expected.to_owned(),
            (Some(_), Some(_)) => return None,
            (None, _) => text("gamename")?,
        };
        let gametype = match self.get("gametype") {
            None | Some(b"") => "0".to_owned(),
            Some(_) => text("gametype")?,
        };
        let max_clients = integer(self.get("sv_maxclients")?).filter(|most| *most > 0)?;
        let clients = integer(self.get("clients")?).unwrap_or(0).max(0);
        let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        let kind = match expected {
            Some(_) => Kind::Anonymous,
            None => Kind::Named,
        };
        Some(Description {
            info: Info {
                gamename,
                kind,
                protocol: integer(self.get("protocol")?)?,
                gametype,
                clients: Some(number(clients)),
                max_clients: Some(number(max_clients)),
                facts: Vec::new(),
            },
            modification: text("game"),
            raw: self.raw(),
        })
    }

    /// The infostring without the challenge, which nobody else may learn while it is valid. Only
    /// what is read of it.
    pub(super) fn raw(&self) -> Bytes {
        let mut raw = Vec::new();
        let shown = |it: &(&[u8], &[u8])| {
            it.0 != b"challenge" && it.0.len() <= MAX_BYTES && it.1.len() <= MAX_BYTES
        };
        for (key, value) in self.answer.settings().filter(shown) {
            raw.extend([b"\\", key, b"\\", value].concat());
        }
        raw.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENARENA: &str = "\\g_needpass\\0\\gametype\\0\\sv_maxclients\\8\\clients\\0\\mapname\\\
        oa_dm1\\hostname\\SpecsOA\\protocol\\71\\gamename\\Quake3Arena\\challenge\\Cd3vyIkV5EZ";

    fn told(infostring: &str, expected: Option<&str>) -> Option<Description> {
        let datagram = [b"\xff\xff\xff\xffinfoResponse\n", infostring.as_bytes()].concat();
        let answer = metaserve_query::quake::info_response(&datagram).ok()?;
        Told::new(answer).description(expected)
    }

    #[test]
    fn a_server_is_read_and_its_challenge_is_kept_secret() {
        let description = told(OPENARENA, Some("Quake3Arena")).unwrap();
        let info = &description.info;
        assert_eq!((info.protocol, info.gametype.as_str()), (71, "0"));
        assert_eq!((info.is_empty(), info.is_full()), (true, false));
        let raw = String::from_utf8_lossy(&description.raw).into_owned();
        assert!(raw.ends_with("\\gamename\\Quake3Arena"), "{raw}");
    }

    /// (what is changed, whether the result is accepted, with tag of one game, with any)
    #[test]
    fn what_is_needed_must_be_there() {
        let long = "x".repeat(312);
        let long = format!("gamename\\{long}");
        let table = [
            ("gametype\\0", "gametype\\ca", true, true),
            ("gametype\\0", "gametype\\capture flag", false, false),
            ("gametype\\0\\", "", true, true),
            ("clients\\0", "Clients\\0", false, false),
            ("\\clients\\0", "\\clients\\junk", true, true),
            ("sv_maxclients\\8", "sv_maxclients\\0", false, false),
            ("sv_maxclients\\8", "sv_maxclients\\8x", false, false),
            ("protocol\\71", "protocol\\4TheFun", false, false),
            ("protocol\\71", "protocol\\-1", true, true),
            ("protocol\\71", "protocol\\", false, false),
            ("gamename\\Quake3Arena", "gamename\\Other", false, true),
            ("gamename\\Quake3Arena", "gamename\\", false, false),
            ("gamename\\Quake3Arena", "gamename\\Two Words", false, false),
            ("gamename\\Quake3Arena", &long, true, false),
            ("gamename\\Quake3Arena", "x\\y", true, false),
            ("\\g_needpass", "\\protocol\\x\\g_needpass", false, false),
        ];
        for (from, to, anonymous, named) in table {
            let text = OPENARENA.replacen(from, to, 1);
            assert_ne!(text, OPENARENA);
            assert_eq!(
                told(&text, Some("Quake3Arena")).is_some(),
                anonymous,
                "{to}"
            );
            assert_eq!(told(&text, None).is_some(), named, "{to}");
        }
    }
}
