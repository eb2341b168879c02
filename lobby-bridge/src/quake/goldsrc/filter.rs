//! Which servers a client wants: `\key\value\key\value`
//! (`docs/specifications/goldsrc-master.md`, section 6).

use std::net::SocketAddrV4;

use crate::quake::info::Info;

/// How many conditions are read. Clients send five or six.
const MOST: usize = 32;

/// Appids of games by their folders, for clients that ask by number.
const APPIDS: [(&str, &str); 7] = [
    ("cstrike", "10"),
    ("tfc", "20"),
    ("dod", "30"),
    ("dmc", "40"),
    ("gearbox", "50"),
    ("valve", "70"),
    ("czero", "80"),
];

/// What a client wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter<'a> {
    /// All of these must hold.
    conditions: Vec<Condition<'a>>,
    /// Whether only one server of each IP address is wanted.
    pub(super) one_per_host: bool,
    /// The key to be repeated.
    pub(super) key: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition<'a> {
    Is(&'a str, &'a str),
    /// None of these holds.
    NotAny(Vec<(&'a str, &'a str)>),
    /// Not all of these hold.
    NotAll(Vec<(&'a str, &'a str)>),
}

impl<'a> Filter<'a> {
    /// Reads a filter. What is not UTF-8, and what is cut off, is left out.
    pub(super) fn read(text: &'a [u8]) -> Self {
        let text = text.strip_prefix(b"\\").unwrap_or(text);
        let mut words = text.split(|byte| *byte == b'\\').map(str::from_utf8);
        let pairs = std::iter::from_fn(|| Some((words.next()?, words.next()?)));
        let pairs = pairs.filter_map(|(key, value)| Some((key.ok()?, value.ok()?)));
        let mut pairs = pairs.take(MOST);
        let mut filter = Self::default();
        while let Some((key, value)) = pairs.next() {
            let mut group = || {
                let count = value.parse().unwrap_or(0);
                pairs.by_ref().take(count).collect()
            };
            let condition = match key {
                "nor" => Condition::NotAny(group()),
                "nand" => Condition::NotAll(group()),
                "key" => {
                    filter.key = u32::from_str_radix(value, 16).ok();
                    continue;
                }
                "collapse_addr_hash" => {
                    filter.one_per_host = value == "1";
                    continue;
                }
                _ => Condition::Is(key, value),
            };
            filter.conditions.push(condition);
        }
        filter
    }

    /// Whether a server is wanted. Of conditions about what is not known of it, and of those that
    /// are not known themselves, all hold.
    pub(super) fn wants(&self, info: &Info, address: SocketAddrV4) -> bool {
        let holds = |(key, value): &(&str, &str)| holds(info, address, key, value);
        self.conditions.iter().all(|condition| match condition {
            Condition::Is(key, value) => holds(&(key, value)) != Some(false),
            Condition::NotAny(all) => !all.iter().any(|it| holds(it) == Some(true)),
            Condition::NotAll(all) => {
                let mut known = all.iter().filter_map(holds).peekable();
                known.peek().is_none() || known.any(|it| !it)
            }
        })
    }
}

/// Whether a condition holds; `None` if that is not known.
fn holds(info: &Info, address: SocketAddrV4, key: &str, value: &str) -> Option<bool> {
    let flag = |key: &str| Some(info.fact(key)? != "0");
    // Most flags ask for one thing only: with another value, everything is wanted.
    let asks = |is: Option<bool>| (value == "1").then_some(is).flatten();
    // Of Xash3D, some ask for either.
    let is = |is: Option<bool>| match value {
        "0" | "1" => Some(is? == (value == "1")),
        _ => None,
    };
    let eq = |it: Option<&str>| Some(it?.eq_ignore_ascii_case(value));
    match key {
        "gamedir" => eq(Some(&info.gamename)),
        "map" => eq(info.fact("map")),
        "protocol" => Some(value.parse::<i64>().ok()? == info.protocol),
        "empty" => asks(Some(!info.is_empty())),
        "full" => asks(Some(!info.is_full())),
        "noplayers" => asks(Some(info.is_empty())),
        "type" => eq(info.fact("type")),
        "dedicated" => is(info.fact("type").map(|it| it == "d")),
        "proxy" => is(info.fact("type").map(|it| it == "p")),
        "secure" => is(flag("secure")),
        "password" => is(flag("password")),
        "lan" => is(flag("lan")),
        "nat" => is(flag("nat")),
        "bots" => is(flag("bots")),
        "linux" => asks(info.fact("os").map(|it| it == "l")),
        "appid" => Some(appid(info)? == value),
        "napp" | "nap" => Some(appid(info)? != value),
        "gametype" => {
            let tags = info.fact("gametype")?.split(',').collect::<Vec<_>>();
            Some(value.split(',').all(|tag| tags.contains(&tag)))
        }
        "name_match" => Some(matches(value, info.fact(super::HOSTNAME)?)),
        "version_match" => Some(matches(value, info.fact("version")?)),
        "gameaddr" => Some(match value.contains(':') {
            true => address.to_string() == value,
            false => address.ip().to_string() == value,
        }),
        _ => None,
    }
}

