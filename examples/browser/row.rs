//! One server as the browser shows it. All its texts are safe for a terminal.

mod details;

use bytes::Bytes;
use metaserve::{Fingerprint, Mod, Player, ServerInfo};
use metaserve_examples::{printable, printable_name};
use ratatui::text::Span;
use std::{cmp::Ordering, net::SocketAddr};

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Game,
    Players,
    Map,
    Mode,
    Address,
}

impl Column {
    /// All columns, from left to right.
    pub(crate) const ALL: [Self; 6] = [
        Self::Name,
        Self::Game,
        Self::Players,
        Self::Map,
        Self::Mode,
        Self::Address,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Game => "Game",
            Self::Players => "Players",
            Self::Map => "Map",
            Self::Mode => "Mode",
            Self::Address => "Address",
        }
    }
}

/// One server.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    game: String,
    addresses: Vec<SocketAddr>,
    identity: Option<Fingerprint>,
    heartbeat: Bytes,
    info: Option<ServerInfo>,
    /// Needed for each row whenever the screen is drawn.
    players_width: usize,
    address_width: usize,
    /// The name in lower case, to sort by.
    name_key: String,
    /// Everything that a filter searches, in lower case.
    haystack: String,
}

impl Row {
    /// A server with its heartbeat. Players join at the first address.
    pub(crate) fn new(
        game: &str,
        addresses: Vec<SocketAddr>,
        identity: Option<Fingerprint>,
        heartbeat: Bytes,
    ) -> Self {
        let info = ServerInfo::from_json(&heartbeat).map(shown);
        let mut row = Self {
            game: printable(game),
            addresses,
            identity,
            heartbeat,
            info,
            players_width: 0,
            address_width: 0,
            name_key: String::new(),
            haystack: String::new(),
        };
        row.players_width = row.cell(Column::Players).len();
        row.address_width = row.cell(Column::Address).len();
        row.name_key = row.name().to_lowercase();
        let mut texts = Column::ALL.map(|column| row.cell(column)).to_vec();
        if let Some(info) = &row.info {
            texts.extend(info.region.iter().chain(&info.tags).cloned());
        }
        row.haystack = texts.join("\n").to_lowercase();
        row
    }

    /// The text in a column. Empty when the server does not say.
    pub(crate) fn cell(&self, column: Column) -> String {
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let info = self.info.as_ref();
        match column {
            Column::Name => self.name(),
            Column::Game => self.game.clone(),
            Column::Players => info.and_then(|info| info.occupancy()).unwrap_or_default(),
            Column::Map => text(info.and_then(|info| info.map.as_ref())),
            Column::Mode => text(info.and_then(|info| info.mode.as_ref())),
            Column::Address => self
                .addresses
                .first()
                .map_or_else(String::new, SocketAddr::to_string),
        }
    }

    /// The width of that text on the terminal.
    pub(crate) fn width(&self, column: Column) -> usize {
        match column {
            Column::Players => self.players_width,
            Column::Address => self.address_width,
            other => Span::raw(self.cell(other)).width(),
        }
    }

    /// The name of the server, or the size of its heartbeat if that is not a `ServerInfo`.
    fn name(&self) -> String {
        match &self.info {
            Some(info) => info.name.clone(),
            None => format!("({} bytes)", self.heartbeat.len()),
        }
    }

    pub(crate) fn players(&self) -> Option<u32> {
        self.info.as_ref()?.players
    }

    pub(crate) fn max_players(&self) -> Option<u32> {
        self.info.as_ref()?.max_players
    }

    pub(crate) fn needs_password(&self) -> bool {
        self.info.as_ref().and_then(|info| info.password) == Some(true)
    }

    /// Whether the row has each of `words`, which are in lower case.
    pub(crate) fn matches(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.haystack.contains(word))
    }

    /// The order by a column. Servers that do not say come last.
    pub(crate) fn order(&self, other: &Self, column: Column) -> Ordering {
        let told_first = |ours: String, theirs: String| {
            let key = |text: String| (text.is_empty(), text.to_lowercase());
            key(ours).cmp(&key(theirs))
        };
        match column {
            Column::Name => {
                let key = |row: &Self| row.info.is_none();
                let named = key(self).cmp(&key(other));
                named.then_with(|| self.name_key.cmp(&other.name_key))
            }
            // Most players first: players look for those.
            Column::Players => other.players().cmp(&self.players()),
            Column::Address => self.addresses.cmp(&other.addresses),
            Column::Game | Column::Map | Column::Mode => {
                told_first(self.cell(column), other.cell(column))
            }
        }
    }
}

/// A record with its texts made safe. `legacy` and `other` are made safe where they are shown.
fn shown(info: ServerInfo) -> ServerInfo {
    let text = |text: Option<String>| text.as_deref().map(printable);
    let mods = info.mods.iter().map(|it| Mod {
        version: it.version.as_deref().map(printable),
        ..Mod::new(printable_name(&it.name))
    });
    let players = info.player_list.iter().map(|it| Player {
        score: it.score,
        team: it.team.as_deref().map(printable),
        ..Player::new(printable_name(&it.name))
    });
    ServerInfo {
        name: printable_name(&info.name),
        map: text(info.map),
        mode: text(info.mode),
        version: text(info.version),
        mods: mods.collect(),
        region: text(info.region),
        description: text(info.description),
        website: text(info.website),
        tags: info.tags.iter().map(|tag| printable(tag)).collect(),
        player_list: players.collect(),
        ..info
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says this.
    pub(super) fn row(heartbeat: &[u8]) -> Row {
        let address = "192.0.2.7:7777".parse().unwrap();
        Row::new(
            "tag",
            vec![address],
            None,
            Bytes::copy_from_slice(heartbeat),
        )
    }

    #[test]
    fn a_filter_finds_regions_and_tags() {
        let row = row(br#"{"name":"Dusty's","region":"Frankfurt","tags":["No-Lag"]}"#);
        let finds = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            row.matches(&words)
        };
        assert!(finds(&["frankfurt", "no-lag"]) && !finds(&["no-lag", "asia"]));
    }
}
