//! The setting of one room.

use std::{net::SocketAddr, str::FromStr};

use serde::Deserialize;

use crate::aleph_one::RoomRules;

/// A room: `NAME=ADDR:PORT`, or in a file also a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its other settings.
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

impl FromStr for Room {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            let table = Table::deserialize(toml::de::ValueDeserializer::parse(text).map_err(said)?);
            let room = Self::from(table.map_err(said)?);
            return match room.rules.players {
                Some(0) => Err("`players` is 0: choose 1 or more".to_owned()),
                _ => Ok(room),
            };
        }
        let parts = text.rsplit_once('=').filter(|(name, _)| !name.is_empty());
        let (name, address) = parts.ok_or("write NAME=ADDR:PORT, such as `Arrival=[::]:6335`")?;
        let address = address.parse();
        let address =
            address.map_err(|_| "after the name, write ADDR:PORT, such as `[::]:6335`")?;
        let rules = RoomRules::new(name);
        Ok(Self { address, rules })
    }
}

fn said(error: toml::de::Error) -> String {
    error.message().to_owned()
}

impl From<Table> for Room {
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

fn yes() -> bool {
    true
}
