//! One server as the browser shows it. All its texts are safe for a terminal.

use bytes::Bytes;
use metaserve::{Fingerprint, ServerInfo};
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
    /// All columns, as they stand from left to right.
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
    /// Asked for each row at each drawing.
    players_width: usize,
    address_width: usize,
    /// The name in lower case, to sort by.
    name_key: String,
    /// Everything that a filter looks at, in lower case.
    haystack: String,
}

impl Row {
    /// A server with what it says of itself. The first address is the one to join by.
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
        row.haystack = Column::ALL.map(|column| row.cell(column)).join("\n");
        row.haystack = row.haystack.to_lowercase();
        row
    }

    /// What stands in a column. Empty when the server does not tell.
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

    /// How many terminal columns that takes.
    pub(crate) fn width(&self, column: Column) -> usize {
        match column {
            Column::Players => self.players_width,
            Column::Address => self.address_width,
            other => Span::raw(self.cell(other)).width(),
        }
    }

    /// What the server is called, or the size of a heartbeat in an encoding of its game's own.
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

    /// Whether each of `words`, in lower case, is somewhere in the row.
    pub(crate) fn matches(&self, words: &[String]) -> bool {
        words.iter().all(|word| self.haystack.contains(word))
    }

    /// The order by a column. What is not told comes last.
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
            // Most players first: they are what one looks for.
            Column::Players => other.players().cmp(&self.players()),
            Column::Address => self.addresses.cmp(&other.addresses),
            Column::Game | Column::Map | Column::Mode => {
                told_first(self.cell(column), other.cell(column))
            }
        }
    }

    /// All that is known, as titles and texts.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        let mut details = vec![("Name", self.name())];
        let mut tell = |title, text: Option<String>| details.extend(text.map(|text| (title, text)));
        tell("Game", Some(self.game.clone()));
        for (title, address) in ["Address", "Also at"].into_iter().zip(&self.addresses) {
            tell(title, Some(address.to_string()));
        }
        if let Some(info) = &self.info {
            tell(
                "Players",
                Some(self.cell(Column::Players)).filter(|text| !text.is_empty()),
            );
            tell("Map", info.map.clone());
            tell("Mode", info.mode.clone());
            tell("Version", info.version.clone());
            tell("Password", info.password.map(yes_or_no));
            tell("Started", info.started.map(yes_or_no));
            tell("Time left", info.time_left_seconds.map(minutes));
            let mods: Vec<String> = info.mods.iter().map(mod_name).collect();
            tell(
                "Mods",
                Some(mods.join(", ")).filter(|text| !text.is_empty()),
            );
            tell(
                "Legacy",
                info.legacy
                    .as_ref()
                    .map(|legacy| printable(&legacy.to_string())),
            );
        }
        let identity = self.identity.map(|identity| identity.to_string());
        tell(
            "Identity",
            Some(identity.unwrap_or_else(|| "none: known by its connection".into())),
        );
        tell("Heartbeat", Some(format!("{} bytes", self.heartbeat.len())));
        tell("Raw", Some(self.raw()));
        details
    }

    /// The beginning of the heartbeat; bytes other than printable ASCII are escaped.
    fn raw(&self) -> String {
        const LONGEST: usize = 1024;
        let begin = self.heartbeat.iter().take(LONGEST);
        let mut raw: String = begin.map(|byte| escaped(*byte)).collect();
        if self.heartbeat.len() > LONGEST {
            raw.push('…');
        }
        raw
    }
}

fn escaped(byte: u8) -> String {
    match byte {
        b'\\' => r"\\".into(),
        b' '..=b'~' => char::from(byte).into(),
        other => format!(r"\x{other:02x}"),
    }
}

/// A record with all its texts made safe.
fn shown(info: ServerInfo) -> ServerInfo {
    let text = |text: Option<String>| text.as_deref().map(printable);
    ServerInfo {
        name: printable_name(&info.name),
        map: text(info.map),
        mode: text(info.mode),
        version: text(info.version),
        ..info
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

fn minutes(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn mod_name(it: &metaserve::Mod) -> String {
    let version = it.version.as_deref().unwrap_or_default();
    printable(format!("{} {version}", it.name).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(heartbeat: &[u8]) -> Row {
        let address = "192.0.2.7:7777".parse().unwrap();
        Row::new(
            "tag",
            vec![address],
            None,
            Bytes::copy_from_slice(heartbeat),
        )
    }

    #[test]
    fn a_heartbeat_of_another_encoding_is_shown_by_its_size() {
        let row = row(b"\x00\xff\x1b[2J");
        assert_eq!(row.cell(Column::Name), "(6 bytes)");
        let details = row.details();
        assert!(
            details.contains(&("Raw", r"\x00\xff\x1b[2J".into())),
            "{details:?}"
        );
    }

    #[test]
    fn no_text_of_a_heartbeat_reaches_the_terminal_as_it_is() {
        let hostile = r#"{"name":"\u001b[2J","map":"\u001b]0;x\u0007","mode":"\r","version":"\u202e",
            "mods":[{"name":"\u001bc"}],"legacy":"\u009b31m"}"#;
        let row = row(hostile.as_bytes());
        let cells = Column::ALL.map(|column| row.cell(column)).into_iter();
        let texts = cells.chain(row.details().into_iter().map(|(_, text)| text));
        for text in texts {
            assert_eq!(text, printable(&text));
        }
    }

    #[test]
    fn long_heartbeats_are_cut() {
        let raw = row(&[b'x'; 5000]).raw();
        assert_eq!(raw.chars().count(), 1025);
    }

    #[test]
    fn all_that_a_server_tells_is_in_the_details() {
        let row = row(
            br#"{"name":"Dusty's","map":"dunes","mode":"ctf","players":3,"max_players":16,
            "password":true,"version":"1.2","mods":[{"name":"big","version":"2"},{"name":"fast"}],
            "started":false,"time_left_seconds":65,"legacy":{"id":5}}"#,
        );
        let details = row.details();
        for told in [
            ("Players", "3/16"),
            ("Password", "yes"),
            ("Started", "no"),
            ("Time left", "1:05"),
            ("Mods", "big 2, fast"),
            ("Legacy", r#"{"id":5}"#),
        ] {
            assert!(
                details.contains(&(told.0, told.1.into())),
                "{told:?} in {details:?}"
            );
        }
    }
}
