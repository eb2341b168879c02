//! What is set about the metaserver of Aleph One, as its [settings](aleph_one::Settings).

use std::{net::SocketAddr, str::FromStr, time::Duration};

use rustls::pki_types::ServerName;
use serde::Deserialize;

pub use crate::aleph_one::Config as MythConfig;
use crate::{
    accounts::{AccountOptions, Logs},
    aleph_one::{self, RoomRules, Rules, SecondLogin},
    cli::ConfigError,
    options::Options,
};

/// The port of the only room, if nothing else is said.
const ROOM_PORT: u16 = 6335;

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
        if rooms.iter().any(|room| room.rules.players == Some(0)) {
            return Err(ConfigError::NoPlayers);
        }
        let addresses = rooms.iter().map(|room| room.address).collect();
        let rooms = rooms.into_iter().map(|room| welcomed(room.rules, options));
        let certificate = match (&options.myth_cert, &options.myth_key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            _ => None,
        };
        let rules = Rules {
            rooms: rooms.collect(),
            public_address: options.myth_public_address,
            https: options.myth_https.is_some(),
            service: options.myth_service.clone(),
            second_login: options.myth_second_login.unwrap_or_default(),
            hub_hint: options.myth_hub_hint.unwrap_or(true),
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
            settings: aleph_one::Settings {
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
            https_limits: https_limits(options)?,
            hosts: hosts(options)?,
            // Accounts for strangers are something to be asked for.
            sign_up: options.myth_signup.unwrap_or(false),
            hide_native: options.myth_hide_native.clone(),
        }))
    }
}

fn https_limits(options: &Options) -> Result<aleph_one::https::Limits, ConfigError> {
    let defaults = aleph_one::https::Limits::default();
    let connections = options.myth_https_connections;
    Ok(aleph_one::https::Limits {
        connections: at_least_one(connections, defaults.connections)?,
        ..defaults
    })
}

/// The name that games have built in, and those of the operator's.
fn hosts(options: &Options) -> Result<Vec<String>, ConfigError> {
    let mut hosts = vec![aleph_one::https::HOST.to_owned()];
    for host in &options.myth_host {
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(ConfigError::NoHostName(host.clone()));
        }
        hosts.push(host.clone());
    }
    Ok(hosts)
}

fn limits(options: &Options) -> Result<aleph_one::Limits, ConfigError> {
    let defaults = aleph_one::Limits::default();
    let time = |option: Option<Duration>, default| option.unwrap_or(default);
    let keep_alive = time(options.myth_keep_alive, defaults.keep_alive);
    let per_address = options.myth_per_address.unwrap_or(defaults.users_per_host);
    let players = options.myth_players.unwrap_or(defaults.players);
    let rooms = options
        .myth_room
        .iter()
        .map(|room| room.rules.players.unwrap_or(players));
    // Everybody may come at once.
    let all = rooms.sum::<usize>().max(players);
    Ok(aleph_one::Limits {
        players,
        logins: at_least_one(options.myth_logins, defaults.logins)?,
        users: defaults.users.max(all + 1_000),
        users_per_host: per_address,
        seats: at_least_one(options.myth_connections, defaults.seats.max(all + 2_000))?,
        logins_per_host: match options.myth_per_address {
            Some(per_address) => per_address,
            None => defaults.logins_per_host,
        },
        seats_per_host: per_address.saturating_mul(2),
        keep_alive,
        kick_time: time(options.myth_kick_time, defaults.kick_time),
        ..defaults
    })
}

/// As set, which must not be nothing.
fn at_least_one(option: Option<usize>, default: usize) -> Result<usize, ConfigError> {
    match option {
        Some(0) => Err(ConfigError::NoPlayers),
        other => Ok(other.unwrap_or(default)),
    }
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
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            let table = Table::deserialize(toml::de::ValueDeserializer::parse(text).map_err(said)?);
            return table.map(Into::into).map_err(said);
        }
        let parts = text.rsplit_once('=').filter(|(name, _)| !name.is_empty());
        let (name, address) = parts.ok_or("write NAME=ADDR:PORT, such as `Arrival=[::]:6335`")?;
        let address = address.parse();
        let address =
            address.map_err(|_| "behind the name, write ADDR:PORT, such as `[::]:6335`")?;
        let rules = RoomRules::new(name);
        Ok(Self { address, rules })
    }
}

fn said(error: toml::de::Error) -> String {
    error.message().to_owned()
}

