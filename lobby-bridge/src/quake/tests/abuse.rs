//! Bad input (`docs/specifications/quake3-master.md`, section 9).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use metaserve::bans::Bans;
use proptest::{collection::vec, prelude::*};

use super::*;

#[test]
fn a_thousand_servers_of_one_address_are_64() {
    let mut stage = Stage::new(|_| {});
    let mut asked = 0;
    for port in 1..=1_000 {
        let who = format!("192.0.2.1:{port}");
        if let Some(challenge) = stage.calls(&who, "QuakeArena-1") {
            asked += 1;
            stage.answers_with(&who, OPENARENA, &challenge);
        }
    }
    assert_eq!((asked, stage.master.servers().len()), (64, 64));
    // Another address is not affected.
    stage.registers("192.0.2.2:27960");
}

#[test]
fn a_flood_of_forged_heartbeats_keeps_the_list_and_no_more_memory() {
    let mut stage = Stage::new(|rules| rules.limits.pending = 100);
    stage.registers("198.51.100.1:27960");
    for number in 0..10_000_u32 {
        let [_, _, c, d] = number.to_be_bytes();
        let _ = stage.calls(&format!("10.9.{c}.{d}:27960"), "DarkPlaces");
    }
    assert_eq!(stage.master.unproved(), 100);
    let list = stage.list("203.0.113.1:1", "getservers 71");
    assert_eq!(list.unwrap(), ["198.51.100.1:27960"]);
    // A listed server is asked and answers as before.
    stage.pass(2);
    stage.registers("198.51.100.1:27960");
    stage.pass(30);
    assert_eq!(stage.master.unproved(), 0);
    assert_eq!(stage.master.servers().len(), 1);
}

#[test]
fn forged_heartbeats_of_a_listed_server_do_not_remove_it() {
    let mut stage = Stage::new(|_| {});
    let who = "192.0.2.1:27960";
    stage.registers(who);
    let mut questions = 0;
    for _ in 0..200 {
        stage.asked.clear();
        stage.pass(1);
        for _ in 0..10 {
            stage.says(who, "heartbeat QuakeArena-1\n");
        }
        for (_, challenge) in std::mem::take(&mut stage.asked) {
            questions += 1;
            stage.answers_with(who, OPENARENA, &challenge);
        }
    }
    assert!(questions <= 201, "{questions}: more than one a second");
    assert!(stage.unlisted.is_empty());
}

#[test]
fn a_banned_server_leaves_the_list() {
    let mut stage = Stage::new(|_| {});
    stage.registers("192.0.2.1:27960");
    stage.registers("198.51.100.1:27960");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.0/24\n").unwrap();
    let bans = Bans::read(file.path()).unwrap();
    stage.hear(News::Bans(Arc::new(bans)));
    assert_eq!(stage.unlisted, [stage.listed[0].0]);
    let list = stage.list("203.0.113.1:1", "getservers 71");
    assert_eq!(list.unwrap(), ["198.51.100.1:27960"]);
}

/// What one peer does.
#[derive(Clone, Debug)]
enum Act {
    Calls(&'static str),
    /// With the challenge that was given to this peer.
    AnswersFor(usize),
    Says(Vec<u8>),
    Passes(u8),
}

const PEERS: usize = 4;

fn peer(number: usize) -> String {
    format!("192.0.2.{number}:27960")
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let tags = ["QuakeArena-1", "DarkPlaces", "ETFlatline-1", "Nonsense"];
    let words = [
        "heartbeat ",
        "infoResponse\n\\",
        "getservers ",
        "getserversExt ",
        "71",
        "\\",
        " ",
    ];
    let text = vec(
        prop_oneof![
            prop::sample::select(words.to_vec()).prop_map(|it| it.as_bytes().to_vec()),
            vec(any::<u8>(), 0..8),
        ],
        0..8,
    );
    let act = prop_oneof![
        4 => prop::sample::select(tags.to_vec()).prop_map(Act::Calls),
        4 => (0..PEERS).prop_map(Act::AnswersFor),
        1 => text.prop_map(|parts| Act::Says(parts.concat())),
        2 => (0..25_u8).prop_map(Act::Passes),
    ];
    vec((0..PEERS, act), 0..60)
}

proptest! {
    #[test]
    fn nobody_is_listed_without_the_challenge_that_it_was_given(acts in acts()) {
        let mut stage = Stage::new(|_| {});
        let mut given: HashMap<SocketAddr, String> = HashMap::new();
        let mut proved: HashSet<SocketAddr> = HashSet::new();
        for (who, act) in acts {
            let name = peer(who);
            match act {
                Act::Calls(tag) => stage.says(&name, &format!("heartbeat {tag}\n")),
                Act::AnswersFor(other) => {
                    let other = peer(other).parse().unwrap();
                    let challenge = given.get(&other).cloned().unwrap_or_default();
                    if name.parse() == Ok(other) && !challenge.is_empty() {
                        proved.insert(other);
                    }
                    let info = format!("{OPENARENA}\\gamename\\Quake3Arena");
                    stage.answers_with(&name, &info, &challenge);
                }
                Act::Says(bytes) => {
                    let datagram = [b"\xff\xff\xff\xff".as_slice(), &bytes].concat();
                    stage.hear(News::Datagram(Way::to(name.parse().unwrap()), datagram.into()));
                }
                Act::Passes(seconds) => stage.pass(seconds.into()),
            }
            given.extend(stage.asked.drain(..));
            let listed = stage.master.servers().iter().map(|it| it.address);
            let listed: HashSet<SocketAddr> = listed.collect();
            prop_assert!(listed.is_subset(&proved), "{listed:?} {proved:?}");
            prop_assert_eq!(stage.listed.len() - stage.unlisted.len() >= listed.len(), true);
        }
        // Everything ends by itself.
        stage.pass(16 * 60);
        prop_assert!(stage.master.servers().is_empty());
        prop_assert_eq!(stage.master.unproved(), 0);
    }

    #[test]
    fn strangers_get_no_more_than_they_send(acts in acts()) {
        let mut stage = Stage::new(|_| {});
        let mut heartbeats = [0_usize; PEERS];
        let mut questions = 0;
        for (who, act) in acts {
            match act {
                Act::Calls(tag) => {
                    heartbeats[who] += 1;
                    stage.says(&peer(who), &format!("heartbeat {tag}\n"));
                }
                Act::Passes(seconds) => stage.pass(seconds.into()),
                _ => {}
            }
            questions += stage.asked.drain(..).count();
            prop_assert!(questions <= heartbeats.iter().sum());
        }
    }
}
