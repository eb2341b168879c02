//! Which game is which: tags of heartbeats, names and protocols on the wire, and games of the
//! registry (`docs/specifications/quake3-master.md`, sections 3, 6 and 12).

use std::{collections::BTreeSet, str::FromStr};

use metaserve::Game;
use serde::Deserialize;
use toml::de::ValueDeserializer;

use super::info::{Description, Info, Kind};

/// The tag of servers that say which game they are in their infoResponse.
pub const NAMED: &str = "DarkPlaces";

/// Tags by which servers say that they end.
const FLATLINES: [(&str, &str); 2] = [("WolfFlatline-1", "wolfmp"), ("ETFlatline-1", "et")];

/// One game of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The game of the registry.
    pub game: Game,
    /// The game's name on the wire.
    pub name: String,
    /// Its protocols; the first one is that of servers of the registry that name none. None means
    /// any protocol.
    pub protocols: Vec<i64>,
    /// The tag of its heartbeats, unless that is [`NAMED`].
    pub heartbeat: Option<String>,
    /// Only servers with this modification (the key `game`).
    pub modification: Option<String>,
    /// Protocols by which clients ask for this game without its name.
    pub asked_by: Vec<i64>,
    /// Whether empty and full servers are always in its lists.
    pub shows_all: bool,
}

/// A game as a table in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    game: String,
    name: Option<String>,
    #[serde(default)]
    protocols: Vec<i64>,
    heartbeat: Option<String>,
    #[serde(rename = "mod")]
    modification: Option<String>,
    #[serde(default)]
    asked_by: Vec<i64>,
    #[serde(default)]
    all: bool,
}

impl TryFrom<Table> for Row {
    type Error = String;

    fn try_from(table: Table) -> Result<Self, String> {
        let game: Game = table.game.parse().map_err(|error| format!("{error}"))?;
        Ok(Self {
            name: table.name.unwrap_or_else(|| game.as_str().to_owned()),
            game,
            protocols: table.protocols,
            heartbeat: table.heartbeat.filter(|tag| tag != NAMED),
            modification: table.modification,
            asked_by: table.asked_by,
            shows_all: table.all,
        })
    }
}

/// A game in words: `GAME name=NAME protocol=N,N heartbeat=TAG`.
impl FromStr for Row {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            let table = ValueDeserializer::parse(text).and_then(Table::deserialize);
            return table
                .map_err(|error| error.message().to_owned())?
                .try_into();
        }
        let mut words = text.split_ascii_whitespace();
        let game = words
            .next()
            .ok_or("write the game's tag first, such as `warsow name=Warsow`")?;
        let game: Game = game.parse().map_err(|error| format!("{error}"))?;
        let mut row = Self {
            name: game.as_str().to_owned(),
            game,
            protocols: Vec::new(),
            heartbeat: None,
            modification: None,
            asked_by: Vec::new(),
            shows_all: false,
        };
        let numbers = |text: &str| -> Result<Vec<i64>, String> {
            let number = |it: &str| {
                it.parse()
                    .map_err(|_| format!("`{it}` is no protocol number"))
            };
            text.split(',').map(number).collect()
        };
        for word in words {
            match word.split_once('=') {
                Some((_, "")) => return Err(format!("`{word}` has no value")),
                Some(("name", name)) => name.clone_into(&mut row.name),
                Some(("protocol", all)) => row.protocols = numbers(all)?,
                Some(("heartbeat", NAMED)) => row.heartbeat = None,
                Some(("heartbeat", tag)) => row.heartbeat = Some(tag.to_owned()),
                Some(("mod", it)) => row.modification = Some(it.to_owned()),
                Some(("asked-by", all)) => row.asked_by = numbers(all)?,
                None if word == "all" => row.shows_all = true,
                _ => {
                    return Err(format!(
                        "`{word}` is none of name=NAME, protocol=N,N, heartbeat=TAG, mod=NAME, \
                         asked-by=N,N and all"
                    ));
                }
            }
        }
        Ok(row)
    }
}

