//! Servers of the registry, and servers for it.

use metaserve::{Fingerprint, Game, ServerInfo};

use super::*;
use crate::{
    publish::is_marked,
    quake::{
        games::Games,
        info::{Info, Kind},
        listing::{Native, NativeChange, listing, server_info},
    },
};

fn native(clients: Option<u32>, addresses: &[&str]) -> Native {
    let game: Game = "openarena".parse().unwrap();
    let info = Games::default().wire(&game).unwrap();
    Native {
        info: Info {
            clients,
            max_clients: Some(8),
            ..info
        },
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
    }
}

#[test]
fn servers_of_the_registry_are_in_the_lists_of_old_clients() {
    let mut stage = Stage::new(|_| {});
    stage.registers("192.0.2.1:27960");
    let shown = |number, native| NativeChange::Show(number, native);
    stage.hear(News::Natives(vec![
        shown(1, native(Some(3), &["198.51.100.1:1", "[2001:db8::1]:1"])),
        shown(2, native(Some(0), &["198.51.100.2:1"])),
        shown(3, native(None, &["198.51.100.3:1"])),
        // It is the same server as ours.
        shown(4, native(Some(1), &["192.0.2.1:27960"])),
    ]));
    let some = ["192.0.2.1:27960", "198.51.100.1:1", "198.51.100.3:1"];
    assert_eq!(stage.list("203.0.113.1:1", "getservers 71").unwrap(), some);
    let all = stage.list("203.0.113.1:1", "getservers Quake3Arena 71 empty full");
    assert_eq!(all.unwrap().len(), 4);
    stage.hear(News::Natives(vec![
        NativeChange::Withdraw(1),
        NativeChange::Withdraw(4),
    ]));
    let left = ["192.0.2.1:27960", "198.51.100.3:1"];
    assert_eq!(stage.list("203.0.113.1:1", "getservers 71").unwrap(), left);
}

#[test]
fn a_server_is_published_as_people_and_other_bridges_need_it() {
    let mut stage = Stage::new(|_| {});
    stage.registers("192.0.2.1:27960");
    let (_, listed) = &stage.listed[0];
    let bridge: Fingerprint = "00".repeat(32).parse().unwrap();
    let listing = listing(Dialect::Quake3, listed, Some(&bridge));
    assert_eq!(listing.game.as_str(), "openarena");
    assert_eq!(listing.address.to_string(), "192.0.2.1:27960");
    let info = ServerInfo::from_json(&listing.heartbeat).unwrap();
    assert!(is_marked(&info, &bridge));
    assert_eq!(info.name, "Arena", "without colour codes");
    assert_eq!((info.players, info.max_players), (Some(2), Some(8)));
    assert_eq!(info.map.as_deref(), Some("oa_dm1"));
    assert_eq!(info.mode.as_deref(), Some("deathmatch"));
    let legacy = info.legacy.unwrap();
    assert_eq!(
        (&legacy["gamename"], &legacy["number"]),
        (&"Quake3Arena".into(), &71.into())
    );
}

#[test]
fn bots_are_no_players_and_a_server_without_a_name_has_its_address() {
    let mut stage = Stage::new(|_| {});
    let nexuiz = "\\gamename\\Nexuiz\\modname\\data\\gameversion\\20000\\sv_maxclients\\6\\\
        clients\\3\\bots\\2\\mapname\\skyway\\hostname\\\\protocol\\3\\qcstatus\\dm:2.5.2::score!!";
    let challenge = stage.calls("192.0.2.1:26000", "DarkPlaces").unwrap();
    stage.answers_with("192.0.2.1:26000", nexuiz, &challenge);
    let info = server_info(Dialect::Quake3, &stage.listed[0].1);
    assert_eq!(info.name, "192.0.2.1:26000");
    assert_eq!((info.players, info.max_players), (Some(1), Some(6)));
    assert_eq!(info.version.as_deref(), Some("2.5.2"));
    assert_eq!(stage.listed[0].1.description.info.kind, Kind::Named);
}
