//! Converts a game server's answer into the record for the list. Pure.

use gamedig::protocols::{
    GenericResponse,
    quake::{self, VersionedResponse},
    types::CommonResponse,
};
use metaserve::ServerInfo;
use serde_json::Value;
use std::collections::HashMap;

/// The longest published text, in characters: descriptions can be pages long, and a heartbeat is
/// sent to every client.
const MAX_CHARS: usize = 200;

/// The record to publish. Its name is empty if the server has none.
pub(crate) fn server_info(answer: &dyn CommonResponse) -> ServerInfo {
    let name = answer.name().or(answer.description()).unwrap_or_default();
    let bots = answer.players_bots().unwrap_or(0);
    let info = ServerInfo {
        name: shown(name),
        map: text(answer.map()),
        mode: text(answer.game_mode()),
        players: Some(answer.players_online().saturating_sub(bots)),
        max_players: Some(answer.players_maximum()),
        password: answer.has_password(),
        version: text(answer.game_version()),
        ..ServerInfo::default()
    };
    match answer.as_original() {
        GenericResponse::Quake(answer) => with_quake_settings(info, settings(&answer)),
        GenericResponse::Minecraft(_) => ServerInfo {
            name: shown(&without_codes(&chat_text(name), '§')),
            ..info
        },
        _ => info,
    }
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(shown).filter(|text| !text.is_empty())
}

fn shown(text: &str) -> String {
    text.trim().chars().take(MAX_CHARS).collect()
}

fn settings<'a>(answer: &VersionedResponse<'a>) -> &'a HashMap<String, String> {
    match answer {
        VersionedResponse::One(quake::Response { unused_entries, .. }) => unused_entries,
        VersionedResponse::TwoAndThree(quake::Response { unused_entries, .. }) => unused_entries,
    }
}

/// Adds values that Quake servers only have among their settings.
fn with_quake_settings(info: ServerInfo, settings: &HashMap<String, String>) -> ServerInfo {
    let get = |key: &str| settings.get(key).map(String::as_str);
    let mode = match (get("gamename"), get("g_gametype")) {
        (Some("baseq3" | "baseoa" | "missionpack"), Some(number)) => Some(quake3_mode(number)),
        (game, _) => game.map(str::to_owned),
    };
    ServerInfo {
        name: without_codes(&info.name, '^'),
        mode,
        password: get("g_needpass").map(|flag| flag != "0"),
        ..info
    }
}

/// The names of Quake 3's game types, which games based on it share. Modifications use other
/// numbers.
fn quake3_mode(number: &str) -> String {
    match number {
        "0" => "deathmatch".into(),
        "1" => "tournament".into(),
        "3" => "team deathmatch".into(),
        "4" => "capture the flag".into(),
        "5" => "one flag".into(),
        "6" => "overload".into(),
        "7" => "harvester".into(),
        other => format!("type {}", shown(other)),
    }
}

/// The text of a Minecraft description, which is a JSON string or a tree of styled parts.
fn chat_text(description: &str) -> String {
    fn collect(part: &Value, text: &mut String) {
        match part {
            Value::String(plain) => text.push_str(plain),
            Value::Array(parts) => parts.iter().for_each(|part| collect(part, text)),
            Value::Object(part) => {
                let parts = [part.get("text"), part.get("extra")];
                parts
                    .into_iter()
                    .flatten()
                    .for_each(|part| collect(part, text));
            }
            _ => {}
        }
    }
    let Ok(tree) = serde_json::from_str(description) else {
        return description.to_owned();
    };
    let mut text = String::new();
    collect(&tree, &mut text);
    text
}

/// Removes colour codes: `mark` and the letter or digit that follows it.
fn without_codes(text: &str, mark: char) -> String {
    let mut plain = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let code = c == mark && rest.next_if(char::is_ascii_alphanumeric).is_some();
        if !code {
            plain.push(c);
        }
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamedig::minecraft::{JavaResponse, Server};

    fn quake3(settings: &[(&str, &str)]) -> ServerInfo {
        let settings = settings
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        server_info(&quake::Response::<quake::two::Player> {
            name: "^1Dusty's ^7Arena".into(),
            map: "oa_dm1".into(),
            players: Vec::new(),
            players_online: 0,
            players_maximum: 11,
            game_version: Some("ioq3 1.36".into()),
            unused_entries: settings.collect(),
        })
    }

    fn minecraft(description: &str) -> String {
        let answer = JavaResponse {
            game_version: "1.21".into(),
            protocol_version: 767,
            players_maximum: 20,
            players_online: 4,
            players: None,
            description: description.into(),
            favicon: None,
            previews_chat: None,
            enforces_secure_chat: None,
            server_type: Server::Java,
        };
        server_info(&answer).name
    }

    #[test]
    fn an_openarena_server_is_described_in_words() {
        let told = quake3(&[
            ("gamename", "baseoa"),
            ("g_gametype", "4"),
            ("g_needpass", "0"),
        ]);
        let expected = ServerInfo {
            map: Some("oa_dm1".into()),
            mode: Some("capture the flag".into()),
            players: Some(0),
            max_players: Some(11),
            password: Some(false),
            version: Some("ioq3 1.36".into()),
            ..ServerInfo::new("Dusty's Arena")
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn a_modification_is_named_instead_of_its_modes() {
        let told = quake3(&[
            ("gamename", "q3ut4"),
            ("g_gametype", "7"),
            ("g_needpass", "1"),
        ]);
        assert_eq!(
            (told.mode.as_deref(), told.password),
            (Some("q3ut4"), Some(true))
        );
        assert_eq!(quake3(&[]).mode, None);
    }

    #[test]
    fn a_minecraft_description_is_the_name() {
        assert_eq!(minecraft(r#""A Minecraft Server""#), "A Minecraft Server");
        let styled = r#"{"text":"§lBig ","extra":[{"text":"World","color":"red"},"!"]}"#;
        assert_eq!(minecraft(styled), "Big World!");
        assert_eq!(minecraft("not JSON"), "not JSON");
    }

    #[test]
    fn a_long_description_is_cut() {
        assert_eq!(minecraft(&"ä".repeat(5000)).chars().count(), MAX_CHARS);
    }

    #[test]
    fn only_colour_codes_are_removed() {
        let table = [
            ("^1red^7", "red"),
            ("^^", "^^"),
            ("2^ 3", "2^ 3"),
            ("end^", "end^"),
        ];
        for (text, plain) in table {
            assert_eq!(without_codes(text, '^'), plain);
        }
    }
}
