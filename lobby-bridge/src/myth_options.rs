//! What is set about the metaserver of Aleph One, as its [settings](myth::Settings).

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::{
    accounts::{AccountOptions, Logs},
    cli::ConfigError,
    myth::{self, RoomRules, Rules, SecondLogin},
    options::Options,
};

/// The port of the only room, if nothing else is said.
const ROOM_PORT: u16 = 6335;

/// The shortest time after which players are asked for a sign of life.
const LEAST_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// A metaserver with all that belongs to it.
#[derive(Clone, Debug)]
pub struct MythConfig {
    /// The metaserver itself.
    pub settings: myth::Settings,
    /// Where its accounts, hubs and logs are; `None` for the file in the state directory.
    pub database: Option<String>,
    /// How they are guarded, and what is logged.
    pub accounts: AccountOptions,
    /// Where logins are served over HTTPS, if they are.
    pub https: Option<SocketAddr>,
    /// Certificate chain and key for that; `None` for one of its own.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Whether players may make accounts there.
    pub sign_up: bool,
}

/// A room: `NAME=ADDR:PORT`, or in a file also a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MythRoom {
    /// Where it listens.
    pub address: SocketAddr,
    /// The rest.
    pub rules: RoomRules,
}

/// A room in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    name: String,
    address: SocketAddr,
    #[serde(default)]
    kind: Kind,
    players: Option<usize>,
    #[serde(default = "yes")]
    guests: bool,
    #[serde(default)]
    welcome: Vec<String>,
    #[serde(default)]
    guest_welcome: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Normal = 0,
    Ranked = 1,
    Tournament = 2,
}

fn yes() -> bool {
    true
}

impl MythConfig {
    /// What `options` say; `None` if no metaserver is to run.
    pub(crate) fn of(options: &Options) -> Result<Option<Self>, ConfigError> {
        let Some(login) = options.myth else {
            return Ok(None);
        };
        let mut rooms = options.myth_room.clone();
        if rooms.is_empty() {
            rooms.push(MythRoom {
                address: SocketAddr::new(login.ip(), ROOM_PORT),
                rules: RoomRules::new("Arrival"),
            });
        }
        let limits = limits(options)?;
        if rooms.iter().any(|room| room.rules.players == Some(0)) || limits.players == 0 {
            return Err(ConfigError::NoPlayers);
        }
        let addresses = rooms.iter().map(|room| room.address).collect();
        let rooms = rooms.into_iter().map(|room| welcomed(room.rules, options));
        let certificate = match (&options.myth_cert, &options.myth_key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            _ => return Err(ConfigError::HalfACertificate),
        };
        let rules = Rules {
            rooms: rooms.collect(),
            public_address: options.myth_public_address,
            https: options.myth_https.is_some(),
            service: options.myth_service.clone(),
            second_login: options.myth_second_login.unwrap_or_default(),
            announce_counts: options.myth_announce_counts.unwrap_or(false),
            limits,
        };
        let wanted = |option: Option<bool>| option.unwrap_or(true);
        let logs = Logs {
            chat: wanted(options.myth_log_chat),
            private_messages: wanted(options.myth_log_private_messages),
            events: wanted(options.myth_log_events),
            login_details: wanted(options.myth_log_login_details),
        };
        Ok(Some(Self {
            settings: myth::Settings {
                login,
                rooms: addresses,
                rules,
            },
            database: options.database.clone(),
            accounts: AccountOptions {
                logs,
                ..AccountOptions::default()
            },
            https: options.myth_https,
            certificate,
            // Accounts for strangers are something to be asked for.
            sign_up: options.myth_signup.unwrap_or(false),
        }))
    }
}

fn limits(options: &Options) -> Result<myth::Limits, ConfigError> {
    let defaults = myth::Limits::default();
    let time = |option: Option<crate::options::Seconds>, default| option.map_or(default, |it| it.0);
    let keep_alive = time(options.myth_keep_alive, defaults.keep_alive);
    if keep_alive < LEAST_KEEP_ALIVE {
        return Err(ConfigError::FrequentKeepAlive(keep_alive));
    }
    let per_address = options.myth_per_address.unwrap_or(defaults.seats_per_host);
    if per_address == 0 {
        return Err(ConfigError::NoPlayers);
    }
    let players = options.myth_players.unwrap_or(defaults.players);
    let rooms = options
        .myth_room
        .iter()
        .map(|room| room.rules.players.unwrap_or(players));
    // Everybody may come at once.
    let all = rooms.sum::<usize>().max(players);
    Ok(myth::Limits {
        players,
        users: defaults.users.max(all + 1_000),
        seats: defaults.seats.max(all + 2_000),
        logins_per_host: match options.myth_per_address {
            Some(per_address) => per_address,
            None => defaults.logins_per_host,
        },
        seats_per_host: per_address,
        keep_alive,
        kick_time: time(options.myth_kick_time, defaults.kick_time),
        ..defaults
    })
}

/// A room with the lines for all rooms before its own.
fn welcomed(mut rules: RoomRules, options: &Options) -> RoomRules {
    rules.welcome.splice(..0, options.myth_welcome.clone());
    rules
        .guest_welcome
        .splice(..0, options.myth_guest_welcome.clone());
    rules
}

impl FromStr for MythRoom {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.rsplit_once('=').filter(|(name, _)| !name.is_empty());
        let (name, address) = parts.ok_or("write NAME=ADDR:PORT, such as `Arrival=[::]:6335`")?;
        let address = address.parse();
        let address =
            address.map_err(|_| "behind the name, write ADDR:PORT, such as `[::]:6335`")?;
        let rules = RoomRules::new(name);
        Ok(Self { address, rules })
    }
}

impl<'de> Deserialize<'de> for MythRoom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Table(Table),
        }
        match Either::deserialize(deserializer)? {
            Either::Text(text) => text.parse().map_err(de::Error::custom),
            Either::Table(table) => Ok(Self {
                address: table.address,
                rules: RoomRules {
                    title: table.name,
                    kind: table.kind as u16,
                    players: table.players,
                    guests: table.guests,
                    welcome: table.welcome,
                    guest_welcome: table.guest_welcome,
                },
            }),
        }
    }
}

impl FromStr for SecondLogin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "displace" => Ok(Self::Displace),
            _ => Err("write `refuse` or `displace`"),
        }
    }
}

impl<'de> Deserialize<'de> for SecondLogin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
