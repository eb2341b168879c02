//! The setting of one game server.

use super::Overrides;
use metaserve::{Game, ServerInfo, program::settings::Quantity};
use metaserve_query::{Protocol, Target};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{fmt::Write, ops::RangeInclusive, str::FromStr, time::Duration};

/// How often a game server may be asked.
pub(super) const INTERVALS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(600);

/// A game server as it is given: a target, or in a file a table.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenServer {
    name: Option<String>,
    query: Option<Target>,
    game: Option<Game>,
    port: Option<u16>,
    interval: Option<Duration>,
    overrides: Overrides,
}

/// A game server to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// What the log calls it, and where its identity is kept: 1 to 64 characters of
    /// `A-Za-z0-9._-`, not beginning with a dot; or [`Server::pushed_name`].
    pub name: String,
    /// How it is asked. `None`: it tells its state itself.
    pub query: Option<Target>,
    /// The game to be listed in.
    pub game: Game,
    /// The port that players join by.
    pub port: u16,
    /// How often it is asked.
    pub interval: Duration,
    /// What is published instead of what the server says.
    pub overrides: Overrides,
}

impl Server {
    /// The server of which nothing is known but its game and its port.
    #[must_use]
    pub fn pushed(game: Game, port: u16) -> Self {
        Self {
            name: Self::pushed_name(&game, port),
            query: None,
            game,
            port,
            interval: Duration::ZERO,
            overrides: Overrides::default(),
        }
    }

    /// The name of a server that is given none: `openarena@27960`. What cannot be in the name of a
    /// file is written as `%` and two digits, so that no two servers have the same name.
    #[must_use]
    pub fn pushed_name(game: &Game, port: u16) -> String {
        let mut name = String::new();
        for byte in game.as_str().bytes() {
            match byte {
                b'.' if name.is_empty() => name.push_str("%2E"),
                it if is_plain(it) => name.push(char::from(it)),
                it => {
                    let _ = write!(name, "%{it:02X}");
                }
            }
        }
        let _ = write!(name, "@{port}");
        name
    }

    /// Gives a record that has no name of the server's own the name that the operator has for it.
    /// Returns whether it was needed.
    pub(crate) fn name_if_untold(&self, info: &mut ServerInfo) -> bool {
        // The name that a query gives to a server without one: an address that no player can use.
        let address = self.query.as_ref().map(Target::authority);
        let is_untold = address.as_ref() == Some(&info.name);
        if is_untold {
            info.name.clone_from(&self.name);
        }
        is_untold
    }

    /// What the operator should know of a server whose name is not known.
    pub(crate) fn nameless(&self) -> String {
        let announced = match self.is_luanti(self.port) {
            true => ", until it announces itself, if its `serverlist_url` is the address of --push",
            false => "",
        };
        format!(
            "the game server tells its name to no query, and is listed as {:?}{announced}: give it \
             one with `override = {{ name = \"...\" }}`",
            self.name
        )
    }

    /// Whether it is asked as a Luanti server that has this port.
    pub(crate) fn is_luanti(&self, port: u16) -> bool {
        let asked = self
            .query
            .as_ref()
            .filter(|it| it.protocol == Protocol::Luanti);
        asked.is_some_and(|it| [self.port, it.port].contains(&port))
    }

    /// Why this server and the other one cannot both be published.
    pub(super) fn conflict(&self, other: &Self) -> Option<String> {
        if self.name == other.name {
            return Some(format!(
                "two servers have the name {}: give each a `name` of its own",
                self.name
            ));
        }
        let is_same = (&self.game, self.port) == (&other.game, other.port);
        is_same.then(|| {
            format!(
                "the servers {} and {} have the same game and port",
                other.name, self.name
            )
        })
    }
}

