//! The page about `ServerInfo`, the OpenAPI document and the type say the same.

use crate::with_http;
use metaserve::{Mod, Player, Role, ServerInfo};
use metaserve_heartbeat::Publisher;
use metaserve_tests::{Daemon, Follower, constant, http::get};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../docs/reference/server-info.md");

/// Every field has a value.
fn full() -> ServerInfo {
    ServerInfo {
        map: Some("dunes".to_owned()),
        mode: Some("ctf".to_owned()),
        players: Some(1),
        max_players: Some(16),
        password: Some(false),
        version: Some("1.2".to_owned()),
        mods: vec![Mod {
            version: Some("2".to_owned()),
            ..Mod::new("big")
        }],
        started: Some(true),
        time_left_seconds: Some(65),
        region: Some("eu".to_owned()),
        description: Some("A server".to_owned()),
        website: Some("https://example.org".to_owned()),
        tags: vec!["no-lag".to_owned()],
        player_list: vec![Player {
            score: Some(-3),
            team: Some("red".to_owned()),
            ..Player::new("Ana")
        }],
        legacy: Some(json!({ "protocol": "old" })),
        ..ServerInfo::new("Dusty's")
    }
}

/// The rows of the table below a heading: type and bounds, by field.
fn table(heading: &str) -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let (_, section) = PAGE.split_once(heading).expect(heading);
    let lines = section.lines().skip_while(|line| !line.starts_with("| `"));
    let rows = lines.map_while(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let field = cells.next()?.trim_end_matches('`');
        Some((field, (cells.next()?, cells.next()?)))
    });
    rows.collect()
}

/// What the document's schema says in the words of the page.
fn in_words(schema: &Value) -> (&'static str, String) {
    let number = |name: &str| schema[name].as_u64();
    let thousands = |number: u64| match number {
        1000 => "1,000".to_owned(),
        4_294_967_295 => "4,294,967,295".to_owned(),
        other => other.to_string(),
    };
    let characters = || {
        let most = thousands(number("maxLength").expect("a longest length"));
        match number("minLength") {
            Some(least) => format!("{least} to {most} characters"),
            None => format!("at most {most} characters"),
        }
    };
    match schema["type"].as_str() {
        Some("string") => ("text", characters()),
        Some("boolean") => ("true or false", String::new()),
        Some("integer") => match (number("minimum"), number("maximum")) {
            (Some(0), Some(most)) => ("number", format!("0 to {}", thousands(most))),
            _ => ("number", "a signed integer of 64 bits".to_owned()),
        },
        Some("array") => ("list of", format!("at most {} entries", schema["maxItems"])),
        _ => ("any JSON", String::new()),
    }
}

#[tokio::test]
async fn every_field_is_on_the_page_in_the_document_and_in_the_type() {
    let (_daemon, address) = with_http(&[]).await;
    let document = get(address, "/api/v1/openapi.json", &[]).await.json();
    let record = serde_json::to_value(full()).unwrap();
    for (heading, schema, record) in [
        ("## Fields", "ServerInfo", &record),
        ("### Mods", "Mod", &record["mods"][0]),
        ("### Players", "Player", &record["player_list"][0]),
    ] {
        let page = table(heading);
        let documented = &document["components"]["schemas"][schema]["properties"];
        let documented = documented.as_object().unwrap();
        let mut fields: Vec<_> = record.as_object().unwrap().keys().collect();
        fields.sort();
        assert!(page.keys().copied().eq(fields.iter().copied()), "{page:?}");
        assert!(documented.keys().eq(fields), "{schema}");
        for (field, schema) in documented {
            let (kind, bounds) = in_words(schema);
            let (page_kind, page_bounds) = page[&**field];
            assert!(page_kind.starts_with(kind), "{field}: {page_kind}");
            assert_eq!(page_bounds, bounds, "{field}");
        }
    }
}

