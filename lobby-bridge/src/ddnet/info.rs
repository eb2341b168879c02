//! The information of a server: kept as it came for clients of the old list, and read for the
//! registry. Pure. (`docs/specifications/ddnet-register.md`, sections 7 and 14.)

use bytes::Bytes;
use metaserve::{Player, ServerInfo, printable};
use serde_json::{Map, Value, json};

/// The longest information in bytes: the limit of servers and one more
/// (`docs/specifications/ddnet-register.md`, section 11).
pub const MAX_BYTES: usize = 16 * 1024 + 1;

/// The deepest nesting. Servers need three levels, and programs that read the list may not be able
/// to read any number of them.
const MAX_DEPTH: usize = 32;

/// The score of somebody who has none yet.
const NO_SCORE: i64 = -9999;

/// What clients have room for: players on a server, and bytes of texts.
const MAX_CLIENTS: usize = 64;
const MAX_NAME: usize = 63;
const MAX_PLAYER_NAME: usize = 15;
const MAX_CLAN: usize = 11;

/// Stands for a player whose name is not known. It is not `(connecting)`, the name of somebody who
/// connects (`docs/specifications/ddnet-register.md`, section 7): DDNet's client leaves those out
/// of the number of players that it shows.
const UNKNOWN_PLAYER: &str = "(unknown)";

/// The information of a server: a JSON object as the server has sent it, without white space
/// between its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info(Bytes);

/// The bytes are no information of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInfo {
    /// They are no JSON, or no object.
    #[error("the body is not a JSON object")]
    NoObject,
    /// They are nested too deeply.
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    Deep,
}

impl Info {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// It is no JSON object, or nested deeper than 32 levels.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidInfo> {
        // Before anything that could be recursive.
        let compact = compact(body)?;
        let object: Result<Map<String, Value>, _> = serde_json::from_slice(&compact);
        object.map_err(|_| InvalidInfo::NoObject)?;
        Ok(Self(compact.into()))
    }

    /// Makes the information of a server of the registry.
    #[must_use]
    pub fn of(info: &ServerInfo) -> Self {
        let known = info.player_list.iter().map(|player| {
            json!({
                "name": cut(&player.name, MAX_PLAYER_NAME),
                "clan": cut(player.team.as_deref().unwrap_or_default(), MAX_CLAN),
                "country": -1,
                "score": player.score.unwrap_or(NO_SCORE),
                "is_player": true,
            })
        });
        let unknown = json!({
            "name": UNKNOWN_PLAYER, "clan": "", "country": -1, "score": 0, "is_player": true,
        });
        // Clients count who is in the list, and the list of the registry may be shorter.
        let players = info
            .players
            .map_or(info.player_list.len(), |it| it as usize);
        let clients: Vec<Value> = known
            .chain(std::iter::repeat(unknown))
            .take(players.min(MAX_CLIENTS))
            .collect();
        let most = info.max_players.unwrap_or(16);
        let text = |text: &Option<String>| printable(text.as_deref().unwrap_or_default());
        let object = json!({
            "max_clients": most,
            "max_players": most,
            "passworded": info.password.unwrap_or(false),
            "game_type": text(&info.mode),
            "name": cut(&info.name, MAX_NAME),
            "map": { "name": text(&info.map) },
            "version": text(&info.version),
            "clients": clients,
        });
        Self(object.to_string().into())
    }

    /// The JSON object.
    #[must_use]
    pub fn json(&self) -> &Bytes {
        &self.0
    }

    /// What the registry shows of it. `unnamed` is the name of a server that has none.
    #[must_use]
    pub fn described(&self, unnamed: &str) -> ServerInfo {
        let fields: Map<String, Value> = serde_json::from_slice(&self.0).unwrap_or_default();
        let text = |name| shown(fields.get(name));
        let number = |name| fields.get(name).and_then(Value::as_u64)?.try_into().ok();
        let clients = fields.get("clients").and_then(Value::as_array);
        let players: Option<Vec<&Map<String, Value>>> = clients.map(|clients| {
            let clients = clients.iter().filter_map(Value::as_object);
            clients.filter(|it| plays(it)).collect()
        });
        let named = players.iter().flatten().filter_map(|it| player(it));
        ServerInfo {
            map: fields.get("map").and_then(|map| shown(map.get("name"))),
            mode: text("game_type"),
            players: players.as_ref().map(|it| it.len() as u32),
            max_players: number("max_players").or_else(|| number("max_clients")),
            password: fields.get("passworded").and_then(Value::as_bool),
            version: text("version"),
            player_list: named.collect(),
            ..ServerInfo::new(text("name").unwrap_or_else(|| unnamed.to_owned()))
        }
    }

    /// The object without its players, for where there is little room.
    #[must_use]
    pub fn without_clients(&self) -> Value {
        let fields: Map<String, Value> = serde_json::from_slice(&self.0).unwrap_or_default();
        let fields = fields.into_iter().filter(|(name, _)| name != "clients");
        Value::Object(fields.collect())
    }

    /// The object.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.0).unwrap_or_default()
    }
}

