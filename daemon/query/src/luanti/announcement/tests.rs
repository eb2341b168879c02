//! What Debian 12's `minetest-server` 5.6.1 sends, and what else can come.

use super::*;
use proptest::prelude::*;

/// As it was recorded, without some of its mods.
const START: &str = r#"{"action":"start","address":"","can_see_far_names":true,"clients":0,
    "clients_list":[],"clients_max":7,"creative":true,"damage":false,"dedicated":true,
    "description":"A test of the list","game_time":0,"gameid":"minetest_game","mapgen":"v7",
    "mods":["util_commands","stairs"],"name":"Specs Server \"\u00e4\"","password":false,
    "port":27300,"privs":"interact, shout","proto_max":41,"proto_min":37,"pvp":true,
    "rollback":false,"uptime":0,"url":"https://example.org","version":"5.6.1"}"#;

const FORM: &str = "multipart/form-data; boundary=------------------------73d3f8ce219cf522";

/// The body in which the server sends it.
fn form(json: &str) -> Vec<u8> {
    let boundary = "--------------------------73d3f8ce219cf522";
    let head = "Content-Disposition: form-data; name=\"json\"";
    format!("{boundary}\r\n{head}\r\n\r\n{json}\r\n{boundary}--\r\n").into_bytes()
}

fn listed(json: &str) -> (u16, ServerInfo) {
    match Announcement::from_json(json.as_bytes()) {
        Ok(Announcement::Listed { port, info, .. }) => (port, *info),
        other => panic!("{other:?}"),
    }
}

/// `START` with one value exchanged for another text.
fn with(field: &str, value: &str) -> String {
    let mut fields: Map<String, Value> = serde_json::from_str(START).unwrap();
    fields.insert(field.to_owned(), serde_json::from_str(value).unwrap());
    serde_json::to_string(&fields).unwrap()
}

#[test]
fn a_recorded_server_is_described() {
    let Ok(Announcement::Listed { port, info, said }) = Announcement::read(FORM, &form(START))
    else {
        panic!("it is listed");
    };
    let expected = ServerInfo {
        mode: Some("minetest_game".into()),
        players: Some(0),
        max_players: Some(7),
        password: Some(false),
        version: Some("5.6.1".into()),
        description: Some("A test of the list".into()),
        website: Some("https://example.org".into()),
        ..ServerInfo::new("Specs Server \"ä\"")
    };
    assert_eq!((port, *info), (27300, expected));
    // Everything else is for lists, but for what names the request.
    let mut fields: Map<String, Value> = serde_json::from_str(START).unwrap();
    for field in ["action", "address", "port"] {
        fields.remove(field);
    }
    assert_eq!(
        (said.starts, &*said.address, said.fields),
        (true, "", fields)
    );
}

#[test]
fn lists_give_out_known_fields_in_their_types_and_bounds_only() {
    let said = |json: &str| match Announcement::from_json(json.as_bytes()) {
        Ok(Announcement::Listed { said, .. }) => said.fields,
        other => panic!("{other:?}"),
    };
    for (field, value, given) in [
        ("world_uuid", "\"secret\"", None),
        ("unheard_of", "1", None),
        ("url", "\"javascript:alert(1)\"", None),
        ("url", "\"//example.org\"", Some("\"//example.org\"")),
        ("pvp", "\"1\"", Some("true")),
        ("proto_min", "\"37\"", Some("37")),
        ("lag", "0.0891", Some("0.0891")),
        ("name", "\"a\\u001b[2Jb\"", Some("\"a[2Jb\"")),
        ("clients_list", "[\"Ana\"]", Some("[\"Ana\"]")),
    ] {
        let given = given.map(|it| serde_json::from_str::<Value>(it).unwrap());
        let fields = said(&with(field, value));
        assert_eq!(fields.get(field), given.as_ref(), "{field}");
    }
    assert_eq!(said(&with("clients_list", "[\"Ana\"]"))["clients"], 1);
    let long = "x".repeat(2_000);
    let fields = said(&with("name", &format!("\"{long}\"")));
    assert_eq!(fields["name"].as_str().unwrap().len(), 100);
    for (field, value) in [
        ("pvp", "2"),
        ("mods", "[1]"),
        ("uptime", "\"long\""),
        ("lag", "true"),
    ] {
        let refused = Announcement::from_json(with(field, value).as_bytes());
        assert_eq!(refused, Err(InvalidAnnouncement::Field(field)), "{value}");
    }
}

