//! Bad input (`docs/specifications/ddnet-register.md`, section 15).

use std::{collections::HashSet, sync::Arc};

use metaserve::bans::Bans;
use proptest::{collection::vec, prelude::*};

use super::*;

#[test]
fn who_has_no_token_gets_less_than_it_sends() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.sent.clear();
    stage.says(at(CLIENT), token_request(PEERS));
    let (_, answer) = stage.take().unwrap();
    assert_eq!(answer.len(), 12, "for 520 bytes");
    // A shorter request is none.
    stage.says(at(CLIENT), token_request(PEERS)[..519].to_vec());
    // Everything else needs the token.
    for kind in [b"cou2", b"req2"] {
        stage.tells(CLIENT, [0; 4], *kind, b"");
        stage.tells(CLIENT, [0xff; 4], *kind, b"");
    }
    stage.tells(CLIENT, [0; 4], *b"bea2", &[0x20, 0x6f]);
    assert_eq!(stage.sent, []);
}

#[test]
fn a_token_of_another_address_or_of_long_ago_is_worth_nothing() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    let token = stage.token(CLIENT);
    assert_eq!(stage.list_with(CLIENT, token).unwrap(), [SERVER]);
    for other in ["203.0.113.1:2", "203.0.113.2:1", SERVER] {
        assert_eq!(stage.list_with(other, token), None, "{other}");
    }
    stage.pass(59);
    assert!(stage.list_with(CLIENT, token).is_some());
    stage.pass(61);
    assert_eq!(stage.list_with(CLIENT, token), None, "it is replayed");
}

#[test]
fn answers_that_are_late_wrong_or_of_others_list_nobody() {
    let mut stage = Stage::new(|_| {});
    stage.calls(SERVER);
    let (way, question) = stage.take().unwrap();
    let ours = token_asked(&question).unwrap();
    let firewall = |to| message(to, PEERS, *b"fw!!", b"");
    // Before it was asked, with a wrong token, from elsewhere, and to the port that it has called.
    stage.says(way, firewall(ours));
    stage.says(way, token_answer([9; 4], PEERS));
    stage.says(at("192.0.2.2:8303").beside(), token_answer(ours, PEERS));
    stage.says(at(SERVER), token_answer(ours, PEERS));
    assert_eq!(stage.sent, []);
    stage.says(way, token_answer(ours, PEERS));
    assert_eq!(stage.sent.len(), 1);
    stage.says(way, firewall([9; 4]));
    stage.says(at(SERVER), firewall(ours));
    stage.says(way, message(ours, PEERS, *b"inf3", &answer("x", "x")));
    assert_eq!(stage.count(), 0);
    stage.pass(11);
    stage.says(way, firewall(ours));
    assert_eq!((stage.count(), stage.listed.len()), (0, 0), "it is late");
}

#[test]
fn a_description_that_is_cut_short_publishes_nothing() {
    let mut stage = Stage::new(|_| {});
    let whole = answer("Tee", "ctf1");
    // The players at its end may be missing.
    let server = whole.len() - 8;
    for length in 0..server {
        stage.calls(SERVER);
        stage.serves(&whole[..length]);
        assert_eq!(stage.listed, [], "{length}");
        stage.pass(21);
    }
    stage.registers(SERVER);
    assert_eq!(stage.listed.len(), 1);
}

#[test]
fn a_thousand_servers_of_one_address_are_64() {
    let mut stage = Stage::new(|_| {});
    for port in 1..=1_000 {
        stage.registers(&format!("192.0.2.1:{port}"));
    }
    assert_eq!(stage.master.servers().len(), 64);
    // One host cannot name a thousand ports that do not answer either.
    let token = stage.token("192.0.2.2:1");
    for port in 1..=1_000_u16 {
        let port = port.to_be_bytes();
        stage.tells("192.0.2.2:1", token, *b"bea2", &port);
    }
    assert_eq!((stage.sent.len(), stage.master.unproved()), (64, 64));
    // Another address is not affected.
    stage.sent.clear();
    stage.registers("192.0.2.3:8303");
    assert_eq!(stage.master.servers().len(), 65);
}

#[test]
fn a_flood_of_servers_that_do_not_answer_keeps_the_list_and_no_more_memory() {
    let mut stage = Stage::new(|rules| rules.limits.checks = 100);
    stage.registers("198.51.100.1:8303");
    for number in 0..2_000_u32 {
        let [_, _, c, d] = number.to_be_bytes();
        stage.calls(&format!("10.9.{c}.{d}:8303"));
    }
    assert_eq!(stage.master.unproved(), 100);
    assert_eq!(stage.list(CLIENT).unwrap(), ["198.51.100.1:8303"]);
    // A listed server is checked as before.
    stage.registers("198.51.100.1:8303");
    stage.pass(30);
    assert_eq!(stage.master.unproved(), 0);
    assert_eq!(stage.master.servers().len(), 1);
}

#[test]
fn a_server_that_calls_all_the_time_is_checked_every_5_seconds() {
    let mut stage = Stage::new(|_| {});
    let mut checks = 0;
    for _ in 0..200 {
        for _ in 0..10 {
            stage.calls(SERVER);
            let told = stage.serves(&answer("Tee", "ctf1"));
            checks += told.iter().filter(|it| *it == "token?").count();
        }
        stage.pass(1);
        let told = stage.serves(&answer("Tee", "ctf1"));
        checks += told.iter().filter(|it| *it == "token?").count();
    }
    assert!(checks <= 42, "{checks} in 200 s");
    assert!(stage.unlisted.is_empty());
}

