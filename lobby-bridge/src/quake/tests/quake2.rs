//! Quake II and its relatives: what their servers are in the registry, and where the protocol is
//! weak (`docs/specifications/quake2-master.md`).

use super::*;
use crate::quake::{
    Dialect, listing,
    listing::{Native, NativeChange},
};

const STATUS: &str = "\\version\\3.21 i386\\gamename\\baseq2\\hostname\\Pit\\mapname\\q2dm1\\\
    maxclients\\8\\deathmatch\\1\n3 40 \"Ranger\"\n5 0 \"Grunt\"\n";

fn stage() -> Stage {
    Stage::with(Dialect::Quake2, &[])
}

impl Stage {
    fn joins_quake2(&mut self, who: &str, status: &str) {
        self.says(who, "heartbeat\n");
        self.says(who, &format!("print\n{status}"));
    }
}

#[test]
fn a_server_is_in_the_registry_with_its_game_map_and_players() {
    let mut stage = stage();
    stage.joins_quake2("192.0.2.1:27910", STATUS);
    stage.joins_quake2("192.0.2.2:27910", &STATUS.replace("baseq2", "data1"));
    stage.joins_quake2("192.0.2.3:27910", &STATUS.replace("3.21", "Quetoo 1.0"));
    let games: Vec<_> = stage
        .listed
        .iter()
        .map(|(_, it)| it.game.as_str())
        .collect();
    assert_eq!(games, ["quake2", "alienarena", "quetoo"]);
    let listing = listing::listing(Dialect::Quake2, &stage.listed[0].1, None);
    assert_eq!(listing.address, "192.0.2.1:27910".parse().unwrap());
    let info = metaserve::ServerInfo::from_json(&listing.heartbeat).unwrap();
    assert_eq!(
        (info.name.as_str(), info.map.as_deref()),
        ("Pit", Some("q2dm1"))
    );
    assert_eq!((info.players, info.max_players), (Some(2), Some(8)));
}

#[test]
fn servers_of_the_registry_are_in_lists_at_their_ipv4_addresses() {
    let mut stage = stage();
    let games = Dialect::Quake2.speech().games(&[]);
    assert_eq!(games.wire(&"openarena".parse().unwrap()), None);
    let addresses = ["192.0.2.7:27910", "[2001:db8::7]:27910"];
    let shown = Native {
        info: games.wire(&"alienarena".parse().unwrap()).unwrap(),
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
    };
    stage.hear(News::Natives(vec![NativeChange::Show(1, shown)]));
    let list = stage.datagrams("203.0.113.1:1", b"query\n\0");
    assert_eq!(
        list,
        [b"\xff\xff\xff\xffservers \xc0\x00\x02\x07\x6d\x06".as_slice()]
    );
}

#[test]
fn pings_and_lists_are_limited_together() {
    let mut stage = stage();
    let mut told = |request: &'static [u8]| {
        let answers = (0..10).map(|_| stage.datagrams("203.0.113.1:1", request));
        answers.filter(|it| !it.is_empty()).count()
    };
    assert_eq!((told(b"\xff\xff\xff\xffping"), told(b"query\n\0")), (8, 0));
}

#[test]
fn forged_addresses_are_limited_as_those_of_one_host() {
    let mut stage = stage();
    for port in 1..=1_000 {
        stage.joins_quake2(&format!("192.0.2.1:{port}"), STATUS);
    }
    assert_eq!(stage.master.servers().len(), 64);
    stage.pass(16 * 60);
    assert_eq!(stage.unlisted.len(), 64, "everything ends by itself");
}

#[test]
fn servers_of_the_last_run_are_asked_again() {
    let mut stage = stage();
    let saved = vec![("192.0.2.1:27910".parse().unwrap(), "quake2".to_owned())];
    stage.hear(News::Saved(saved));
    stage.pass(1);
    stage.says("192.0.2.1:27910", &format!("print\n{STATUS}"));
    assert_eq!(stage.listed.len(), 1);
}
