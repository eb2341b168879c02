//! Records that are read, written and cut.

use super::*;
use proptest::{collection::vec, prelude::*};
use serde_json::json;

fn read(record: Value) -> ServerInfo {
    let bytes = record.to_string();
    ServerInfo::from_json(bytes.as_bytes()).unwrap_or_else(|| panic!("{bytes:.200} is a record"))
}

/// Every field has a value.
fn full() -> Value {
    json!({
        "name": "Dusty's", "map": "dunes", "mode": "ctf", "players": 1, "max_players": 16,
        "password": false, "version": "1.2", "started": true, "time_left_seconds": 65,
        "mods": [{"name": "big", "version": "2", "url": "x"}], "region": "eu",
        "description": "A server", "website": "https://dustys.example.org", "tags": ["no-lag"],
        "player_list": [{"name": "Ana", "score": -3, "team": "red", "ping": 40}],
        "legacy": {"protocol": "old"},
    })
}

#[test]
fn other_heartbeats_are_not_taken_for_records() {
    for bytes in [
        &b""[..],
        b"{}",
        b"[1]",
        b"{\"name\":5}",
        b"{\"name\":\"\"}",
        b"{\"name\":\"cut o",
        b"\x00\xff",
        b"\"name\"",
    ] {
        assert_eq!(ServerInfo::from_json(bytes), None);
    }
}

#[test]
fn a_game_is_as_full_as_it_says() {
    for (players, max_players, shown) in [
        (None, None, None),
        (Some(3), None, Some("3")),
        (None, Some(16), Some("?/16")),
        (Some(3), Some(16), Some("3/16")),
    ] {
        let info = ServerInfo {
            players,
            max_players,
            ..ServerInfo::new("it")
        };
        assert_eq!(info.occupancy().as_deref(), shown);
    }
}

#[test]
fn unknown_fields_survive_a_round_trip() {
    let mut record = full();
    record["ping_host"] = json!("192.0.2.1");
    // The fast way to read this number gives its neighbour.
    record["nested"] = json!({ "a": [1, null, { "b": 51.248178375505404 }] });
    let info = read(record.clone());
    assert_eq!(info.other.len(), 2, "{info:?}");
    let again: Value = serde_json::from_slice(&info.to_json()).unwrap();
    assert_eq!(again, record);
    // Only the known ones are fields.
    assert!(read(full()).other.is_empty());
}

#[test]
fn a_field_of_the_wrong_type_is_left_out_and_the_others_stay() {
    let wrong = [
        json!(null),
        json!(true),
        json!(-1),
        json!(2.5),
        json!(u64::MAX),
        json!("text"),
        json!([1, "a", [], {}, { "name": 5 }]),
        json!({ "name": { "name": "x" } }),
    ];
    for field in full().as_object().unwrap().keys() {
        for value in &wrong {
            let mut record = full();
            record[field] = value.clone();
            let Some(info) = ServerInfo::from_json(record.to_string().as_bytes()) else {
                assert_eq!(field, "name", "{value}");
                continue;
            };
            assert_eq!(info.check(), Ok(()), "{field}: {value}");
            for other in full().as_object().unwrap().keys() {
                let written = serde_json::to_value(&info).unwrap();
                let same = written.get(other) == full().get(other);
                assert!(other == field || same, "{field}: {value} changes {other}");
            }
        }
    }
}