/// The number of the game: the server's own, or that of its folder.
fn appid(info: &Info) -> Option<&str> {
    let folder = || APPIDS.iter().find(|(folder, _)| *folder == info.gamename);
    info.fact("appid").or_else(|| folder().map(|(_, id)| *id))
}

/// Whether a text is like a pattern, in which `*` stands for anything. Takes time in proportion to
/// the text for each `*`.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(begin) else {
        return false;
    };
    let (between, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in between.split('*') {
        let Some(at) = text.find(part) else {
            return false;
        };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quake::info::Kind;

    fn server() -> Info {
        let facts = [
            ("map", "de_dust"),
            ("password", "0"),
            ("secure", "1"),
            ("type", "d"),
            ("os", "l"),
            ("version", "1.1.2.7"),
            ("gametype", "ctf,fast"),
            ("hostname", "The *Pit*"),
        ];
        Info {
            gamename: "cstrike".to_owned(),
            kind: Kind::Named,
            protocol: 48,
            gametype: "0".to_owned(),
            clients: Some(2),
            max_clients: Some(8),
            facts: facts.map(|(key, value)| (key, value.to_owned())).to_vec(),
        }
    }

    fn wants(filter: &str, info: &Info) -> bool {
        let address = "192.0.2.1:27015".parse().unwrap();
        Filter::read(filter.as_bytes()).wants(info, address)
    }

    #[test]
    fn conditions_hold_or_not() {
        let table = [
            ("", true),
            ("\\", true),
            ("\\gamedir\\cstrike", true),
            ("\\gamedir\\CStrike", true),
            ("\\gamedir\\valve", false),
            ("\\map\\de_dust", true),
            ("\\map\\de_aztec", false),
            ("\\gamedir\\cstrike\\map\\de_aztec", false),
            ("\\empty\\1", true),
            ("\\full\\1", true),
            ("\\noplayers\\1", false),
            ("\\noplayers\\0", true),
            ("\\type\\d", true),
            ("\\type\\l", false),
            ("\\dedicated\\1", true),
            ("\\dedicated\\0", false),
            ("\\proxy\\1", false),
            ("\\secure\\1", true),
            ("\\secure\\0", false),
            ("\\password\\0", true),
            ("\\password\\1", false),
            ("\\linux\\1", true),
            ("\\protocol\\48", true),
            ("\\protocol\\49", false),
            ("\\appid\\10", true),
            ("\\appid\\70", false),
            ("\\napp\\500", true),
            ("\\nap\\10", false),
            ("\\gametype\\ctf", true),
            ("\\gametype\\ctf,fast", true),
            ("\\gametype\\ctf,slow", false),
            ("\\name_match\\the *pit*", true),
            ("\\name_match\\*tip*", false),
            ("\\version_match\\1.1.*", true),
            ("\\version_match\\1.1", false),
            ("\\gameaddr\\192.0.2.1", true),
            ("\\gameaddr\\192.0.2.1:27015", true),
            ("\\gameaddr\\192.0.2.2", false),
            // What is not known of the server, or not known at all.
            ("\\nat\\0\\clver\\0.21\\lan\\1\\white\\1", true),
            ("\\cut", true),
        ];
        for (filter, holds) in table {
            assert_eq!(wants(filter, &server()), holds, "{filter}");
        }
    }

    #[test]
    fn conditions_can_be_denied_together() {
        let table = [
            ("\\nor\\1\\map\\de_dust", false),
            ("\\nor\\1\\map\\de_aztec", true),
            ("\\nor\\2\\map\\de_aztec\\secure\\1", false),
            ("\\nand\\2\\map\\de_aztec\\secure\\1", true),
            ("\\nand\\2\\map\\de_dust\\secure\\1", false),
            // What follows the group is a condition of its own.
            ("\\nor\\1\\map\\de_aztec\\gamedir\\valve", false),
            ("\\nor\\9\\map\\de_aztec\\gamedir\\valve", true),
            ("\\nor\\1\\white\\1", true),
            ("\\nand\\1\\white\\1", true),
        ];
        for (filter, holds) in table {
            assert_eq!(wants(filter, &server()), holds, "{filter}");
        }
    }

    #[test]
    fn full_and_empty_servers_are_known_by_their_numbers() {
        let (mut full, mut empty) = (server(), server());
        full.clients = Some(8);
        empty.clients = Some(0);
        assert!(!wants("\\full\\1", &full) && wants("\\full\\0", &full));
        assert!(!wants("\\empty\\1", &empty) && wants("\\noplayers\\1", &empty));
    }

    #[test]
    fn a_key_and_one_server_per_host_are_options() {
        let filter = Filter::read(b"\\gamedir\\valve\\key\\1a2b3c4d\\collapse_addr_hash\\1");
        assert_eq!(filter.key, Some(0x1a2b_3c4d));
        assert!(filter.one_per_host);
        assert_eq!(Filter::read(b"\\key\\zz").key, None);
    }

    #[test]
    fn a_filter_is_bounded() {
        let long = "\\map\\de_dust".repeat(1_000);
        assert_eq!(Filter::read(long.as_bytes()).conditions.len(), MOST);
    }

    #[test]
    fn patterns() {
        let table = [
            ("*", "", true),
            ("*", "x", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxc", false),
            ("ab*ba", "aba", false),
            ("abc", "ABC", true),
            ("", "x", false),
        ];
        for (pattern, text, is) in table {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }
}
