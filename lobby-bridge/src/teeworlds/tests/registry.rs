//! Servers of the registry, and servers for it.

use metaserve::{Fingerprint, ServerInfo};
use serde_json::{Value, json};

use super::*;
use crate::{
    publish::{is_marked, is_marked_of},
    teeworlds::{
        listing::{listing, server_info},
        native::{Native, native},
    },
};

fn shown(addresses: &[&str]) -> Option<Native> {
    let addresses = addresses.iter().map(|it| it.parse().unwrap()).collect();
    Some(Native { addresses })
}

#[test]
fn servers_of_the_registry_are_in_the_lists_of_clients_each_once() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.hear(News::Natives(vec![
        (1, shown(&["198.51.100.1:1", "[2001:db8::1]:1"])),
        (2, shown(&["198.51.100.2:1"])),
        // It is the same server as ours.
        (3, shown(&[SERVER])),
    ]));
    let all = [
        SERVER,
        "198.51.100.1:1",
        "198.51.100.2:1",
        "[2001:db8::1]:1",
    ];
    assert_eq!(stage.list(CLIENT).unwrap(), all);
    assert_eq!(stage.count(), 4);
    stage.hear(News::Natives(vec![(1, None), (3, None)]));
    assert_eq!(stage.list(CLIENT).unwrap(), [SERVER, "198.51.100.2:1"]);
    // One that changes is shown as it is now.
    stage.hear(News::Natives(vec![(2, shown(&["198.51.100.2:2"]))]));
    assert_eq!(stage.list(CLIENT).unwrap(), [SERVER, "198.51.100.2:2"]);
}

#[test]
fn a_server_is_published_as_people_and_other_bridges_need_it() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    let (_, listed) = &stage.listed[0];
    let bridge: Fingerprint = "00".repeat(32).parse().unwrap();
    let listing = listing(&"ddnet".parse().unwrap(), listed, Some(&bridge));
    assert_eq!(listing.game.as_str(), "ddnet");
    assert_eq!(listing.address.to_string(), SERVER);
    let info = ServerInfo::from_json(&listing.heartbeat).unwrap();
    assert!(is_marked(&info, &bridge) && is_marked_of(&info, &bridge, "teeworlds"));
    assert!(!is_marked_of(&info, &bridge, "ddnet"));
    assert_eq!((&*info.name, info.map.as_deref()), ("Tee", Some("ctf1")));
    assert_eq!(
        (info.mode.as_deref(), info.version.as_deref()),
        (Some("CTF"), Some("0.7.5"))
    );
    assert_eq!((info.players, info.max_players), (Some(2), Some(8)));
    assert_eq!(info.password, Some(true));
    assert_eq!(info.player_list[0].name, "Ana");
    let raw = info.legacy.unwrap()["info"].clone();
    let raw = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        raw.as_str().unwrap(),
    );
    assert_eq!(raw.unwrap(), answer("Tee", "ctf1"), "as it came");
}

#[test]
fn a_server_without_a_name_has_its_address() {
    let mut stage = Stage::new(|_| {});
    stage.calls(SERVER);
    stage.serves(&answer("", "ctf1"));
    assert_eq!(server_info(&stage.listed[0].1).name, SERVER);
}

#[test]
fn a_server_is_shown_under_the_address_that_it_is_mapped_to() {
    let mut stage = Stage::new(|rules| {
        rules.addresses.mappings = vec!["10.0.0.5=192.0.2.7".parse().unwrap()];
    });
    stage.registers("10.0.0.5:8303");
    assert_eq!(stage.list(CLIENT).unwrap(), ["192.0.2.7:8303"]);
    assert_eq!(stage.listed[0].1.address.to_string(), "192.0.2.7:8303");
}

/// (legacy, version, addresses that are shown)
#[test]
fn servers_are_shown_where_a_player_of_seven_can_join_them() {
    let both = ["192.0.2.1:8303", "[2001:db8::1]:8303"];
    let of_ddnet = |addresses: &[&str]| json!({ "protocol": "ddnet", "addresses": addresses });
    let table: [(Value, Option<&str>, &[&str]); 8] = [
        (Value::Null, Some("0.7.5"), &both),
        (Value::Null, Some("0.6.4, 16.4"), &[]),
        (Value::Null, None, &[]),
        (json!({ "protocol": "teeworlds" }), None, &both),
        (
            of_ddnet(&[
                "tw-0.6+udp://192.0.2.1:8303",
                "tw-0.7+udp://192.0.2.1:8304",
                "tw-0.7+udp://[2001:db8::1]:8304",
            ]),
            Some("0.6.4, 16.4"),
            &["192.0.2.1:8304", "[2001:db8::1]:8304"],
        ),
        (of_ddnet(&["tw-0.6+udp://192.0.2.1:8303"]), Some("0.7"), &[]),
        // Somebody else's address.
        (
            of_ddnet(&["tw-0.7+udp://198.51.100.1:1", "tw-0.7+udp://x"]),
            None,
            &[],
        ),
        (json!({ "protocol": 7 }), None, &[]),
    ];
    let addresses = Addresses::default();
    for (legacy, version, expected) in table {
        let info = ServerInfo {
            version: version.map(str::to_owned),
            legacy: Some(legacy.clone()).filter(|it| !it.is_null()),
            ..ServerInfo::new("Tee")
        };
        let shown = native(&both.map(|it| it.parse().unwrap()), &info, &addresses);
        let shown = shown.map_or_else(Vec::new, |it| it.addresses);
        let shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
        assert_eq!(shown, expected, "{legacy} {version:?}");
    }
}