impl From<Table> for MythRoom {
    fn from(table: Table) -> Self {
        Self {
            address: table.address,
            rules: RoomRules {
                title: table.name,
                kind: table.kind as u16,
                players: table.players,
                guests: table.guests,
                welcome: table.welcome,
                guest_welcome: table.guest_welcome,
            },
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

#[cfg(test)]
mod tests {
    use super::*;
    use metaserve::program::settings::Given;

    fn parsed(file: &str) -> Result<MythConfig, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bridge.toml");
        std::fs::write(&path, file).unwrap();
        let settled = Given::<Options>::default().with_file(&path).settle();
        let options = settled.map_err(|mistakes| mistakes.to_string())?.settings;
        let config = MythConfig::of(&options).map_err(|error| error.to_string())?;
        Ok(config.expect("a metaserver"))
    }

    #[test]
    fn one_room_is_open_if_nothing_else_is_said() {
        let MythConfig { settings, .. } = parsed("myth = \"[::]:6321\"").unwrap();
        assert_eq!(settings.rooms, ["[::]:6335".parse().unwrap()]);
        assert_eq!(settings.rules.rooms, [RoomRules::new("Arrival")]);
        assert!(!settings.rules.https);
    }

    /// The example of the README.
    #[test]
    fn rooms_are_tables_or_words() {
        let readme = include_str!("../../README.md");
        let (_, example) = readme.split_once("```toml\nmyth = ").unwrap();
        let (example, _) = example.split_once("```").unwrap();
        let config = parsed(&format!("myth = {example}")).unwrap();
        let [open, members] = &config.settings.rules.rooms[..] else {
            panic!("two rooms");
        };
        assert_eq!((open.id(0), open.guests, open.welcome.len()), (0, true, 1));
        assert_eq!(
            (members.id(1), members.kind, members.players),
            (6, 1, Some(50))
        );
        assert_eq!(members.welcome.len(), 2, "its own after that of all");
        assert!(!members.guests);
        let words = parsed("myth = \"[::]:1\"\nmyth-room = [\"Tyr=127.0.0.1:7\"]").unwrap();
        assert_eq!(words.settings.rules.rooms, [RoomRules::new("Tyr")]);
    }

    #[test]
    fn what_is_set_is_what_is_used() {
        let config = parsed(
            "myth = \"[::]:1\"\nmyth-cert = \"c\"\nmyth-key = \"k\"\n\
             myth-log-private-messages = false\nmyth-second-login = \"displace\"",
        );
        let config = config.unwrap();
        assert_eq!(config.certificate, Some(("c".into(), "k".into())));
        let logs = config.accounts.logs;
        assert!(logs.chat && logs.events && logs.login_details && !logs.private_messages);
        let second = config.settings.rules.second_login;
        assert_eq!(second, SecondLogin::Displace);
        assert_eq!("refuse".parse(), Ok(SecondLogin::Refuse));
        assert!("Refuse".parse::<SecondLogin>().is_err());
    }

    #[test]
    fn as_many_as_the_rooms_hold_may_come_at_once() {
        let limits = |lines: &str| {
            let config = parsed(&format!("myth = \"[::]:1\"\n{lines}")).unwrap();
            config.settings.rules.limits
        };
        let all = |it: &aleph_one::Limits| (it.users, it.seats);
        assert_eq!(all(&limits("")), (5_000, 6_000));
        assert_eq!(all(&limits("myth-players = 10_000")), (11_000, 12_000));
        let some = limits(
            "myth-per-address = 7\nmyth-keep-alive = 1\nmyth-kick-time = \"2m\"\n\
             myth-logins = 3\nmyth-connections = 4",
        );
        let per_host = (
            some.users_per_host,
            some.logins_per_host,
            some.seats_per_host,
        );
        assert_eq!(per_host, (7, 7, 14));
        let times = (some.keep_alive, some.kick_time);
        assert_eq!(times, (Duration::from_secs(1), Duration::from_secs(120)));
        assert_eq!((some.logins, some.seats), (3, 4));
        let open = limits("");
        let per_host = (
            open.users_per_host,
            open.logins_per_host,
            open.seats_per_host,
        );
        assert_eq!(per_host, (128, 64, 256));
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_reason() {
        // (further line, what the error names)
        let table = [
            ("myth-players = 0", "choose 1 or more"),
            ("myth-per-address = 0", "choose 1 or more"),
            ("myth-logins = 0", "choose 1 or more"),
            ("myth-connections = 0", "choose 1 or more"),
            ("myth-https-connections = 0", "choose 1 or more"),
            ("myth-keep-alive = \"500ms\"", "choose 1s or more"),
            ("myth-cert = \"chain.pem\"", "myth-key"),
            ("myth-host = [\"not a name\"]", "not a name"),
            ("myth-room = [\"Arrival\"]", "NAME=ADDR:PORT"),
            ("myth-room = [\"Arrival=here\"]", "ADDR:PORT"),
            (
                "myth-room = [{ name = \"a\", address = \"[::]:2\", guest = true }]",
                "unknown field `guest`",
            ),
            ("myth-room = [{ name = \"a\" }]", "address"),
            ("myth-second-login = \"maybe\"", "displace"),
            ("myth-public-address = \"::1\"", "myth-public-address"),
            ("myth-hide-native = [\"some\"]", "fingerprint, an address"),
        ];
        for (line, named) in table {
            let error = parsed(&format!("myth = \"[::]:1\"\n{line}")).unwrap_err();
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn there_is_a_place_for_everybody_who_may_come() {
        let file =
            "myth = \"[::]:1\"\nmyth-players = 20000\nmyth-room = [\"a=[::]:2\", \"b=[::]:3\"]";
        let limits = parsed(file).unwrap().settings.rules.limits;
        assert!(limits.users >= 40_000 && limits.seats >= 40_000);
    }
}