/// The games that are known without a setting. Of rows for the same server, the first counts.
const BUILT_IN: [&str; 20] = [
    "openarena name=Quake3Arena protocol=71 heartbeat=QuakeArena-1",
    "urbanterror name=Quake3Arena protocol=68 heartbeat=QuakeArena-1 mod=q3ut4",
    "quake3 name=Quake3Arena protocol=68,67,66 heartbeat=QuakeArena-1 asked-by=66,67,68",
    "tremulous name=Quake3Arena protocol=69 heartbeat=QuakeArena-1",
    "quake3 name=Quake3Arena heartbeat=QuakeArena-1",
    "rtcw name=wolfmp protocol=60,59,50 heartbeat=Wolfenstein-1 asked-by=50,59,60",
    "rtcw name=wolfmp heartbeat=Wolfenstein-1",
    "et name=et protocol=84,83,82,80,72 heartbeat=EnemyTerritory-1 asked-by=72,80,83,84 all",
    "et name=et heartbeat=EnemyTerritory-1",
    "nexuiz name=Nexuiz protocol=3",
    "xonotic name=Xonotic protocol=3",
    "warsow name=Warsow protocol=22",
    "warfork name=Warfork protocol=23",
    "unvanquished name=UNVANQUISHED protocol=86",
    "wop name=WorldofPadman protocol=71",
    "turtlearena name=TurtleArena protocol=11",
    "q3rally name=Q3Rally protocol=71",
    "doombringer name=DOOMBRINGER protocol=3",
    "smokinguns name=SmokinGuns protocol=68",
    "iortcw name=iortcw protocol=60",
];

/// What the tag of a heartbeat says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag<'a> {
    /// The server is there; if the tag stands for one game, its name.
    Alive(Option<&'a str>),
    /// The server of this game ends.
    Ends(&'a str),
}

/// The table of games, and which of them are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Games {
    rows: Vec<Row>,
    /// The tag of servers that say which game they are in their answer.
    named: &'static str,
    /// Names of the only games that are accepted; `None` for all.
    accepted: Option<BTreeSet<String>>,
    /// Names of games that are not accepted.
    rejected: BTreeSet<String>,
}

impl Default for Games {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Games {
    /// The operator's rows, and then the built-in ones.
    #[must_use]
    pub fn new(rows: Vec<Row>) -> Self {
        let built_in = BUILT_IN.iter().filter_map(|row| row.parse().ok());
        Self {
            rows: rows.into_iter().chain(built_in).collect(),
            named: NAMED,
            accepted: None,
            rejected: BTreeSet::new(),
        }
    }

    /// These rows, without the built-in ones. Servers with the tag `named` say which game they are.
    pub(super) const fn only(rows: Vec<Row>, named: &'static str) -> Self {
        Self {
            rows,
            named,
            accepted: None,
            rejected: BTreeSet::new(),
        }
    }

    /// Accepts only games of these names on the wire (all if there is none), and none of those.
    #[must_use]
    pub fn policy(mut self, accepted: &[String], rejected: &[String]) -> Self {
        let accepted: BTreeSet<_> = accepted.iter().cloned().collect();
        self.accepted = (!accepted.is_empty()).then_some(accepted);
        self.rejected = rejected.iter().cloned().collect();
        self
    }

    /// Whether servers of the game with this name are listed.
    #[must_use]
    pub fn accepts(&self, name: &str) -> bool {
        let accepted = self.accepted.as_ref();
        accepted.is_none_or(|all| all.contains(name)) && !self.rejected.contains(name)
    }

    /// What a tag says; `None` if it is unknown, or that of a game that is not accepted.
    #[must_use]
    pub fn tag(&self, tag: &str) -> Option<Tag<'_>> {
        if tag == self.named {
            return Some(Tag::Alive(None));
        }
        if let Some((_, game)) = FLATLINES.iter().find(|(it, _)| *it == tag) {
            return Some(Tag::Ends(game));
        }
        let is_tag = |row: &&Row| row.heartbeat.as_deref() == Some(tag);
        let name = &*self.rows.iter().find(is_tag)?.name;
        self.accepts(name).then_some(Tag::Alive(Some(name)))
    }