fn plays(client: &Map<String, Value>) -> bool {
    client.get("is_player").and_then(Value::as_bool) != Some(false)
}

fn player(client: &Map<String, Value>) -> Option<Player> {
    let score = client.get("score").and_then(Value::as_i64);
    Some(Player {
        score: score.filter(|it| *it != NO_SCORE),
        team: shown(client.get("clan")),
        ..Player::new(shown(client.get("name"))?)
    })
}

/// A text for people; `None` if there is nothing to see.
fn shown(value: Option<&Value>) -> Option<String> {
    let text = printable(value?.as_str()?);
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// As much of a text as fits into this many bytes.
fn cut(text: &str, bytes: usize) -> String {
    let mut text = printable(text);
    text.truncate(text.floor_char_boundary(bytes));
    text
}

/// Removes white space between the parts of JSON, and checks how deep it is nested. Text that is
/// no JSON stays no JSON.
fn compact(json: &[u8]) -> Result<Vec<u8>, InvalidInfo> {
    let (mut compact, mut depth) = (Vec::with_capacity(json.len()), 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if in_text => {
                in_text = escaped || *byte != b'"';
                escaped = !escaped && *byte == b'\\';
            }
            // Two numbers must not become one: between them is a comma, or it is no JSON.
            b' ' | b'\t' | b'\n' | b'\r' => {
                if compact.last().is_some_and(u8::is_ascii_alphanumeric) {
                    compact.push(b' ');
                }
                continue;
            }
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(InvalidInfo::Deep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !in_text && matches!(byte, b',' | b'}' | b']' | b':') && compact.last() == Some(&b' ') {
            compact.pop();
        }
        compact.push(*byte);
    }
    Ok(compact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As it was recorded, with somebody who plays, looks on, and connects.
    const RECORDED: &str = r#"{"max_clients":64,"max_players":60,"passworded":false,
        "game_type":"TestDDraceNetwork","name":"Specs  DDNet","map":{"name":"Tutorial",
        "sha256":"0dafbba3","size":1082711},"version":"0.6.4, 16.4","clients":[
        {"name":"nameless tee","clan":"Tees","country":-1,"score":-9999,"is_player":true},
        {"name":"Ana","clan":"","country":276,"score":12,"is_player":true,"afk":false},
        {"name":"Bo","clan":"","country":-1,"score":0,"is_player":false}],"later":1.50}"#;

    #[test]
    fn the_object_is_kept_as_it_came_without_white_space() {
        let info = Info::parse(RECORDED.as_bytes()).unwrap();
        let expected = RECORDED.replace("\n        ", "");
        assert_eq!(info.json(), expected.as_bytes(), "also the 1.50");
        let spaced = br#" { "a" : [ 1 , 2 , true ] , "b" : "x \" y" , "c" : { } } "#;
        let info = Info::parse(spaced).unwrap();
        assert_eq!(info.json(), &br#"{"a":[1,2,true],"b":"x \" y","c":{}}"#[..]);
    }

    #[test]
    fn only_objects_are_accepted() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let nested = |levels| format!("{{\"a\":{}}}", deep(levels));
        for (body, refused) in [
            ("[1]", Some(InvalidInfo::NoObject)),
            ("{\"a\":", Some(InvalidInfo::NoObject)),
            ("", Some(InvalidInfo::NoObject)),
            ("{} {}", Some(InvalidInfo::NoObject)),
            ("{\"a\":1 2}", Some(InvalidInfo::NoObject)),
            ("{\"a\":tr ue}", Some(InvalidInfo::NoObject)),
            ("{\"a\":\"\u{1}\"}", Some(InvalidInfo::NoObject)),
            (&nested(31), None),
            (&nested(32), Some(InvalidInfo::Deep)),
            (&deep(1_000_000), Some(InvalidInfo::Deep)),
            ("{}", None),
        ] {
            let shown = &body[..body.len().min(40)];
            assert_eq!(Info::parse(body.as_bytes()).err(), refused, "{shown}");
        }
        assert!(Info::parse(b"{\"a\":\"\xff\"}").is_err(), "no UTF-8");
    }

    #[test]
    fn a_recorded_server_is_described() {
        let info = Info::parse(RECORDED.as_bytes()).unwrap().described("");
        let player = |name: &str, score, team: Option<&str>| Player {
            score,
            team: team.map(str::to_owned),
            ..Player::new(name)
        };
        let expected = ServerInfo {
            map: Some("Tutorial".into()),
            mode: Some("TestDDraceNetwork".into()),
            players: Some(2),
            max_players: Some(60),
            password: Some(false),
            version: Some("0.6.4, 16.4".into()),
            player_list: vec![
                player("nameless tee", None, Some("Tees")),
                player("Ana", Some(12), None),
            ],
            ..ServerInfo::new("Specs  DDNet")
        };
        assert_eq!(info, expected);
    }

    #[test]
    fn wrong_types_and_control_characters_do_no_harm() {
        let body = br#"{"name":"\u001b[2J\u202eevil","map":7,"clients":[1,{"name":"\u0000"},
            {"name":5,"is_player":"x"}],"max_players":-4,"max_clients":99999999999,
            "game_type":null,"passworded":"yes"}"#;
        let info = Info::parse(body).unwrap().described("unnamed");
        assert_eq!(info.name, "[2Jevil");
        assert_eq!((info.map, info.mode, info.max_players), (None, None, None));
        assert_eq!((info.players, info.player_list.len()), (Some(2), 0));
        assert_eq!(
            Info::parse(b"{\"name\":\"\\u0007\"}")
                .unwrap()
                .described("unnamed")
                .name,
            "unnamed"
        );
    }

    #[test]
    fn a_server_of_the_registry_is_shown_with_all_its_players() {
        let info = ServerInfo {
            map: Some("dm1".into()),
            mode: Some("DM".into()),
            players: Some(3),
            max_players: Some(8),
            player_list: vec![Player::new("Somebody with a long name")],
            ..ServerInfo::new("Native")
        };
        let value = Info::of(&info).value();
        assert_eq!(value["map"]["name"], "dm1");
        assert_eq!(value["clients"].as_array().unwrap().len(), 3);
        assert_eq!(value["clients"][0]["name"], "Somebody with a");
        assert_eq!(value["clients"][0]["score"], -9999);
        // Players of DDNet saw 1 of 3: its client does not count those that connect.
        let clients = value["clients"].as_array().unwrap();
        assert!(clients.iter().all(|it| it["name"] != "(connecting)"));
        let back = Info::of(&info).described("");
        assert_eq!((back.players, back.max_players), (Some(3), Some(8)));
        let crowd = ServerInfo {
            players: Some(u32::MAX),
            ..info
        };
        let clients = Info::of(&crowd).value()["clients"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(clients, 64);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(body: Vec<u8>) {
            if let Ok(info) = Info::parse(&body) {
                info.described("unnamed").fit(8 * 1024).check().unwrap();
            }
        }

        #[test]
        fn white_space_does_not_change_what_is_said(value in nested()) {
            let object = json!({ "": value });
            let pretty = serde_json::to_string_pretty(&object).unwrap();
            let info = Info::parse(pretty.as_bytes()).unwrap();
            prop_assert_eq!(info.json(), &object.to_string());
        }
    }

    fn nested() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..4)
                    .prop_map(|it| Value::Object(it.into_iter().collect())),
            ]
        })
    }
}
