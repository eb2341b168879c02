//! What a client wants to see (`docs/specifications/quake3-master.md`, section 6).

use metaserve::address::Family;

use super::{
    games::Games,
    info::{Info, Kind},
    message::integer,
};

/// A request for a list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "they are options of the request"
)]
pub struct Request<'a> {
    /// The name of the game; `None` if only the protocol tells which it is.
    pub name: Option<&'a str>,
    /// The number of the protocol.
    pub protocol: i64,
    /// Whether the answer has the extended form.
    pub is_extended: bool,
    /// Whether empty servers are wanted too.
    pub empty: bool,
    /// Whether full servers are wanted too.
    pub full: bool,
    /// The only type of game that is wanted.
    pub gametype: Option<&'a str>,
    /// Whether servers at IPv4 addresses are wanted.
    pub ipv4: bool,
    /// Whether servers at IPv6 addresses are wanted.
    pub ipv6: bool,
}

impl<'a> Request<'a> {
    /// Reads the words after `getservers`. `None` if the request is malformed: it gets no answer.
    #[must_use]
    pub fn plain(mut words: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let first = words.next()?;
        let (name, protocol) = match integer(first) {
            Some(protocol) => (None, protocol),
            None => (Some(str::from_utf8(first).ok()?), integer(words.next()?)?),
        };
        let mut request = Self::new(name, protocol, false);
        words.for_each(|word| request.option(word));
        (request.ipv4, request.ipv6) = (true, false);
        Some(request)
    }

    /// Reads the words after `getserversExt`. `None` if the request is malformed.
    #[must_use]
    pub fn extended(mut words: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let name = str::from_utf8(words.next()?).ok()?;
        let protocol = integer(words.next()?)?;
        let mut request = Self::new(Some(name), protocol, true);
        words.for_each(|word| request.option(word));
        if !request.ipv4 && !request.ipv6 {
            (request.ipv4, request.ipv6) = (true, true);
        }
        Some(request)
    }

    /// A request for all servers at IPv4 addresses, of one game or of all that share a protocol, in
    /// protocols that know no other.
    #[must_use]
    pub const fn everything(name: Option<&'a str>, protocol: i64) -> Self {
        let mut request = Self::new(name, protocol, false);
        (request.empty, request.full, request.ipv4) = (true, true, true);
        request
    }

    const fn new(name: Option<&'a str>, protocol: i64, is_extended: bool) -> Self {
        Self {
            name,
            protocol,
            is_extended,
            empty: false,
            full: false,
            gametype: None,
            ipv4: false,
            ipv6: false,
        }
    }

    /// Takes in an option. Unknown ones are ignored.
    fn option(&mut self, word: &'a [u8]) {
        match word {
            b"empty" => self.empty = true,
            b"full" => self.full = true,
            b"ipv4" => self.ipv4 = true,
            b"ipv6" => self.ipv6 = true,
            b"ffa" => self.gametype = Some("0"),
            b"tourney" => self.gametype = Some("1"),
            b"team" => self.gametype = Some("3"),
            b"ctf" => self.gametype = Some("4"),
            _ => {
                let gametype = word.strip_prefix(b"gametype=");
                if let Some(gametype) = gametype.and_then(|it| str::from_utf8(it).ok()) {
                    self.gametype = Some(gametype);
                }
            }
        }
    }

    /// The name of the game that is asked for, if the request or its protocol tells.
    #[must_use]
    pub fn game<'g>(&self, games: &'g Games) -> Option<&'g str>
    where
        'a: 'g,
    {
        self.name.or_else(|| games.of_protocol(self.protocol))
    }

    /// Whether a server is in the answer, apart from the family of its address.
    #[must_use]
    pub fn wants(&self, info: &Info, games: &Games) -> bool {
        let game = self.game(games);
        let is_game = match (self.name, game) {
            (Some(name), _) => info.gamename == name,
            (None, Some(game)) => info.kind == Kind::Anonymous && info.gamename == game,
            (None, None) => info.kind == Kind::Anonymous,
        };
        let all = game.is_some_and(|game| games.shows_all(game));
        is_game
            && info.protocol == self.protocol
            && (self.empty || all || !info.is_empty())
            && (self.full || all || !info.is_full())
            && self.gametype.is_none_or(|it| info.gametype == it)
    }

    /// Whether servers at addresses of this family are in the answer.
    #[must_use]
    pub const fn wants_family(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.ipv4,
            Family::V6 => self.ipv6,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::quake::{
        message::{MARK, Message},
        quake3,
    };

    /// Reads a request, as it would come.
    fn read(text: &str) -> Option<String> {
        let datagram = [MARK, text.as_bytes()].concat();
        let Some(Message::Request(it)) = quake3::read(&datagram) else {
            return None;
        };
        let flags = [
            (it.is_extended, "ext"),
            (it.empty, "empty"),
            (it.full, "full"),
            (it.ipv4, "ipv4"),
            (it.ipv6, "ipv6"),
        ];
        let flags = flags
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, flag)| flag);
        let words = [it.name.unwrap_or("-").to_owned(), it.protocol.to_string()].into_iter();
        let words = words.chain(flags.map(str::to_owned));
        let words = words.chain(it.gametype.map(|it| format!("type={it}")));
        Some(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn requests_are_read_as_the_specification_says() {
        let table = [
            ("getservers 71 empty full", Some("- 71 empty full ipv4")),
            ("getservers 71 empty full\n", Some("- 71 empty full ipv4")),
            ("getservers 84 ", Some("- 84 ipv4")),
            ("getservers 2004 SOF2FULL", Some("- 2004 ipv4")),
            (
                "getservers Nexuiz 3 empty full ipv6",
                Some("Nexuiz 3 empty full ipv4"),
            ),
            ("getservers 4TheFun 4", Some("4TheFun 4 ipv4")),
            ("getservers X -1", Some("X -1 ipv4")),
            ("getservers 68 ffa ctf", Some("- 68 ipv4 type=4")),
            ("getservers 68 team gametype=ca", Some("- 68 ipv4 type=ca")),
            (
                "getserversExt Nexuiz 3 empty full ipv4 ipv6",
                Some("Nexuiz 3 ext empty full ipv4 ipv6"),
            ),
            (
                "getserversExt Quake3Arena 71",
                Some("Quake3Arena 71 ext ipv4 ipv6"),
            ),
            (
                "getserversExt Quake3Arena 71 ipv6",
                Some("Quake3Arena 71 ext ipv6"),
            ),
            ("getservers", None),
            ("getservers ", None),
            ("getserversExt ", None),
            ("getserversExt 5 empty full", None),
            ("getservers DpmasterTest empty full", None),
            ("getservers DpmasterTest 4TheFun empty full", None),
            ("getserversX 71", None),
        ];
        for (text, wanted) in table {
            assert_eq!(read(text).as_deref(), wanted, "{text}");
        }
    }
}