    /// The name of the game that clients mean by this protocol alone.
    #[must_use]
    pub fn of_protocol(&self, protocol: i64) -> Option<&str> {
        let row = self
            .rows
            .iter()
            .find(|row| row.asked_by.contains(&protocol))?;
        Some(&row.name)
    }

    /// Whether empty and full servers are always in the lists of the game with this name.
    #[must_use]
    pub fn shows_all(&self, name: &str) -> bool {
        self.rows
            .iter()
            .any(|row| row.name == name && row.shows_all)
    }

    /// The game of the registry that a server belongs to. A name that is not in the table is the
    /// game itself, in small letters.
    #[must_use]
    pub fn game(&self, server: &Description) -> Option<Game> {
        let info = &server.info;
        let fits = |row: &&Row| {
            row.name == info.gamename
                && (row.protocols.is_empty() || row.protocols.contains(&info.protocol))
                && row
                    .modification
                    .as_ref()
                    .is_none_or(|it| server.modification.as_ref() == Some(it))
        };
        let row = self.rows.iter().find(fits);
        row.map(|row| row.game.clone())
            .or_else(|| Game::new(&info.gamename.to_lowercase()).ok())
    }

    /// How clients find servers of a game of the registry that do not say it themselves: name,
    /// kind and protocol. `None` if the game is not in the table.
    #[must_use]
    pub fn wire(&self, game: &Game) -> Option<Info> {
        let row = self
            .rows
            .iter()
            .find(|row| row.game == *game && !row.protocols.is_empty())?;
        Some(Info {
            gamename: row.name.clone(),
            kind: match row.heartbeat {
                Some(_) => Kind::Anonymous,
                None => Kind::Named,
            },
            protocol: *row.protocols.first()?,
            gametype: "0".to_owned(),
            clients: None,
            max_clients: None,
            facts: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_row_can_be_read() {
        for row in BUILT_IN {
            row.parse::<Row>().unwrap();
        }
        assert_eq!(Games::default().rows.len(), BUILT_IN.len());
    }

    #[test]
    fn tags_say_which_game_it_is() {
        let games = Games::default();
        let table = [
            ("DarkPlaces", Some(Tag::Alive(None))),
            ("QuakeArena-1", Some(Tag::Alive(Some("Quake3Arena")))),
            ("Wolfenstein-1", Some(Tag::Alive(Some("wolfmp")))),
            ("EnemyTerritory-1", Some(Tag::Alive(Some("et")))),
            ("ETFlatline-1", Some(Tag::Ends("et"))),
            ("Warsow", None),
            ("quakearena-1", None),
        ];
        for (tag, says) in table {
            assert_eq!(games.tag(tag), says, "{tag}");
        }
        let row = "warsow name=Warsow heartbeat=Warsow protocol=22"
            .parse()
            .unwrap();
        let games = Games::new(vec![row]);
        assert_eq!(games.tag("Warsow"), Some(Tag::Alive(Some("Warsow"))));
    }

    #[test]
    fn a_policy_names_games() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let games = Games::default().policy(&names(&["Xonotic"]), &[]);
        assert!(games.accepts("Xonotic") && !games.accepts("Nexuiz"));
        assert_eq!(games.tag("QuakeArena-1"), None);
        assert_eq!(games.tag(NAMED), Some(Tag::Alive(None)), "it says nothing");
        let games = Games::default().policy(&[], &names(&["Xonotic"]));
        assert!(!games.accepts("Xonotic") && games.accepts("Nexuiz"));
    }

    #[test]
    fn mistakes_in_a_row_are_named() {
        for (row, mistake) in [
            ("", "tag first"),
            ("x protocol=a", "`a` is no protocol number"),
            ("x nonsense", "`nonsense` is none of"),
            ("x name=", "has no value"),
        ] {
            let error = row.parse::<Row>().unwrap_err();
            assert!(error.contains(mistake), "{error}");
        }
    }
}