impl GivenServer {
    /// Fills in what is not given.
    pub(super) fn resolve(
        &self,
        game: Option<&Game>,
        interval: Duration,
    ) -> Result<Server, String> {
        let called = || match (&self.name, &self.query) {
            (Some(name), _) => name.clone(),
            (None, Some(target)) => target.to_string(),
            (None, None) => "without a name".to_owned(),
        };
        let game = self.game.as_ref().or(game).ok_or_else(|| {
            format!(
                "the server {} has no game: add `game`, or `--game`, such as `openarena`",
                called()
            )
        })?;
        let port = self
            .port
            .or(self.query.as_ref().map(|target| target.port))
            .ok_or_else(|| {
                format!(
                    "the server {} has neither `query` nor `port`: add the `port` that players \
                     join by",
                    called()
                )
            })?;
        let name = self.name.clone();
        Ok(Server {
            name: name.unwrap_or_else(|| Server::pushed_name(game, port)),
            query: self.query.clone(),
            game: game.clone(),
            port,
            interval: self.interval.unwrap_or(interval),
            overrides: self.overrides.clone(),
        })
    }
}

impl FromStr for GivenServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.starts_with('{') {
            let target = text.parse::<Target>().map_err(|error| error.to_string())?;
            return Ok(Self {
                name: None,
                query: Some(target),
                game: None,
                port: None,
                interval: None,
                overrides: Overrides::default(),
            });
        }
        let value = toml::de::ValueDeserializer::parse(text).map_err(|error| said(&error))?;
        let mut table = Map::deserialize(value).map_err(|error| said(&error))?;
        let server = Self {
            name: text_of(&mut table, "name", name)?,
            query: text_of(&mut table, "query", |it| {
                it.parse::<Target>().map_err(|error| error.to_string())
            })?,
            game: text_of(&mut table, "game", |it| {
                Game::new(it).map_err(|error| error.to_string())
            })?,
            port: table.remove("port").map(port).transpose()?,
            interval: table.remove("interval").map(interval).transpose()?,
            overrides: match table.remove("override") {
                Some(Value::Object(fields)) => {
                    Overrides::new(fields).map_err(|problem| format!("`override`: {problem}"))?
                }
                Some(_) => {
                    return Err(
                        "`override`: write a table, such as { name = \"Dusty's Arena\" }".into(),
                    );
                }
                None => Overrides::default(),
            },
        };
        match table.keys().next() {
            Some(unknown) => Err(format!(
                "`{unknown}` is not a setting of a server: these are name, query, game, port, \
                 interval and override"
            )),
            None => Ok(server),
        }
    }
}

fn said(error: &toml::de::Error) -> String {
    error.message().to_owned()
}

/// The text under `key`, as `read` understands it.
fn text_of<T>(
    table: &mut Map<String, Value>,
    key: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match table.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => match read(&text) {
            Ok(value) => Ok(Some(value)),
            Err(problem) => Err(format!("`{key}`: {problem}")),
        },
        Some(_) => Err(format!("`{key}`: write text in quotes")),
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// A name that is also the name of a directory.
fn name(text: &str) -> Result<String, String> {
    let fits = (1..=64).contains(&text.len());
    match fits && !text.starts_with('.') && text.bytes().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{text:?} cannot be the name of a directory: write 1 to 64 letters, digits, dots, \
             dashes and underscores, such as `arena-1`"
        )),
    }
}

fn port(value: Value) -> Result<u16, String> {
    let port = value.as_u64().and_then(|it| u16::try_from(it).ok());
    port.filter(|it| *it > 0)
        .ok_or_else(|| "`port`: write a number from 1 to 65535, without quotes".to_owned())
}

fn interval(value: Value) -> Result<Duration, String> {
    let read = match &value {
        Value::String(text) => Duration::read(text),
        Value::Number(seconds) => Duration::read(&seconds.to_string()),
        _ => Err("write a duration in quotes, such as \"5s\"".to_owned()),
    };
    let interval = read.map_err(|problem| format!("`interval`: {problem}"))?;
    match INTERVALS.contains(&interval) {
        true => Ok(interval),
        false => Err(format!(
            "`interval`: {} is out of range: choose {} to {}",
            interval.write(),
            INTERVALS.start().write(),
            INTERVALS.end().write()
        )),
    }
}
