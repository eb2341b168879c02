//! Converts a game server's answer into the record for the list. Pure.

use gamedig::protocols::{
    GenericResponse,
    quake::{self, VersionedResponse},
    types::CommonResponse,
    valve::ExtraData,
};
use metaserve::{Player, ServerInfo};
use serde_json::Value;
use std::collections::HashMap;

/// The record to publish. Its name is empty if the server has none.
pub(crate) fn server_info(answer: &dyn CommonResponse) -> ServerInfo {
    let name = answer.name().or(answer.description()).unwrap_or_default();
    let bots = answer.players_bots().unwrap_or(0);
    let players = answer.players().unwrap_or_default().into_iter();
    let players = players.map(|it| Player {
        score: it.score().map(i64::from),
        ..Player::new(shown(it.name()))
    });
    let info = ServerInfo {
        name: shown(name),
        map: text(answer.map()),
        mode: text(answer.game_mode()),
        players: Some(answer.players_online().saturating_sub(bots)),
        max_players: Some(answer.players_maximum()),
        password: answer.has_password(),
        version: text(answer.game_version()),
        player_list: players.collect(),
        ..ServerInfo::default()
    };
    match answer.as_original() {
        GenericResponse::Quake(answer) => with_quake_settings(info, settings(&answer)),
        GenericResponse::Minecraft(_) => ServerInfo {
            name: shown(&without_codes(&chat_text(name), '§')),
            ..info
        },
        GenericResponse::Valve(answer) => ServerInfo {
            tags: tags(answer.info.extra_data.as_ref()),
            ..info
        },
        _ => info,
    }
}

/// The keywords of a server on Steam.
fn tags(extra: Option<&ExtraData>) -> Vec<String> {
    let keywords = extra.and_then(|it| it.keywords.as_deref());
    let words = keywords.unwrap_or_default().split([',', ';', ' ']);
    words.map(str::to_owned).collect()
}

fn text(text: Option<&str>) -> Option<String> {
    text.map(shown).filter(|text| !text.is_empty())
}

fn shown(text: &str) -> String {
    text.trim().to_owned()
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
        website: website(settings),
        ..info
    }
}

/// Operators of Quake servers set it by hand, under names such as `URL` and `.Website`.
fn website(settings: &HashMap<String, String>) -> Option<String> {
    let named = |key: &str| {
        let key = key.trim_start_matches(['.', '_']);
        ["url", "website"]
            .iter()
            .any(|it| key.eq_ignore_ascii_case(it))
    };
    let found = settings.iter().filter(|(key, _)| named(key)).min()?;
    text(Some(found.1))
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
pub(crate) fn without_codes(text: &str, mark: char) -> String {
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
    use gamedig::{
        minecraft::{JavaResponse, Server},
        protocols::valve,
    };

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

    /// A server on Steam, with what is not under test left out.
    fn steam(keywords: Option<&str>, players: &[(&str, i32)]) -> ServerInfo {
        let player = |(name, score): &(&str, i32)| valve::ServerPlayer {
            name: (*name).into(),
            score: *score,
            duration: 60.0,
            deaths: None,
            money: None,
        };
        server_info(&valve::Response {
            info: valve::ServerInfo {
                protocol_version: 17,
                name: "Dusty's".into(),
                map: "de_dust".into(),
                folder: String::new(),
                game_mode: "Strike".into(),
                appid: 10,
                players_online: 2,
                players_maximum: 16,
                players_bots: 0,
                server_type: valve::Server::Dedicated,
                environment_type: valve::Environment::Linux,
                has_password: false,
                vac_secured: true,
                the_ship: None,
                game_version: "1.1".into(),
                extra_data: Some(ExtraData {
                    port: None,
                    steam_id: None,
                    tv_port: None,
                    tv_name: None,
                    keywords: keywords.map(str::to_owned),
                    game_id: None,
                }),
                is_mod: false,
                mod_data: None,
            },
            players: Some(players.iter().map(player).collect()),
            rules: None,
        })
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
    fn keywords_and_players_of_a_steam_server_are_published() {
        let told = steam(
            Some("alltalk,no-lag,"),
            &[("Ana", 12), (" ", 0), ("Bo", -1)],
        );
        let told = told.fit(usize::MAX);
        assert_eq!(told.tags, ["alltalk", "no-lag"]);
        let players = told.player_list.iter();
        let players: Vec<_> = players.map(|it| (&*it.name, it.score)).collect();
        assert_eq!(players, [("Ana", Some(12)), ("Bo", Some(-1))]);
        assert!(steam(None, &[]).fit(usize::MAX).tags.is_empty());
    }

    #[test]
    fn a_quake_server_can_have_a_website() {
        let website = |key, text| quake3(&[(key, text)]).fit(usize::MAX).website;
        let url = "https://dustys.example.org";
        for key in ["URL", ".Website", "website"] {
            assert_eq!(website(key, url).as_deref(), Some(url), "{key}");
        }
        assert_eq!(website("URL", "ask me"), None);
        assert_eq!(website("sv_url", url), None);
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
