//! `QuakeWorld`: what its servers are in the registry, and where its protocol is weak
//! (`docs/specifications/quakeworld-master.md`).

use super::*;
use crate::quake::{
    Dialect, listing,
    listing::{Native, NativeChange},
};

fn stage(more: &[&str]) -> Stage {
    Stage::with(Dialect::QuakeWorld, more)
}

impl Stage {
    fn joins(&mut self, who: &str, status: &[u8]) {
        self.hear_from(who, b"a\n1\n0\n");
        self.hear_from(who, status);
    }

    fn quakeworld_list(&mut self, who: &str) -> Vec<Bytes> {
        self.datagrams(who, b"c\n\0")
    }
}

const STATUS: &[u8] = b"\xff\xff\xff\xffn\\maxclients\\8\\map\\dm6\\hostname\\Pit\n\
    1 5 10 25 \"Ranger\" \"base\" 4 4\n2 7 10 25 \"Grunt\" \"base\" 4 4\n";

#[test]
fn a_server_is_in_the_registry_with_its_map_and_players() {
    let mut stage = stage(&[]);
    stage.joins("192.0.2.1:27500", STATUS);
    let (_, listed) = &stage.listed[0];
    let listing = listing::listing(Dialect::QuakeWorld, listed, None);
    assert_eq!(listing.game.as_str(), "quakeworld");
    assert_eq!(listing.address, "192.0.2.1:27500".parse().unwrap());
    let info = metaserve::ServerInfo::from_json(&listing.heartbeat).unwrap();
    assert_eq!(
        (info.name.as_str(), info.map.as_deref()),
        ("Pit", Some("dm6"))
    );
    assert_eq!((info.players, info.max_players), (Some(2), Some(8)));
}

#[test]
fn a_server_that_says_nothing_has_its_address_as_name() {
    let mut stage = stage(&[]);
    stage.joins("192.0.2.1:27500", b"\xff\xff\xff\xffn\\a\\b\n");
    let listing = listing::listing(Dialect::QuakeWorld, &stage.listed[0].1, None);
    let info = metaserve::ServerInfo::from_json(&listing.heartbeat).unwrap();
    assert_eq!(info.name, "192.0.2.1:27500");
}

#[test]
fn servers_of_the_registry_are_in_lists_at_their_ipv4_addresses() {
    let mut stage = stage(&[]);
    let games = Dialect::QuakeWorld.speech().games(&[]);
    let wire = |game: &str| games.wire(&game.parse().unwrap());
    assert_eq!(wire("openarena"), None, "it is another game");
    let addresses = ["192.0.2.7:27500", "[2001:db8::7]:27500"];
    let shown = Native {
        info: wire("quakeworld").expect("it is its game"),
        addresses: addresses.iter().map(|it| it.parse().unwrap()).collect(),
    };
    stage.hear(News::Natives(vec![NativeChange::Show(1, shown)]));
    let list = stage.quakeworld_list("203.0.113.1:1");
    assert_eq!(
        list,
        [b"\xff\xff\xff\xffd\n\xc0\x00\x02\x07\x6b\x6c".as_slice()]
    );
}

#[test]
fn games_of_quake_iii_that_are_refused_do_not_matter() {
    let mut stage = stage(&[
        "--quake3-accept",
        "Xonotic",
        "--quake3-reject",
        "quakeworld",
    ]);
    stage.joins("192.0.2.1:27500", STATUS);
    assert_eq!(stage.quakeworld_list("203.0.113.1:1")[0].len(), 6 + 6);
}

#[test]
fn pings_and_lists_are_limited_together() {
    let mut stage = stage(&[]);
    let mut told = |request: &'static [u8]| {
        let answers = (0..10).map(|_| stage.datagrams("203.0.113.1:1", request));
        answers.filter(|it| !it.is_empty()).count()
    };
    assert_eq!((told(b"k\0"), told(b"c\n\0")), (8, 0));
}

#[test]
fn forged_addresses_are_limited_as_those_of_one_host() {
    let mut stage = stage(&[]);
    for port in 1..=1_000 {
        stage.joins(&format!("192.0.2.1:{port}"), STATUS);
    }
    assert_eq!(stage.master.servers().len(), 64);
    stage.pass(16 * 60);
    assert_eq!(stage.unlisted.len(), 64, "everything ends by itself");
}
