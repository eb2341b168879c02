//! What is known of one server, as titles and texts.

use super::{Column, Row};
use metaserve::{Mod, Player};
use metaserve_examples::printable;
use serde_json::Value;

/// The longest text that is shown, in characters.
const LONGEST: usize = 1024;

impl Row {
    /// All that is known, as titles and texts.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        let mut details = vec![("Name", self.name())];
        let mut tell = |title, text: Option<String>| details.extend(text.map(|text| (title, text)));
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        tell("Game", Some(self.game.clone()));
        for (title, address) in ["Address", "Also at"].into_iter().zip(&self.addresses) {
            tell(title, Some(address.to_string()));
        }
        if let Some(info) = &self.info {
            tell("Players", some(self.cell(Column::Players)));
            tell("Map", info.map.clone());
            tell("Mode", info.mode.clone());
            tell("Version", info.version.clone());
            tell("Password", info.password.map(yes_or_no));
            tell("Started", info.started.map(yes_or_no));
            tell("Time left", info.time_left_seconds.map(minutes));
            tell("Region", info.region.clone());
            tell("Website", info.website.clone());
            tell("Tags", some(info.tags.join(", ")));
            tell("About", info.description.clone());
            tell("Mods", some(joined(&info.mods, mod_name)));
            tell("Playing", some(joined(&info.player_list, player)));
            tell("Legacy", info.legacy.as_ref().map(json));
            let other = (!info.other.is_empty()).then(|| Value::Object(info.other.clone()));
            tell("Other", other.as_ref().map(json));
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

/// The beginning of a value that this program does not understand.
fn json(value: &Value) -> String {
    let mut text = printable(&value.to_string());
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.into()
}

fn minutes(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn joined<T>(items: &[T], show: impl Fn(&T) -> String) -> String {
    let texts: Vec<String> = items.iter().map(show).collect();
    texts.join(", ")
}

fn mod_name(it: &Mod) -> String {
    let version = it.version.as_deref().unwrap_or_default();
    format!("{} {version}", it.name).trim().to_owned()
}

/// Such as `Ana 12 (red)`.
fn player(it: &Player) -> String {
    let score = it.score.map(|score| format!(" {score}"));
    let team = it.team.as_ref().map(|team| format!(" ({team})"));
    let [score, team] = [score, team].map(Option::unwrap_or_default);
    format!("{}{score}{team}", it.name)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::row, *};

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
        let texts = [
            "name",
            "map",
            "mode",
            "version",
            "region",
            "description",
            "website",
        ];
        let mut record = serde_json::json!({
            "tags": ["\u{1b}[1m"], "mods": [{ "name": "\u{1b}c", "version": "\u{202e}" }],
            "player_list": [{ "name": "\u{1b}[2J", "team": "\u{9b}31m" }],
            "legacy": "\u{9b}31m", "\u{1b}]0;other": { "\u{202e}": "\u{9b}" },
        });
        for (field, text) in texts
            .into_iter()
            .zip(["\u{1b}[2J", "\r", "\u{202e}"].iter().cycle())
        {
            record[field] = (*text).into();
        }
        let row = row(record.to_string().as_bytes());
        let cells = Column::ALL.map(|column| row.cell(column)).into_iter();
        let details = row.details();
        for title in ["Tags", "Mods", "Playing", "Legacy", "Other", "About"] {
            assert!(details.iter().any(|(it, _)| *it == title), "{title}");
        }
        let texts = cells.chain(details.into_iter().map(|(_, text)| text));
        for text in texts {
            assert_eq!(text, printable(&text));
        }
    }

    #[test]
    fn long_heartbeats_are_cut() {
        let raw = row(&[b'x'; 5000]).raw();
        assert_eq!(raw.chars().count(), LONGEST + 1);
        let long = row(format!(r#"{{"name":"a","x":"{}"}}"#, "ä".repeat(5000)).as_bytes());
        let other = long
            .details()
            .into_iter()
            .find(|(title, _)| *title == "Other");
        assert_eq!(other.unwrap().1.chars().count(), LONGEST + 1);
    }

    #[test]
    fn all_that_a_server_says_is_in_the_details() {
        let row = row(
            br#"{"name":"Dusty's","map":"dunes","mode":"ctf","players":3,"max_players":16,
            "password":true,"version":"1.2","mods":[{"name":"big","version":"2"},{"name":"fast"}],
            "started":false,"time_left_seconds":65,"legacy":{"id":5},"region":"eu",
            "description":"A nice place","website":"https://example.org","tags":["a","b"],
            "player_list":[{"name":"Ana","score":-3,"team":"red"},{"name":"Bo"}],"ping":7}"#,
        );
        let details = row.details();
        for told in [
            ("Players", "3/16"),
            ("Password", "yes"),
            ("Started", "no"),
            ("Time left", "1:05"),
            ("Region", "eu"),
            ("Website", "https://example.org"),
            ("Tags", "a, b"),
            ("About", "A nice place"),
            ("Mods", "big 2, fast"),
            ("Playing", "Ana -3 (red), Bo"),
            ("Legacy", r#"{"id":5}"#),
            ("Other", r#"{"ping":7}"#),
        ] {
            assert!(
                details.contains(&(told.0, told.1.into())),
                "{told:?} in {details:?}"
            );
        }
    }
}