#[test]
fn values_that_are_too_long_are_named_by_the_writer_and_cut_by_readers() {
    let (x, entry) = ("x".repeat(300_000), |name: &str| json!({ "name": name }));
    let (mods, players) = (vec![entry("m"); 10_000], vec![entry("p"); 10_000]);
    let team = json!([{ "name": "p", "team": x[..129] }]);
    let url = format!("https://example.org/{}", &x[..300]);
    let long = "a text in `FIELD` has";
    for (field, value, problem) in [
        ("name", json!(x[..129]), long),
        ("map", json!("ä".repeat(129)), long),
        ("mode", json!(x[..129]), long),
        ("version", json!(x[..129]), long),
        ("region", json!(x[..129]), long),
        ("description", json!(x[..1001]), long),
        ("tags", json!([x[..33]]), long),
        ("mods", json!([entry(&x[..129])]), long),
        ("player_list", team, long),
        (
            "tags",
            json!(vec!["t"; 10_000]),
            "has 10000 entries, more than 16",
        ),
        ("mods", json!(mods[..257]), "has 257 entries, more than 256"),
        (
            "player_list",
            json!(players[..65]),
            "has 65 entries, more than 64",
        ),
        ("tags", json!(["a", ""]), "has an empty name"),
        ("mods", json!([entry("")]), "has an empty name"),
        ("player_list", json!([entry("")]), "has an empty name"),
        ("website", json!(url), "`website` is not an http"),
        (
            "website",
            json!("javascript:alert(1)"),
            "`website` is not an http",
        ),
    ] {
        let (mut before, mut record) = (full(), full());
        record[field] = value.clone();
        let mut info = read(record.clone());
        assert_eq!(info.check(), Ok(()), "{field}");
        assert!(info.to_json().len() <= 8 * 1024, "{field}");
        // The others are as they were.
        let mut after = serde_json::to_value(&info).unwrap();
        for record in [&mut before, &mut after] {
            record.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(before, after, "{field}");

        // As a program would write it that does not look.
        let text = value.as_str().map(str::to_owned);
        match field {
            "name" => info.name = text.unwrap(),
            "map" => info.map = text,
            "mode" => info.mode = text,
            "version" => info.version = text,
            "region" => info.region = text,
            "description" => info.description = text,
            "website" => info.website = text,
            "tags" => info.tags = serde_json::from_value(value).unwrap(),
            "mods" => info.mods = serde_json::from_value(value).unwrap(),
            _ => info.player_list = serde_json::from_value(value).unwrap(),
        }
        let told = info.check().expect_err(field).to_string();
        assert!(told.contains(&problem.replace("FIELD", field)), "{told}");
        assert!(told.contains(field), "{told}");
        assert_eq!(info.fit(usize::MAX).check(), Ok(()), "{field}");
    }
}

#[test]
fn a_record_that_is_too_long_loses_what_matters_least() {
    let info = ServerInfo {
        description: Some("d".repeat(1000)),
        mods: vec![Mod::new("m".repeat(100)); 10],
        player_list: vec![Player::new("p".repeat(100)); 20],
        ..ServerInfo::new("it")
    };
    let left = |max_bytes| {
        let info = info.clone().fit(max_bytes);
        assert!(info.to_json().len() <= max_bytes, "{max_bytes}");
        (
            info.player_list.len(),
            info.description.is_some(),
            info.mods.len(),
        )
    };
    assert_eq!(left(8_192), (20, true, 10));
    assert_eq!(left(4_000), (10, true, 10));
    assert_eq!(left(2_200), (0, true, 10));
    assert_eq!(left(2_000), (0, false, 10));
    assert_eq!(left(1_000), (0, false, 5));
    assert_eq!(left(20), (0, false, 0));
    // Nothing is left to leave out.
    assert_eq!(info.fit(0), ServerInfo::new("it"));
}

#[test]
fn absurd_heartbeats_are_read_or_not_and_harm_nobody() {
    let text = |text: &str| ServerInfo::from_json(text.as_bytes());
    // Of a repeated field the last one counts.
    let twice = text(r#"{"name":"a","name":"b","map":"c","map":5}"#).unwrap();
    assert_eq!((&*twice.name, twice.map), ("b", None));
    // Nested too deeply.
    let nested = |depth: usize| {
        let (open, shut) = ("[".repeat(depth), "]".repeat(depth));
        text(&format!(r#"{{"name":"a","deep":{open}{shut}}}"#))
    };
    assert!(nested(100).is_some_and(|info| info.other.contains_key("deep")));
    assert_eq!((nested(128), nested(30_000)), (None, None));
    // Longer than any record.
    let long = |length: usize| {
        let rest = r#"{"name":"a","x":""}"#.len();
        text(&format!(
            r#"{{"name":"a","x":"{}"}}"#,
            "x".repeat(length - rest)
        ))
    };
    assert!(long(ServerInfo::MAX_JSON_BYTES).is_some());
    assert_eq!(long(ServerInfo::MAX_JSON_BYTES + 1), None);
    assert_eq!(long(1024 * 1024), None);
}

/// Any JSON, often with the names of fields.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
    ];
    let names: Vec<String> = full().as_object().unwrap().keys().cloned().collect();
    leaf.prop_recursive(3, 64, 20, move |inner| {
        let name = prop_oneof![proptest::sample::select(names.clone()), ".{0,3}".boxed()];
        prop_oneof![
            vec(inner.clone(), 0..20).prop_map(Value::from),
            vec((name, inner), 0..20)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_met_calmly(bytes: Vec<u8>) {
        let _ = ServerInfo::from_json(&bytes);
    }

    #[test]
    fn whatever_is_read_is_within_its_bounds_and_reads_the_same_again(json in any_json()) {
        if let Some(info) = ServerInfo::from_json(json.to_string().as_bytes()) {
            prop_assert_eq!(info.check(), Ok(()));
            prop_assert_eq!(ServerInfo::from_json(&info.to_json()), Some(info));
        }
    }

    #[test]
    fn names_survive(name in "\\PC{1,40}", players: Option<u32>) {
        let info = ServerInfo { players, ..ServerInfo::new(name) };
        prop_assert_eq!(ServerInfo::from_json(&info.to_json()), Some(info));
    }
}