#[tokio::test]
async fn the_bounds_of_the_document_are_those_of_the_type() {
    let (_daemon, address) = with_http(&[]).await;
    let document = get(address, "/api/v1/openapi.json", &[]).await.json();
    let schemas = &document["components"]["schemas"];
    let check = |field: &str, value: Value| {
        let mut record = serde_json::to_value(full()).unwrap();
        record[field] = value.clone();
        let read = ServerInfo::from_json(record.to_string().as_bytes());
        let read = serde_json::to_value(read).unwrap();
        (read[field] == value, read[field].clone())
    };
    let fits = |field: &str, fits: Value, too_much: Value| {
        assert!(check(field, fits).0, "{field} fits");
        assert!(!check(field, too_much).0, "{field} is too much");
    };
    for (field, schema) in schemas["ServerInfo"]["properties"].as_object().unwrap() {
        let text = |most: &Value, begin: &str| {
            let rest = most.as_u64().unwrap() as usize - begin.len();
            let text = |rest| json!(format!("{begin}{}", "x".repeat(rest)));
            (text(rest), text(rest + 1))
        };
        match (
            &schema["maxLength"],
            &schema["maxItems"],
            &schema["maximum"],
        ) {
            (Value::Null, Value::Null, Value::Null) => {}
            (most @ Value::Number(_), ..) => {
                let begin = if field == "website" { "https://a/" } else { "" };
                let (longest, too_long) = text(most, begin);
                fits(field, longest, too_long);
            }
            (_, most @ Value::Number(_), _) => {
                let entry = match field.as_str() {
                    "tags" => json!("tag"),
                    _ => json!({ "name": "x" }),
                };
                let entries = |more| json!(vec![&entry; most.as_u64().unwrap() as usize + more]);
                fits(field, entries(0), entries(1));
            }
            (_, _, most) => fits(field, most.clone(), json!(most.as_u64().unwrap() + 1)),
        }
    }
    let (longest, too_long) = ("x".repeat(32), "x".repeat(33));
    assert_eq!(
        schemas["ServerInfo"]["properties"]["tags"]["items"]["maxLength"],
        longest.len()
    );
    fits("tags", json!([longest]), json!([too_long]));
    for (list, schema) in [("mods", "Mod"), ("player_list", "Player")] {
        for (field, schema) in schemas[schema]["properties"].as_object().unwrap() {
            let Some(most) = schema["maxLength"].as_u64() else {
                continue;
            };
            let entry = |length: u64| {
                let mut entry = json!({ "name": "x" });
                entry[field] = "x".repeat(length as usize).into();
                json!([entry])
            };
            fits(list, entry(most), entry(most + 1));
        }
    }
}

#[test]
fn the_example_of_the_page_is_a_record_within_its_bounds() {
    let (_, example) = PAGE.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let info = ServerInfo::from_json(example.as_bytes()).expect("a record");
    let written: Value = serde_json::from_slice(&info.to_json()).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(example).unwrap());
    assert!(info.other.is_empty());
}

async fn publish(daemon: &Daemon, port: u16, heartbeat: String) {
    let publisher = Publisher::new(daemon.connect(Role::Heartbeat, None).await);
    tokio::spawn(publisher.port(port).run(constant(heartbeat)));
}

#[tokio::test]
async fn absurd_records_are_shown_as_the_page_says_and_harm_no_other() {
    let (daemon, address) = with_http(&["--max-heartbeat", "1048576"]).await;
    let many = |entry: &str| vec![entry; 10_000].join(",");
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    let absurd = [
        r#"{"name":"types","map":5,"players":"many","tags":{},"website":"javascript:1"}"#
            .to_owned(),
        r#"{"name":"first","name":"twice","region":"a","region":"eu"}"#.to_owned(),
        format!(r#"{{"name":"tags","tags":[{}]}}"#, many(r#""t""#)),
        format!(r#"{{"name":"list","player_list":[{}]}}"#, many("{}")),
        format!(r#"{{"name":"deep","x":{}}}"#, deep(100)),
        format!(r#"{{"name":"deeper","x":{}}}"#, deep(30_000)),
        format!(r#"{{"name":"megabyte","x":"{}"}}"#, "x".repeat(1_000_000)),
        r#"{"name":"other","mine":{"kept":true}}"#.to_owned(),
        serde_json::to_string(&full()).unwrap(),
    ];
    let count = absurd.len();
    for (port, heartbeat) in absurd.into_iter().enumerate() {
        publish(&daemon, 7000 + port as u16, heartbeat).await;
    }
    let mut client = Follower::new(&daemon, None).await;
    client.until("all", |list| list.len() == count).await;
    let page = get(address, "/api/v1/servers", &[]).await.json();
    let shown = |port: usize| {
        let servers = page["servers"].as_array().unwrap().iter();
        let at = format!("127.0.0.1:{}", 7000 + port);
        let mut at_port = servers.filter(|server| server["address"] == *at);
        at_port.next().cloned().expect("it is listed")
    };
    assert_eq!(shown(0)["info"], json!({ "name": "types" }));
    assert_eq!(shown(1)["info"], json!({ "name": "twice", "region": "eu" }));
    assert_eq!(shown(2)["info"]["tags"].as_array().unwrap().len(), 16);
    assert_eq!(shown(3)["info"], json!({ "name": "list" }));
    assert_eq!(shown(4)["info"]["name"], "deep");
    for bytes in [5, 6] {
        assert!(shown(bytes)["info"].is_null());
        assert!(shown(bytes)["heartbeat_base64"].is_string());
    }
    assert_eq!(shown(7)["info"]["mine"], json!({ "kept": true }));
    assert_eq!(shown(8)["info"], serde_json::to_value(full()).unwrap());
    for (words, found) in [("eu+no-lag", 1), ("eu", 2), ("no-lag+asia", 0)] {
        let found_by = get(address, &format!("/api/v1/servers?q={words}"), &[]).await;
        let servers = found_by.json()["servers"].as_array().unwrap().len();
        assert_eq!(servers, found, "{words}");
    }
}