#[test]
fn the_end_of_a_server_is_understood() {
    let json = br#"{"action":"delete","address":"","port":27300}"#;
    let gone = Announcement::from_json(json);
    assert_eq!(gone, Ok(Announcement::Gone { port: 27300 }));
    let gone = Announcement::from_json(br#"{"action":"delete"}"#);
    assert_eq!(gone, Ok(Announcement::Gone { port: 30000 }));
}

#[test]
fn an_update_has_the_same_fields() {
    let (_, info) = listed(&with("action", "\"update\""));
    assert_eq!(info, listed(START).1);
}

#[test]
fn values_of_other_programs_are_understood() {
    let (port, _) = listed(&with("port", "\"30001\""));
    assert_eq!(port, 30001);
    for (value, password) in [("\"true\"", true), ("\"1\"", true), ("\"no\"", false)] {
        assert_eq!(listed(&with("password", value)).1.password, Some(password));
    }
    let (_, info) = listed(&with("clients_list", r#"["Ana", "B\u0007o", ""]"#));
    let names: Vec<_> = info.player_list.iter().map(|it| &*it.name).collect();
    assert_eq!((info.players, names), (Some(3), vec!["Ana", "Bo", ""]));
}

#[test]
fn a_server_can_send_it_in_each_form() {
    let encoded: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("other", "x")
        .append_pair("json", START)
        .finish();
    let urlencoded = "Application/x-www-form-urlencoded; charset=utf-8";
    let read = Announcement::read(urlencoded, encoded.as_bytes());
    assert_eq!(read, Announcement::from_json(START.as_bytes()));
    let quoted = "multipart/form-data; charset=x; boundary=\"b\"";
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n\
        --b\r\ncontent-disposition: form-data; name=\"json\"\r\n\r\n{START}\r\n--b--"
    );
    assert_eq!(Announcement::read(quoted, body.as_bytes()), read);
}

#[test]
fn each_mistake_is_told() {
    use InvalidAnnouncement::{Action, Field, Missing, TooLong};
    let body = form(START);
    for kind in [
        "text/plain",
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(Announcement::read(kind, &body), Err(Missing), "{kind}");
    }
    let long = with("description", &format!("\"{}\"", "x".repeat(9000)));
    let table = [
        (long, TooLong),
        ("{".to_owned(), Action),
        ("[]".to_owned(), Action),
        ("{}".to_owned(), Action),
        (with("action", "\"jump\""), Action),
        (with("port", "0"), Field("port")),
        (with("port", "70000"), Field("port")),
        (with("name", "7"), Field("name")),
        (with("clients", "-1"), Field("clients")),
        (with("clients_list", "[7]"), Field("clients_list")),
        (with("clients_list", "7"), Field("clients_list")),
    ];
    for (json, mistake) in table {
        assert_eq!(
            Announcement::from_json(json.as_bytes()),
            Err(mistake),
            "{json}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_announcement_or_refused(kind in "[a-z/=; -]{0,40}", body: Vec<u8>) {
        let _ = Announcement::read(&kind, &body);
        let _ = Announcement::read("multipart/form-data; boundary=a", &body);
        let _ = Announcement::read("multipart/form-data; boundary=", &body);
        let _ = Announcement::read(FORM, &form(&String::from_utf8_lossy(&body)));
        let _ = Announcement::from_json(&body);
    }

    #[test]
    fn every_field_can_have_any_value(at in 0..24_usize, value in prop::sample::select(
        vec!["null", "7", "-1", "true", "\"x\"", "[]", "[7]", "{}", "1e99"]
    )) {
        let fields: Map<String, Value> = serde_json::from_str(START).unwrap_or_default();
        if let Some(field) = fields.keys().nth(at) {
            let _ = Announcement::from_json(with(field, value).as_bytes());
        }
    }
}