#[test]
fn an_address_gets_some_lists_at_once_and_then_one_per_period() {
    let mut stage = Stage::new(|rules| rules.limits.lists.at_once = Some(2));
    let token = stage.token(CLIENT);
    let asks = |stage: &mut Stage| stage.list_with(CLIENT, token).is_some();
    assert!(asks(&mut stage) && asks(&mut stage) && !asks(&mut stage));
    stage.pass(2);
    assert!(asks(&mut stage) && !asks(&mut stage));
}

#[test]
fn a_banned_server_leaves_the_list() {
    let mut stage = Stage::new(|_| {});
    stage.registers(SERVER);
    stage.registers("198.51.100.1:8303");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "192.0.2.0/24\n").unwrap();
    let bans = Bans::read(file.path()).unwrap();
    stage.hear(News::Bans(Arc::new(bans)));
    assert_eq!(stage.unlisted, [stage.listed[0].0]);
    assert_eq!(stage.list(CLIENT).unwrap(), ["198.51.100.1:8303"]);
}

#[test]
fn servers_at_addresses_that_nobody_can_reach_are_not_asked() {
    let mut stage = Stage::new(|rules| rules.addresses.reach = Reach::Public);
    for who in ["127.0.0.1:8303", "192.168.0.1:8303", "[fe80::1]:8303"] {
        stage.calls(who);
        assert_eq!(stage.sent, [], "{who}");
    }
}

/// What one peer does.
#[derive(Clone, Debug)]
enum Act {
    /// Asks for a token.
    Asks,
    /// Says this with the token that it was given last.
    Says([u8; 4]),
    /// Answers the last question that it, or another peer, was asked.
    Answers(usize),
    /// Sends bytes, to the first or the second socket.
    Sends(Vec<u8>, bool),
    Passes(u8),
}

const CROWD: usize = 3;

fn peer(number: usize) -> String {
    format!("192.0.2.{}:8303", number + 1)
}

fn acts() -> impl Strategy<Value = Vec<(usize, Act)>> {
    let kinds = [*b"bea2", *b"cou2", *b"req2", *b"fw!!", *b"inf3"];
    let starts: Vec<Vec<u8>> = vec![
        vec![4, 0, 0, 0xff, 0xff, 0xff, 0xff, 5],
        vec![0x21],
        token_request([3; 4]),
        Vec::new(),
    ];
    let bytes = (prop::sample::select(starts), vec(any::<u8>(), 0..40));
    let bytes = bytes.prop_map(|(start, rest)| [start, rest].concat());
    let act = prop_oneof![
        2 => Just(Act::Asks),
        4 => prop::sample::select(kinds.to_vec()).prop_map(Act::Says),
        6 => (0..CROWD).prop_map(Act::Answers),
        1 => (bytes, any::<bool>()).prop_map(|(bytes, beside)| Act::Sends(bytes, beside)),
        2 => (0..25_u8).prop_map(Act::Passes),
    ];
    vec((0..CROWD, act), 0..80)
}

proptest! {
    #[test]
    fn nobody_is_listed_who_has_not_answered_its_own_check(acts in acts()) {
        let mut stage = Stage::new(|_| {});
        let mut tokens: HashMap<usize, Token> = HashMap::new();
        let mut questions: HashMap<SocketAddr, Bytes> = HashMap::new();
        let mut proved: HashSet<SocketAddr> = HashSet::new();
        for (who, act) in acts {
            let name = peer(who);
            match act {
                Act::Asks => drop(tokens.insert(who, stage.token(&name))),
                Act::Says(kind) => {
                    let token = tokens.get(&who).copied().unwrap_or_default();
                    stage.tells(&name, token, kind, &8303_u16.to_be_bytes());
                    stage.tells(&name, token, kind, b"");
                }
                Act::Answers(other) => {
                    let asked: SocketAddr = peer(other).parse().unwrap();
                    let Some(question) = questions.get(&asked).cloned() else {
                        continue;
                    };
                    let reply = match (token_asked(&question), Message::read(&question)) {
                        (Some(theirs), _) => token_answer(theirs, PEERS),
                        (None, Some(said)) if said.kind == *b"fw??" => {
                            if who == other {
                                proved.insert(asked);
                            }
                            message(said.from, PEERS, *b"fw!!", b"")
                        }
                        (None, Some(said)) => {
                            message(said.from, PEERS, *b"inf3", &answer("Tee", "ctf1"))
                        }
                        _ => continue,
                    };
                    stage.says(at(&name).beside(), reply);
                }
                Act::Sends(bytes, true) => stage.says(at(&name).beside(), bytes),
                Act::Sends(bytes, false) => stage.says(at(&name), bytes),
                Act::Passes(seconds) => stage.pass(seconds.into()),
            }
            for (way, datagram) in std::mem::take(&mut stage.sent) {
                if way.is_beside() {
                    questions.insert(way.peer(), datagram);
                }
            }
            let listed: HashSet<SocketAddr> = stage.master.servers().addresses().collect();
            prop_assert!(listed.is_subset(&proved), "{listed:?} {proved:?}");
        }
        // Everything ends by itself.
        stage.pass(120);
        prop_assert!(stage.master.servers().is_empty());
        prop_assert_eq!(stage.master.unproved(), 0);
        let published: HashSet<u64> = stage.listed.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(published.len(), stage.unlisted.len());
    }
}
